/** One request of the soak's clients, over connections that are kept as package managers keep them. */
import http from 'node:http'

export interface Ask {
  readonly kind: string
  readonly path: string
  readonly method?: 'GET' | 'HEAD' | 'PUT' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** The connection is broken at the first byte of the answer's body. */
  readonly breaksOff?: boolean
}

export interface Answered {
  /** 0 when the connection broke, which it does for whoever breaks it. */
  readonly status: number
  readonly etag: string | undefined
  readonly body: string
  readonly milliseconds: number
}

const WAIT_MS = 30_000
/** More of a body nobody here reads. */
const MAX_TEXT = 10_000

export class Client {
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 32 })
  readonly #base: string

  constructor(base: string) {
    this.#base = base
  }

  /** Never rejects. */
  ask({ path, method = 'GET', headers = {}, body, breaksOff = false }: Ask): Promise<Answered> {
    const from = performance.now()
    return new Promise((resolve) => {
      const done = (status: number, etag?: string, text = ''): void => { resolve({ status, etag, body: text, milliseconds: performance.now() - from }) }
      const request = http.request(`${this.#base}${path}`, { method, headers, agent: this.#agent, timeout: WAIT_MS }, (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => {
          if (breaksOff) request.destroy()
          else if (text.length < MAX_TEXT) text += chunk.toString('latin1')
        })
        response.once('error', () => { done(0) })
        response.once('end', () => { done(response.statusCode ?? 0, response.headers.etag, text) })
        response.once('close', () => { done(breaksOff ? (response.statusCode ?? 0) : 0) })
      })
      request.once('timeout', () => request.destroy())
      request.once('error', () => { done(0) })
      request.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}
