import type { IncomingMessage, ServerResponse } from 'node:http'

/** The part of Verdaccio's logger (pino, with a level of its own for requests) that its access log is written with. */
export interface RequestLogger {
  http?: (fields: object, text: string) => void
  isLevelEnabled?(level: string): boolean
}

/** @param length of the body, where it was sent whole */
export type AccessLog = (request: IncomingMessage, response: ServerResponse, length: number) => void

/** As Verdaccio writes it for what goes through it (@verdaccio/middleware, log.ts). */
const TEXT = "@{status}, user: @{user}(@{remoteIP}), req: '@{request.method} @{request.url}', bytes: @{bytes.in}/@{bytes.out}"

/** Writes a line for an answer that never came to Verdaccio; undefined where its log has no such lines. */
export function accessLog(logger: RequestLogger): AccessLog | undefined {
  if (logger.http === undefined || logger.isLevelEnabled?.('http') !== true) return undefined
  return ({ method, url, socket: { remoteAddress }, headers }, response, length) => {
    const forwarded = headers['x-forwarded-for']
    const remoteIP = forwarded === undefined ? remoteAddress : `${String(forwarded)} via ${String(remoteAddress)}`
    response.once('close', () => {
      // Headers that were written as a list are not remembered.
      const out = method === 'HEAD' || response.statusCode === 304 ? 0 : Number(response.getHeader('content-length') ?? length)
      logger.http?.({ request: { method, url }, user: null, remoteIP, status: response.statusCode, bytes: { in: 0, out } }, TEXT)
    })
  }
}
