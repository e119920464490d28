import type { IncomingMessage, ServerResponse } from 'node:http'
import { isObject, type Json, type JsonObject } from '../../../plugin/domain/json.ts'
import { failure } from './answer.ts'
import { send, type Behaviour } from './behaviour.ts'

export const ADVISORIES_PATH = '/-/npm/v1/security/advisories/bulk'

/** A question for advisories as it came. */
export interface AskedAdvisories {
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** What a registry knows against packages, by name. */
export type KnownAdvisories = Readonly<Record<string, readonly JsonObject[]>>

/** Answers as npm's registry does: of the names that were asked for; 404 where nothing is known at all. */
export function answerAdvisories(request: IncomingMessage, response: ServerResponse, known: KnownAdvisories | undefined, log: AskedAdvisories[], behaviour: Behaviour | undefined): void {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const body = Buffer.concat(chunks).toString()
    log.push({ headers: request.headers, body })
    const answer = (): Parameters<typeof send>[1] => {
      if (known === undefined) return failure(404, 'Not found')
      const asked: unknown = JSON.parse(body)
      const document = Object.fromEntries(Object.entries(known).filter(([name]) => isObject(asked) && Object.hasOwn(asked, name)))
      return { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(document as Json)) }
    }
    if (behaviour === undefined) send(response, answer())
    else behaviour(response, answer)
  })
}

/** An advisory as npm's bulk endpoint has it. */
export const advisory = (id: number, range: string, more: JsonObject = {}): JsonObject => ({
  id,
  url: `https://advisories.example/GHSA-${String(id)}`,
  title: `Weakness number ${String(id)}`,
  severity: 'high',
  vulnerable_versions: range,
  cwe: ['CWE-79'],
  cvss: { score: 7.5, vectorString: null },
  ...more,
})
