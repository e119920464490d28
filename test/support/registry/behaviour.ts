import type { ServerResponse } from 'node:http'
import zlib from 'node:zlib'

/** A decoded path (`/@acme/widget/-/widget-1.0.0.tgz`), a pattern over it, or a predicate. */
export type PathMatcher = string | RegExp | ((path: string) => boolean)

/** For which of the matching requests a behaviour holds: after so many good ones, for so many. */
export interface When {
  readonly after?: number
  readonly times?: number
}

/** An answer before it is sent. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** How a registry can misbehave; `answer` is what it would have sent. */
export type Behaviour = (response: ServerResponse, answer: () => Answer) => void

export interface Rule {
  readonly match: PathMatcher
  readonly behaviour: Behaviour
  readonly when: When
  /** Version whose republishing ends the rule. */
  readonly owner?: string
}

export const matches = (matcher: PathMatcher, path: string): boolean => {
  if (typeof matcher === 'string') return matcher === path
  return matcher instanceof RegExp ? matcher.test(path) : matcher(path)
}

export const send = (response: ServerResponse, { status, headers, body }: Answer): void => {
  // RFC 9110, 8.6: a 304 that names a length names that of the answer it stands for.
  response.writeHead(status, status === 304 ? headers : { ...headers, 'content-length': String(body.length) }).end(body)
}

export const status =
  (code: number, headers: Readonly<Record<string, string>> = {}): Behaviour =>
  (response) => {
    const body = Buffer.from(JSON.stringify({ error: `status ${code}` }))
    send(response, { status: code, headers: { 'content-type': 'application/json', ...headers }, body })
  }

/** Takes the request and never answers. */
export const hang: Behaviour = () => undefined

export const garbage =
  (body: string | Uint8Array, contentType = 'application/json'): Behaviour =>
  (response) => {
    send(response, { status: 200, headers: { 'content-type': contentType }, body: Buffer.from(body) })
  }

/** Announces the whole body, sends half of it and breaks the connection. */
export const cut: Behaviour = (response, answer) => {
  const { status: code, headers, body } = answer()
  response.writeHead(code, { ...headers, 'content-length': String(body.length) })
  response.write(body.subarray(0, Math.floor(body.length / 2)), () => response.destroy())
}

/** Sends `bytes` every `ms` milliseconds. */
export const slow =
  (bytes: number, ms: number): Behaviour =>
  (response, answer) => {
    const { status: code, headers, body } = answer()
    response.writeHead(code, { ...headers, 'content-length': String(body.length) })
    let at = 0
    const timer = setInterval(() => {
      response.write(body.subarray(at, (at += bytes)))
      if (at >= body.length) response.end()
    }, ms)
    response.on('close', () => { clearInterval(timer) })
  }

export const redirect =
  (to: string, code = 302): Behaviour =>
  (response) => {
    response.writeHead(code, { location: to, 'content-length': '0' }).end()
  }

/** Sends something else than the registry would, uncompressed. */
export const rewrite =
  (change: (body: Buffer) => Buffer): Behaviour =>
  (response, answer) => {
    const { status: code, headers, body } = answer()
    const { 'content-encoding': encoding, etag, ...rest } = headers
    const plain = encoding === 'gzip' && etag !== undefined ? zlib.gunzipSync(body) : body
    send(response, { status: code, headers: rest, body: change(plain) })
  }

/** Sends bytes for as long as somebody takes them. */
export const endless: Behaviour = (response) => {
  const chunk = Buffer.alloc(65_536)
  response.writeHead(200, { 'content-type': 'application/octet-stream' })
  const push = (): void => {
    while (!response.destroyed && response.write(chunk));
  }
  response.on('drain', push)
  push()
}

/** A small gzip body that unpacks to `size` bytes of white space before the document. */
export const gzipBomb = (size: number): Behaviour => {
  let packed: Buffer | undefined
  return (response) => {
    packed ??= zlib.gzipSync(Buffer.alloc(size, ' '))
    send(response, { status: 200, headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' }, body: packed })
  }
}
