/** Requests that no network sees: asked of a server in this process. */
import http, { type RequestListener, type Server } from 'node:http'
import { duplexPair } from 'node:stream'
import express from 'express'
import { createRouter, type RouterDeps } from './router.ts'

export interface Rehearsed {
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Asks a server one thing over a connection that is memory. Resolves to the status once the answer is there; rejects when it breaks off. */
export function askInMemory(server: Server, { path, headers = {} }: Rehearsed): Promise<number> {
  const [ours, theirs] = duplexPair()
  // node:http documents this of `connection`: any duplex stream may be handed to a server.
  server.emit('connection', theirs)
  return new Promise((resolve, reject) => {
    const request = http.request({ createConnection: () => ours, path, headers: { host: 'localhost', ...headers, connection: 'close' } }, (response) => {
      response.resume().once('end', () => { resolve(response.statusCode ?? 0) }).once('error', reject)
    })
    request.once('error', reject).end()
  })
}

/** Asks the mirror's routes, made of other parts and behind no listener. Resolves to the statuses. */
export async function rehearseRoutes(deps: RouterDeps, asked: readonly Rehearsed[]): Promise<readonly number[]> {
  const app = express()
  app.use(createRouter(deps))
  const server = http.createServer(app as RequestListener)
  const statuses: number[] = []
  for (const one of asked) statuses.push(await askInMemory(server, one))
  return statuses
}
