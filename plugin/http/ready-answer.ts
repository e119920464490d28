/** Answers of the long way as they are given again: final headers and bytes of each encoding. */
import { answered } from './access-lines.ts'
import { POLICY_REVISION } from './refusal.ts'
import { VARY, type Body, type Encoding } from './respond.ts'

/** An answer that lies ready. */
export interface ReadyAnswer {
  readonly body: Body
  readonly lastModified: Date | undefined
  readonly cacheControl: string
  readonly notice: string | undefined
}

/** Final headers and bytes. RFC 9110, 15.4.5: a 304 has what updates the client's copy, and since it has an ETag, no Last-Modified. */
export interface Variant {
  readonly etag: string
  readonly lastModified: Date | undefined
  readonly bytes: Buffer
  readonly found: string[]
  readonly notModified: string[]
  /** For the access log, of a GET that was answered with either. */
  readonly told: Record<200 | 304, Buffer>
}

export interface ReadyFor {
  readonly url: string
  /** What Verdaccio says on every answer, names and values in turn. */
  readonly common: readonly string[]
}

/** Undefined where the encoding has to be made first. */
export function variantOf({ url, common }: ReadyFor, { body, lastModified, cacheControl, notice }: ReadyAnswer, policyRevision: string, encoding: Encoding): Variant | undefined {
  const bytes = body.bytes(encoding)
  // Not compressed yet: the long way waits for it.
  if (bytes instanceof Promise) return undefined
  const etag = body.etag(encoding)
  const notModified = [
    ...common,
    ...[POLICY_REVISION, policyRevision, 'Cache-Control', cacheControl, 'Vary', VARY, 'ETag', etag],
    ...(notice === undefined ? [] : ['npm-notice', notice]),
  ]
  const described = [
    ...(lastModified === undefined ? [] : ['Last-Modified', lastModified.toUTCString()]),
    ...['Content-Type', body.contentType],
    ...(encoding === 'gzip' ? ['Content-Encoding', encoding] : []),
    ...['Content-Length', String(bytes.length)],
  ]
  const found = [...notModified, ...described]
  const told = (status: 200 | 304, size: number): Buffer => answered({ method: 'GET', url, status, bytes: size, isWarm: true })
  return { etag, lastModified, bytes, found, notModified, told: { 200: told(200, bytes.length), 304: told(304, 0) } }
}
