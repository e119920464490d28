/** Routes of the dashboard behind a real Express, with a decision log in memory. */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express'
import { BadQuery, type DecisionPage, type DecisionQuery, type DecisionReader, type DecisionSummary, type LogEntry } from '../../../../plugin/domain/decision.ts'
import type { VerdaccioAuth } from '../../../../plugin/http/access.ts'
import { guarded } from '../../../../plugin/http/guarded.ts'

export const entry = (sequence: number, more: Partial<LogEntry> = {}): LogEntry => ({
  at: new Date(Date.UTC(2027, 0, 1, 0, 0, sequence)).toISOString(),
  kind: 'served',
  package: 'widget',
  version: '1.0.0',
  integrity: null,
  uplink: 'npmjs',
  outcome: 'allow',
  monitored: false,
  reasons: [],
  rule: 'everything',
  policyRevision: 'p1',
  waivers: [],
  evidence: null,
  asker: { address: '10.0.0.1', client: 'npm/12', user: 'bob', token: 't1' },
  detail: null,
  times: 1,
  log: 'mirror',
  sequence,
  previous: 'a'.repeat(64),
  hash: 'b'.repeat(64),
  ...more,
})

/** Pages of `size`, newest first as given; keeps the questions. */
export class FakeLog implements DecisionReader {
  readonly asked: DecisionQuery[] = []
  entries: readonly LogEntry[] = []
  size = 2
  summaries = 0
  readonly followers = new Set<(entries: readonly LogEntry[]) => void>()

  find(query: DecisionQuery): Promise<DecisionPage> {
    this.asked.push(query)
    const from = Number(query.cursor ?? 0)
    if (Number.isNaN(from)) return Promise.reject(new BadQuery('cursor is of no page'))
    const end = from + (query.limit ?? this.size)
    return Promise.resolve({ entries: this.entries.slice(from, end), cursor: end < this.entries.length ? String(end) : undefined })
  }

  async *each(query: DecisionQuery): AsyncGenerator<LogEntry> {
    this.asked.push(query)
    for (const one of this.entries) yield await Promise.resolve(one)
  }

  summary(range: { readonly from: string; readonly to: string; readonly bucket: number }): Promise<DecisionSummary> {
    this.summaries++
    return Promise.resolve({
      ...range,
      series: [{ at: range.from, counts: { refused: 3 } }],
      reasons: [{ code: 'provenance-absent', count: 3 }],
      packages: [{ package: 'widget', count: 2 }, { package: 'secret', count: 1 }],
      rules: [{ rule: 'everything', counts: { refused: 3 } }],
      coverage: { served: 1, signature: 1, publishAttestation: 0, provenance: 0, pinned: 0 },
    })
  }

  follow(listener: (entries: readonly LogEntry[]) => void): () => void {
    this.followers.add(listener)
    return () => { this.followers.delete(listener) }
  }
}

/** Everybody may access everything but `secret`. */
export const AUTH = {
  allow_access: ({ packageName }: { packageName: string }, _user: unknown, done: (error: Error | null, allowed?: boolean) => void) => {
    if (packageName === 'secret') done(Object.assign(new Error('no'), { status: 403 }))
    else done(null, true)
  },
} as unknown as VerdaccioAuth

export const BOB = { name: 'bob', groups: ['bob', '$authenticated'] }
export const CAROL = { name: 'carol', groups: ['security', '$authenticated'] }
export const GROUPS = { read: ['$authenticated'], write: ['security'] }

export interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly text: string
  readonly bytes: Buffer
}

/** One server for the handlers of a test; `user` is who asks. */
export class Behind {
  user: unknown = BOB
  readonly #server: http.Server

  constructor(path: string, handler: Parameters<typeof guarded>[0] | RequestHandler, ...guards: readonly RequestHandler[]) {
    const app = express()
    app.use(express.json({ strict: false }))
    app.use((request: Request, response: Response, next: NextFunction) => {
      Object.assign(request, { remote_user: this.user })
      response.setHeader('Access-Control-Allow-Origin', '*')
      next()
    })
    app.all(path, ...guards, guarded(handler, { logger: { warn: () => undefined, error: () => undefined } }))
    app.use((error: Error, _request: Request, response: Response, _next: NextFunction) => void response.status(500).end(error.message))
    this.#server = http.createServer(app)
  }

  start(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, '127.0.0.1', () => { resolve() }))
  }

  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  /** Reads `until` that is in the body, where the answer has no end. */
  ask(path: string, { method = 'GET', headers = {}, body, until }: { method?: string; headers?: http.OutgoingHttpHeaders; body?: string; until?: string } = {}): Promise<Answer> {
    const { port } = this.#server.address() as AddressInfo
    return new Promise((resolve, reject) => {
      const request = http.request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
        const chunks: Buffer[] = []
        const done = (): void => {
          const bytes = Buffer.concat(chunks)
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text: bytes.toString(), bytes })
        }
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk)
          if (until !== undefined && Buffer.concat(chunks).includes(until)) {
            done()
            request.destroy()
          }
        })
        response.on('end', done)
      })
      request.on('error', reject)
      request.end(body)
    })
  }
}
