/** A receiver of webhooks on loopback, and a decision log that says what a test says. */
import http, { type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { DecisionQuery, DecisionReader, DecisionRecord, LogEntry } from '../../../plugin/domain/decision.ts'
import type { JsonObject } from '../../../plugin/domain/json.ts'

export interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly text: string
  readonly body: JsonObject
}

export class Receiver {
  readonly received: Received[] = []
  /** What it answers next; then 200. */
  readonly answers: (number | ((response: ServerResponse) => void))[] = []
  readonly #server = http.createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString()
      this.received.push({ path: request.url ?? '', headers: request.headers, text, body: JSON.parse(text) as JsonObject })
      const answer = this.answers.shift() ?? 200
      if (typeof answer === 'number') response.writeHead(answer).end('thanks')
      else answer(response)
    })
  })

  static async start(): Promise<Receiver> {
    const receiver = new Receiver()
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve))
    return receiver
  }

  get url(): URL {
    return new URL(`http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}/services/T0/B0/VerySecretPath`)
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => { resolve() })
      this.#server.closeAllConnections()
    })
  }
}

export const AT = '2026-06-01T00:00:00.000Z'

export const recordOf = (record: Partial<DecisionRecord>): DecisionRecord => ({
  at: AT,
  kind: 'refused',
  package: 'widget',
  version: '1.0.0',
  integrity: 'sha512-x',
  uplink: 'npmjs',
  outcome: 'deny',
  monitored: false,
  reasons: [{ code: 'signature-absent', message: 'it is not signed' }],
  rule: 'default',
  policyRevision: 'abcdef012345',
  waivers: [],
  evidence: null,
  asker: { address: '10.1.2.3', client: 'npm/11', user: 'carol', token: 'abcdef' },
  detail: null,
  times: 1,
  ...record,
})

/** In memory; followers are told at once. */
export class MemoryLog implements Pick<DecisionReader, 'each' | 'follow'> {
  readonly entries: LogEntry[] = []
  readonly asked: DecisionQuery[] = []
  readonly #listeners = new Set<(entries: readonly LogEntry[]) => void>()

  add(...records: readonly Partial<DecisionRecord>[]): void {
    const entries = records.map((record, index) => ({ ...recordOf(record), log: 'test', sequence: this.entries.length + index + 1, previous: '', hash: '' }))
    this.entries.push(...entries)
    for (const listener of this.#listeners) listener(entries)
  }

  async *each(query: DecisionQuery): AsyncGenerator<LogEntry> {
    await Promise.resolve()
    this.asked.push(query)
    yield* this.entries.filter(
      (entry) => (query.kinds?.includes(entry.kind) ?? true) && (query.package === undefined || entry.package === query.package) && (query.from === undefined || entry.at >= query.from),
    )
  }

  follow(listener: (entries: readonly LogEntry[]) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  get followers(): number {
    return this.#listeners.size
  }
}
