import { hash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { messageOf } from '../domain/errors.ts'
import type { StoredPackument } from '../domain/packument.ts'
import type { ReadDocument } from '../domain/ports.ts'
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

export const UNFOLDED_TOO_FAR = 'too-large'

interface Fault {
  readonly fault: typeof UNFOLDED_TOO_FAR | 'undecodable' | 'unreadable'
  readonly message: string
}

export type ReadOutcome = { readonly stored: StoredPackument; readonly digest: string; readonly size: number } | Fault

/** Unfolds and checks a packument. Never throws for what an uplink wrote. */
export function documentOf({ name, wire, encoding, limit }: ReadJob): ReadDocument | Fault {
  let document: Uint8Array
  try {
    // Ends where the limit is passed: a gzip bomb never unfolds whole.
    document = encoding === 'gzip' ? gunzipSync(wire, { maxOutputLength: limit }) : wire
  } catch (error) {
    const isTooLarge = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
    return { fault: isTooLarge ? UNFOLDED_TOO_FAR : 'undecodable', message: messageOf(error) }
  }
  try {
    return { packument: parseDocument(document, name), digest: hash('sha256', document), size: document.byteLength }
  } catch (error) {
    return { fault: 'unreadable', message: messageOf(error) }
  }
}

/** The same, laid out for other threads. */
export function readPackument(job: ReadJob): ReadOutcome {
  const outcome = documentOf(job)
  return 'fault' in outcome ? outcome : { stored: storePackument(outcome.packument), digest: outcome.digest, size: outcome.size }
}
