/**
 * Node's own HTTP server with bytes in memory and nothing else, the measure of all others: `node raw.ts PORT ORIGIN`. What it has
 * not yet it asks ORIGIN for, under its own address, so that it serves the very bytes that the mirror serves.
 */
import http, { type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import { buffer } from 'node:stream/consumers'

interface Kept {
  readonly status: number
  readonly headers: OutgoingHttpHeaders
  readonly etag: string | undefined
  readonly body: Buffer
}

const [port = '0', origin = ''] = process.argv.slice(2)
const kept = new Map<string, Kept>()
const DROPPED = new Set(['date', 'connection', 'keep-alive', 'transfer-encoding', 'content-length'])

http.createServer((request, response) => {
  const { headers, url = '/' } = request
  const key = `${headers.accept?.includes('install-v1') === true ? 'short' : 'full'} ${headers['accept-encoding']?.includes('gzip') === true ? 'gzip' : 'plain'} ${url}`
  const known = kept.get(key)
  if (known === undefined) {
    void fill(key, request).then((fresh) => {
      response.writeHead(fresh.status, fresh.headers).end(fresh.body)
    }, (error: unknown) => {
      response.writeHead(502).end(String(error))
    })
  } else if (known.etag !== undefined && headers['if-none-match'] === known.etag) response.writeHead(304, { etag: known.etag }).end()
  else response.writeHead(known.status, known.headers).end(known.body)
}).listen(Number(port), '127.0.0.1')

function fill(key: string, { headers, url = '/', method = 'GET' }: IncomingMessage): Promise<Kept> {
  const { 'if-none-match': _known, connection: _connection, ...asked } = headers
  return new Promise((resolve, reject) => {
    http.request(`${origin}${url}`, { method, headers: { ...asked, host: `127.0.0.1:${port}` } }, (answer) => {
      buffer(answer).then((body) => {
        const status = answer.statusCode ?? 500
        const said = Object.fromEntries(Object.entries(answer.headers).filter(([name]) => !DROPPED.has(name)))
        const fresh: Kept = { status, headers: { ...said, 'content-length': body.length }, etag: answer.headers.etag, body }
        if (status === 200 && method === 'GET') kept.set(key, fresh)
        resolve(fresh)
      }, reject)
    }).once('error', reject).end()
  })
}
