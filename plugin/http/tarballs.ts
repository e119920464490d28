import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { StoredTarball } from '../domain/ports.ts'
import type { Verdict } from '../domain/verdict.ts'
import { byteRangeOf } from './byte-range.ts'
import { preconditionOf } from './preconditions.ts'

export interface TarballToSend {
  readonly tarball: StoredTarball
  /** What the client is told of it, see `policyWarning`. */
  readonly warning: string | undefined
  /** Milliseconds after which a client that takes nothing is left. */
  readonly patience?: number
}

/** A client on the slowest line takes some bytes in this time. */
const PATIENCE = 120_000

const etagOf = (sha512: string): string => `"${sha512.slice(0, 43)}"`

/** The codes of a verdict that lets something pass with a warning. */
export const policyWarning = ({ outcome, reasons }: Verdict): string | undefined =>
  outcome === 'warn' ? [...new Set(reasons.map(({ code }) => code))].join(' ') : undefined

/**
 * Names and values in turn, of an answer that is the whole of a tarball.
 * @param common what every answer has; the others come before it
 */
export function wholeHeaders({ sha512, size }: StoredTarball, common: readonly string[], more: Readonly<Record<string, string | undefined>>): string[] {
  const own: Readonly<Record<string, string | undefined>> = { ...more, ETag: etagOf(sha512), 'Cache-Control': 'no-cache', 'Accept-Ranges': 'bytes', 'Content-Type': 'application/octet-stream', 'Content-Length': String(size) }
  const names = new Set(Object.keys(own).map((name) => name.toLowerCase()))
  const others = common.flatMap((name, index) => (index % 2 === 0 && !names.has(name.toLowerCase()) ? [name, common[index + 1] ?? ''] : []))
  return [...others, ...Object.entries(own).flatMap(([name, value]) => (value === undefined ? [] : [name, value]))]
}

/** Whether a request is for the whole of a tarball, whatever the client has of it. */
export const wantsWhole = ({ method, headers }: IncomingMessage): boolean =>
  method === 'GET' && headers.range === undefined && headers['if-none-match'] === undefined && headers['if-match'] === undefined

/**
 * Sends all of a tarball, as `wantsWhole` asks for it, in one piece; false where that is not at hand and nothing was sent.
 * @param headers as `wholeHeaders` has them
 * @throws Unavailable when the file was touched; nothing was sent then
 */
export function sendAtOnce(response: ServerResponse, tarball: StoredTarball, headers: string[]): boolean {
  const part = tarball.read(0, tarball.size)
  if (!('bytes' in part)) return false
  const { bytes, release } = part
  if (release !== undefined) response.once('close', () => { release(response.writableFinished) })
  response.writeHead(200, headers)
  response.end(bytes)
  return true
}

/**
 * Answers GET or HEAD with a verified tarball, or the part of it that was asked for (RFC 9110, 13 and 14). The ETag is the digest,
 * since the bytes under a version never change. Knows nothing of Express, and answers before it returns where the bytes are at hand.
 * @throws Unavailable when the file was touched. Where nothing was sent yet, the response is as it was before; else it is destroyed,
 * short of its Content-Length
 */
export async function sendTarball(request: IncomingMessage, response: ServerResponse, { tarball, warning, patience = PATIENCE }: TarballToSend): Promise<void> {
  const { sha512, size } = tarball
  const etag = etagOf(sha512)
  const headers: OutgoingHttpHeaders = { ETag: etag, 'Cache-Control': 'no-cache', 'Accept-Ranges': 'bytes' }
  if (warning !== undefined) headers['npm-policy-warning'] = warning
  const status = preconditionOf(request.headers, etag)
  if (status === 304) {
    response.writeHead(304, headers).end()
    return
  }
  const range = status === 412 ? undefined : byteRangeOf(request, size, etag)
  if (status === 412 || range === 'unsatisfiable') {
    headers['Content-Length'] = 0
    if (range === 'unsatisfiable') headers['Content-Range'] = `bytes */${String(size)}`
    response.writeHead(status === 412 ? 412 : 416, headers).end()
    return
  }
  const { start, end } = range ?? { start: 0, end: size }
  headers['Content-Type'] = 'application/octet-stream'
  headers['Content-Length'] = end - start
  if (range !== undefined) headers['Content-Range'] = `bytes ${String(start)}-${String(end - 1)}/${String(size)}`
  const begin = (): unknown => response.writeHead(range === undefined ? 200 : 206, headers)

  if (request.method === 'HEAD') {
    begin()
    response.end()
    return
  }
  // Nobody waits any more, and `close` will not come once more.
  if (response.closed) return
  const part = tarball.read(start, end)
  if (!('bytes' in part)) {
    response.setTimeout(patience, () => { response.destroy() })
    await sendSlices(response, part, end - start, begin)
    return
  }
  const { bytes, release } = part
  if (release !== undefined) response.once('close', () => { release(response.writableFinished) })
  begin()
  response.end(bytes)
}

async function sendSlices(response: ServerResponse, slices: AsyncIterable<Uint8Array>, length: number, begin: () => unknown): Promise<void> {
  let sent = 0
  try {
    for await (const slice of slices) {
      if (response.closed) return
      if (sent === 0) begin()
      sent += slice.length
      if (!(await isTaken(response, slice, sent === length))) return
    }
  } catch (error) {
    // The end that is missing says that this is not the file.
    if (response.headersSent) response.destroy()
    throw error
  }
}

/** Whether the client took it all; false when it went away. */
const isTaken = (response: ServerResponse, slice: Uint8Array, isLast: boolean): Promise<boolean> =>
  new Promise((resolve) => {
    const gone = (): void => { resolve(false) }
    const taken = (error?: Error | null): void => {
      response.off('close', gone)
      resolve(error === undefined || error === null)
    }
    response.once('close', gone)
    if (isLast) response.end(slice, taken)
    else response.write(slice, taken)
  })
