import { hash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { KeptEvidence } from '../domain/evidence.ts'
import { withIntegrities, type Packument, type StoredPackument } from '../domain/packument.ts'
import type { Reason } from '../domain/reason.ts'
import { inTurns } from '../domain/turns.ts'
import type { Verdict } from '../domain/verdict.ts'
import { rewrittenInParts, textOf, type Judged, type Rewritten } from '../enforce/rewrite.ts'
import { openStored } from './stored.ts'

const OUTCOMES: readonly Verdict['outcome'][] = ['allow', 'warn', 'deny', 'unavailable']
const UNJUDGED = 255

/** What an answer is written of. Equal instructions over one document give equal bytes. */
export interface Instructions {
  readonly form: 'full' | 'abbreviated'
  readonly baseUrl: string
  /** An index into `OUTCOMES` for each version in the order of the packument. */
  readonly outcomes: Uint8Array
  /** Why versions are refused, where answers say so. */
  readonly reasons: ReadonlyMap<string, readonly Reason[]>
  readonly withheld: 'hidden' | 'marked'
  readonly withholdUnavailable: boolean
  readonly restored: ReadonlyMap<string, KeptEvidence>
  readonly pinned: ReadonlyMap<string, string>
}

export interface BuildJob {
  readonly stored: StoredPackument
  readonly instructions: Instructions
}

/** The bytes of an answer, and what was left out of it. */
export interface BuiltAnswer extends Omit<Rewritten, 'document' | 'withheld'> {
  readonly identity: Uint8Array<ArrayBuffer>
  readonly gzip: Uint8Array<ArrayBuffer>
  /** sha256 of `identity`, base64url. */
  readonly digest: string
  readonly withheld: readonly string[]
}

/** The verdicts of a listing as far as answers depend on them, in short turns of the event loop. */
export async function instructionsFor(
  packument: Packument,
  verdicts: ReadonlyMap<string, Verdict>,
  options: Pick<Instructions, 'form' | 'baseUrl' | 'withheld' | 'withholdUnavailable' | 'restored'>,
): Promise<Instructions> {
  const outcomes = new Uint8Array(packument.versions.size).fill(UNJUDGED)
  const reasons = new Map<string, readonly Reason[]>()
  await inTurns(packument.versions.keys(), (version, index) => {
    const verdict = verdicts.get(version)
    if (verdict !== undefined) outcomes[index] = OUTCOMES.indexOf(verdict.outcome)
    if (options.withheld === 'marked' && verdict?.outcome === 'deny') reasons.set(version, verdict.reasons)
  })
  return { ...options, outcomes, reasons, pinned: packument.pinned ?? new Map() }
}

export function buildAnswer({ stored, instructions }: BuildJob): BuiltAnswer {
  const { outcomes, reasons, pinned, ...options } = instructions
  const packument = withIntegrities(openStored(stored), pinned)
  const verdicts = new Map<string, Judged>()
  for (const [index, version] of [...packument.versions.keys()].entries()) {
    const outcome = OUTCOMES[outcomes[index] ?? UNJUDGED]
    if (outcome !== undefined) verdicts.set(version, { outcome, reasons: reasons.get(version) ?? [] })
  }
  const { document, versions, withheld, ...rest } = rewrittenInParts(packument, verdicts, options)
  const identity = bytesOf(textOf({ document, versions }))
  return {
    ...rest,
    withheld: withheld.map(({ version }) => version),
    identity,
    gzip: copied(gzipSync(identity)),
    digest: hash('sha256', identity, 'base64url'),
  }
}

/** Characters that are gathered before they become bytes. */
const GATHERED = 256 * 1024

/** Neither the whole document nor its text is ever in memory: of a large package that would be hundreds of megabytes. */
function bytesOf(pieces: Iterable<string>): Uint8Array<ArrayBuffer> {
  const chunks: Buffer[] = []
  let text = ''
  for (const piece of pieces) {
    text += piece
    if (text.length < GATHERED) continue
    chunks.push(Buffer.from(text))
    text = ''
  }
  chunks.push(Buffer.from(text))
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

/** In memory of its own, which is handed over to another thread rather than copied. */
const copied = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => Uint8Array.from(bytes)
