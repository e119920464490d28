import { X509Certificate } from 'node:crypto'
import { TrustedRoot, type CertificateAuthority, type TransparencyLogInstance } from '@sigstore/protobuf-specs'
import { isObject, ownObject, ownString, type Json } from '../domain/json.ts'
import type { RegistryKey } from '../domain/ports.ts'
import type { TrustEnd } from '../domain/state.ts'
import type { TufMetadata } from './tuf-cycle.ts'

/** When something counts. Milliseconds; without an end Infinity. */
interface Span {
  readonly from: number
  readonly to: number
}

/**
 * When each kind of anchor of a root runs out: the end of the time from now on in which there is always one in force. An entry whose
 * successor has begun, or begins before it ends, is no news; nor is one that is kept for old evidence. Kinds that never run out are
 * not among them.
 */
export function endsOfRoot(trustedRoot: Json, now: Date): readonly End[] {
  return spansOfRoot(trustedRoot).flatMap(({ kind, spans }) => {
    const at = runsOut(spans, now)
    return at === undefined ? [] : [{ kind, at }]
  })
}

type End = Omit<TrustEnd, 'isOwn'>
type RootSpans = readonly { readonly kind: TrustEnd['kind']; readonly spans: readonly Span[] }[]

/** Certificates are not read again each time somebody asks for metrics. */
const known = new WeakMap<object, RootSpans>()

function spansOfRoot(trustedRoot: Json): RootSpans {
  if (!isObject(trustedRoot)) return []
  const before = known.get(trustedRoot)
  if (before !== undefined) return before
  const { certificateAuthorities, ctlogs, tlogs, timestampAuthorities } = TrustedRoot.fromJSON(trustedRoot)
  const spans: RootSpans = [
    { kind: 'ca', spans: certificateAuthorities.map(spanOfAuthority) },
    { kind: 'ctlog', spans: ctlogs.map(spanOfLog) },
    { kind: 'tlog', spans: tlogs.map(spanOfLog) },
    { kind: 'tsa', spans: timestampAuthorities.map(spanOfAuthority) },
  ]
  known.set(trustedRoot, spans)
  return spans
}

const spanOf = (validFor: { readonly start?: Date | undefined; readonly end?: Date | undefined } | undefined): Span => ({
  from: validFor?.start?.getTime() ?? -Infinity,
  to: validFor?.end?.getTime() ?? Infinity,
})

const spanOfLog = ({ publicKey }: TransparencyLogInstance): Span => spanOf(publicKey?.validFor)

/** A CA issues nothing beyond the end of its own certificate, whatever the root says of it. */
function spanOfAuthority({ validFor, certChain }: CertificateAuthority): Span {
  const { from, to } = spanOf(validFor)
  const ends = (certChain?.certificates ?? []).map(({ rawBytes }) => new X509Certificate(rawBytes).validToDate.getTime())
  return { from, to: Math.min(to, ...ends) }
}

/** When a registry has no key in force any more for one of the usages it has keys for; undefined while that does not come. */
export function keysRunOut(keys: readonly RegistryKey[], now: Date): Date | undefined {
  const usages = new Set(keys.flatMap((key) => key.usages))
  const ends = [...usages].flatMap((usage) => {
    const spans = keys.filter((key) => key.usages.includes(usage)).map(({ starts, expires }) => ({ from: timeOf(starts, -Infinity), to: timeOf(expires, Infinity) }))
    return runsOut(spans, now) ?? []
  })
  return ends.length === 0 ? undefined : new Date(Math.min(...ends.map((end) => end.getTime())))
}

const timeOf = (text: string | null, otherwise: number): number => (text === null ? otherwise : Date.parse(text))

/** The end of unbroken time from now on, or the last end where nothing is in force; undefined where there is nothing, or no end. */
function runsOut(spans: readonly Span[], now: Date): Date | undefined {
  if (spans.length === 0) return undefined
  let until = now.getTime()
  let isInForce = false
  for (const { from, to } of [...spans].sort((a, b) => a.from - b.from)) {
    if (from > until || to <= until) continue
    until = to
    isInForce = true
  }
  if (isInForce) return until === Infinity ? undefined : new Date(until)
  const past = spans.flatMap(({ to }) => (to <= now.getTime() ? [to] : []))
  return past.length === 0 ? now : new Date(Math.max(...past))
}

const ROLES: ReadonlyMap<string, TrustEnd['kind']> = new Map([
  ['root.json', 'tuf-root'],
  ['snapshot.json', 'tuf-snapshot'],
  ['timestamp.json', 'tuf-timestamp'],
])

/** When the metadata of each role ends; what roles delegate to is `tuf-targets`. */
export function endsOfTuf(metadata: TufMetadata): readonly End[] {
  const first = new Map<TrustEnd['kind'], Date>()
  for (const [name, text] of metadata) {
    const at = name.endsWith('.json') ? expiresOf(text) : undefined
    const kind = ROLES.get(name.split('/').at(-1) ?? '') ?? 'tuf-targets'
    const before = first.get(kind)
    if (at !== undefined && (before === undefined || at < before)) first.set(kind, at)
  }
  return [...first].map(([kind, at]) => ({ kind, at }))
}

function expiresOf(text: string): Date | undefined {
  try {
    const document: unknown = JSON.parse(text)
    const expires = isObject(document) ? ownString(ownObject(document, 'signed') ?? {}, 'expires') : undefined
    const date = new Date(expires ?? NaN)
    return Number.isNaN(date.getTime()) ? undefined : date
  } catch {
    return undefined
  }
}
