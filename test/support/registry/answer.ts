import zlib from 'node:zlib'
import type { Json } from '../../../plugin/domain/json.ts'
import { shasumOf } from '../tarball.ts'
import type { Answer } from './behaviour.ts'

/** An error as npm's registry words it. */
export const failure = (code: number, error: string): Answer => ({
  status: code,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(JSON.stringify({ error })),
})

/** A document as the client accepts it; undefined is 404. */
export function encode(document: Json | undefined, abbreviated: boolean, zip: boolean): Answer {
  if (document === undefined) return failure(404, 'Not found')
  const plain = Buffer.from(JSON.stringify(document))
  const body = zip ? zlib.gzipSync(plain) : plain
  const headers = {
    'content-type': abbreviated ? 'application/vnd.npm.install-v1+json' : 'application/json',
    etag: `"${shasumOf(body)}"`,
    'cache-control': 'public, max-age=300',
    vary: 'accept-encoding, accept',
    ...(zip ? { 'content-encoding': 'gzip' } : {}),
  }
  return { status: 200, headers, body }
}

/** The decoded path of a request, without its query. */
export function pathOf(url: string): string {
  const path = url.replace(/[?#].*$/s, '')
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
