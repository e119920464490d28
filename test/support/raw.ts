/** Requests as they are written: `fetch` would tidy the path, set the Host and refuse what a hostile client sends. */
import http, { type IncomingHttpHeaders } from 'node:http'
import net from 'node:net'
import type { JsonObject } from '../../plugin/domain/json.ts'

export interface RawAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export interface RawRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string
}

/** One request with this path, byte for byte. */
export function raw(base: string, path: string, { method = 'GET', headers = {}, body }: RawRequest = {}): Promise<RawAnswer> {
  const { hostname, port } = new URL(base)
  return new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, path, method, headers: headers as http.OutgoingHttpHeaders, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => { resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }) })
    })
    request.on('error', reject)
    request.end(body)
  })
}

export const rawJson = async (base: string, path: string, request?: RawRequest): Promise<JsonObject> =>
  JSON.parse((await raw(base, path, request)).body.toString()) as JsonObject

/** Writes bytes on a connection, closes it when `hangUp`, and resolves with what came back until the other side closed it. */
export function onTheWire(base: string, bytes: string | Uint8Array, hangUp = false): Promise<string> {
  const { hostname, port } = new URL(base)
  return new Promise((resolve) => {
    const socket = net.connect(Number(port), hostname)
    let answer = ''
    socket.on('data', (chunk) => { answer += chunk.toString('latin1') })
    socket.on('error', () => { resolve(answer) })
    socket.on('close', () => { resolve(answer) })
    socket.write(bytes, () => { if (hangUp) socket.destroy() })
  })
}

/** Registers a user with Verdaccio and answers with the token. */
export async function register(base: string, name: string): Promise<string> {
  const response = await fetch(`${base}/-/user/org.couchdb.user:${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, password: 'a long password' }),
  })
  return ((await response.json()) as { token: string }).token
}
