import { hash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Request, Response } from 'express'
import type { JsonObject } from '../domain/json.ts'
import { inOwnMemory } from '../domain/own-memory.ts'

const compress = promisify(gzip)

const ETAG_LENGTH = 27

/** Bytes that another thread wrote. */
export class WrittenBody {
  readonly identity: Buffer
  readonly gzip: Buffer
  /** sha256 of `identity`, base64url. */
  readonly digest: string

  constructor({ identity, gzip, digest }: { readonly identity: Uint8Array<ArrayBuffer>; readonly gzip: Uint8Array<ArrayBuffer>; readonly digest: string }) {
    this.identity = Buffer.from(identity.buffer, identity.byteOffset, identity.byteLength)
    this.gzip = Buffer.from(gzip.buffer, gzip.byteOffset, gzip.byteLength)
    this.digest = digest
  }
}

/** The final bytes of one answer, in the encodings clients ask for, each with a strong ETag of its own (RFC 9110, 8.8.3.3). */
export class Body {
  readonly contentType: string
  readonly identity: Buffer
  readonly #etag: string
  #gzipped: Promise<Buffer> | Buffer | undefined

  constructor(document: JsonObject | WrittenBody, contentType: string) {
    this.contentType = contentType
    if (document instanceof WrittenBody) {
      this.identity = document.identity
      this.#etag = document.digest.slice(0, ETAG_LENGTH)
      this.#gzipped = document.gzip
    } else {
      this.identity = inOwnMemory(Buffer.from(JSON.stringify(document)))
      this.#etag = hash('sha256', this.identity, 'base64url').slice(0, ETAG_LENGTH)
    }
  }

  /** What it takes in memory. */
  get size(): number {
    return this.identity.byteLength + (this.#gzipped instanceof Promise ? 0 : (this.#gzipped?.byteLength ?? 0))
  }

  etag(encoding: Encoding): string {
    return `"${this.#etag}${encoding === 'gzip' ? '-gz' : ''}"`
  }

  bytes(encoding: Encoding): Promise<Buffer> | Buffer {
    if (encoding === 'identity') return this.identity
    this.#gzipped ??= compress(this.identity).then((bytes) => (this.#gzipped = inOwnMemory(bytes)))
    return this.#gzipped
  }
}

export type Encoding = 'gzip' | 'identity'

export const VARY = 'Accept, Accept-Encoding'

/** What the client is sent. */
export const encodingFor = (request: Request): Encoding => (request.acceptsEncodings('gzip', 'identity') === 'gzip' ? 'gzip' : 'identity')

/** Sends a body with its validators: 304 when the client has it, headers only for HEAD. */
export async function send(
  request: Request,
  response: Response,
  body: Body,
  headers: { readonly lastModified?: Date; readonly cacheControl: string },
): Promise<void> {
  const encoding = encodingFor(request)
  response.setHeader('Cache-Control', headers.cacheControl)
  response.setHeader('Vary', VARY)
  response.setHeader('ETag', body.etag(encoding))
  if (isFresh(request, body.etag(encoding), headers.lastModified)) {
    // RFC 9110, 15.4.5: what updates the client's copy, and since that has an ETag, no Last-Modified.
    response.status(304).end()
    return
  }
  if (headers.lastModified !== undefined) response.setHeader('Last-Modified', headers.lastModified.toUTCString())
  const bytes = await body.bytes(encoding)
  response.setHeader('Content-Type', body.contentType)
  if (encoding === 'gzip') response.setHeader('Content-Encoding', encoding)
  // Verdaccio's compression would send something else under this ETag (br, deflate): it asks the request once more.
  else request.headers['accept-encoding'] = 'identity'
  response.setHeader('Content-Length', bytes.length)
  response.status(200).end(request.method === 'HEAD' ? undefined : bytes)
}

/** RFC 9110, 13.2.2: If-None-Match wins; If-Modified-Since only counts without it. */
export function isFresh(request: Pick<IncomingMessage, 'headers'>, etag: string, lastModified: Date | undefined): boolean {
  const none = request.headers['if-none-match']
  if (none === etag) return true
  if (none !== undefined) return none.split(',').some((item) => item.trim().replace(/^W\//, '') === etag || item.trim() === '*')
  const since = Date.parse(request.headers['if-modified-since'] ?? '')
  return lastModified !== undefined && since >= Math.floor(lastModified.getTime() / 1000) * 1000
}
