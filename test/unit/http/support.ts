/** Handlers behind a real Express on loopback, asked by requests written as they stand. */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type NextFunction, type Request, type Response } from 'express'

export interface Answer {
  readonly status: number
  readonly phrase: string
  readonly headers: http.IncomingHttpHeaders
  readonly body: Buffer
}

export interface Ask {
  readonly method?: string
  readonly path?: string
  readonly headers?: http.OutgoingHttpHeaders
}

type Handler = (request: Request, response: Response, next: NextFunction) => unknown

/** One server whose handler each test sets; an error that reaches the end is 500 with its message, no handler 404. */
export class Served {
  handler: Handler = (_request, _response, next) => { next() }
  readonly #server: http.Server

  constructor() {
    const app = express()
    app.all('/:package/:version?', (request, response, next) => {
      Promise.resolve()
        .then(() => this.handler(request, response, next))
        .catch(next)
    })
    app.use((_request: Request, response: Response) => void response.status(404).end())
    app.use((error: Error, _request: Request, response: Response, _next: NextFunction) => void response.status(500).end(error.message))
    this.#server = http.createServer(app)
  }

  start(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, '127.0.0.1', () => { resolve() }))
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections()
    return new Promise((resolve) => this.#server.close(() => { resolve() }))
  }

  ask({ method = 'GET', path = '/widget', headers = {} }: Ask = {}): Promise<Answer> {
    const { port } = this.#server.address() as AddressInfo
    return new Promise((resolve, reject) => {
      const request = http.request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          const { statusCode: status = 0, statusMessage: phrase = '', headers: received } = response
          resolve({ status, phrase, headers: received, body: Buffer.concat(chunks) })
        })
      })
      request.on('error', reject)
      request.end()
    })
  }
}

export const json = ({ body }: Answer): Record<string, unknown> => JSON.parse(body.toString()) as Record<string, unknown>
