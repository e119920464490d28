import { hash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { messageOf } from '../domain/errors.ts'
import type { StoredPackument } from '../domain/packument.ts'
import { parseDocument } from '../upstream/document.ts'
import { storePackument } from './stored.ts'

export interface ReadJob {
  readonly name: string
  /** The body as it came. */
  readonly wire: Uint8Array
  readonly encoding: 'gzip' | 'identity'
  /** Bytes of the document. */
  readonly limit: number
}

export type ReadOutcome =
  | { readonly stored: StoredPackument; readonly digest: string; readonly size: number }
  | { readonly fault: 'too-large' | 'undecodable' | 'unreadable'; readonly message: string }

/** Unfolds, checks and lays out a packument. Never throws for what an uplink wrote. */
export function readPackument({ name, wire, encoding, limit }: ReadJob): ReadOutcome {
  let document: Uint8Array
  try {
    // Ends where the limit is passed: a gzip bomb never unfolds whole.
    document = encoding === 'gzip' ? gunzipSync(wire, { maxOutputLength: limit }) : wire
  } catch (error) {
    const isTooLarge = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
    return { fault: isTooLarge ? 'too-large' : 'undecodable', message: messageOf(error) }
  }
  try {
    const stored = storePackument(parseDocument(document, name))
    return { stored, digest: hash('sha256', document), size: document.byteLength }
  } catch (error) {
    return { fault: 'unreadable', message: messageOf(error) }
  }
}
