import { isObject, own, ownObject, type Json, type JsonObject } from '../domain/json.ts'
import { tarballFileName } from '../domain/package-ref.ts'
import type { KeptEvidence } from '../domain/evidence.ts'
import { restOf, type Packument, type VersionManifest } from '../domain/packument.ts'
import { isForgery, type Reason } from '../domain/reason.ts'
import { isServed } from '../domain/verdict.ts'
import { abbreviate } from './abbreviate.ts'
import { listingOf, type Judged, type Listing, type ListingOptions, type Withheld } from './listing.ts'
import { printable } from './text.ts'
import { parseVersion } from './versions.ts'

export type { Judged } from './listing.ts'

export interface RewriteOptions extends ListingOptions {
  /** The mirror's public address with its prefix, without a trailing slash. */
  readonly baseUrl: string
  readonly form: 'full' | 'abbreviated'
  /** `marked`: what policy refuses stays visible, deprecated with the reason; the tarball gate refuses it all the same. */
  readonly withheld?: 'hidden' | 'marked'
  /** Evidence that the ledger kept, by version: it replaces what the upstream says now, or no longer says. */
  readonly restored?: ReadonlyMap<string, KeptEvidence>
  /** Whether clients are told of a version's attestations; of all that there are when not given. */
  readonly announces?: (manifest: VersionManifest) => boolean
}

export interface Rewritten {
  readonly document: JsonObject
  /** How many versions clients may pick; none, where there were some, is a refusal (403) and not an empty packument. */
  readonly listed: number
  readonly withheld: readonly Withheld[]
  /** How many of those are still in the document, marked as refused. */
  readonly marked: number
  readonly latestMoved?: NonNullable<Listing['latestMoved']>
}

/**
 * The packument as this mirror serves it. Nothing of the input is changed; what stays as it was is shared with the result.
 */
export function rewritePackument(
  packument: Packument,
  verdicts: ReadonlyMap<string, Judged>,
  options: RewriteOptions,
): Rewritten {
  const { document, versions, ...rest } = rewrittenInParts(packument, verdicts, options)
  // Not by assignment: a key named `__proto__` would set a prototype.
  return { ...rest, document: { ...document, versions: Object.fromEntries(versions) } }
}

/** The same with versions made as they are looked at: all at once, those of a large package are hundreds of megabytes. */
export interface RewrittenInParts extends Omit<Rewritten, 'document'> {
  /** Its `versions` is empty. */
  readonly document: JsonObject
  readonly versions: Iterable<readonly [version: string, document: JsonObject]>
}

export function rewrittenInParts(packument: Packument, verdicts: ReadonlyMap<string, Judged>, options: RewriteOptions): RewrittenInParts {
  const { withheld, latestMoved, ...listing } = listingOf(packument, verdicts, options)
  const marked = options.withheld === 'marked' ? withheld.filter((entry) => mayBeMarked(entry, verdicts)) : []
  const parts = {
    'dist-tags': Object.fromEntries(listing.tags),
    versions: {},
    ...timeOf(packument, withheld, marked),
  }
  const document =
    options.form === 'full' ? { ...withoutInternals(restOf(packument)), ...parts } : abbreviatedDocument(packument, parts)
  const versions = versionsOf(packument, listing.listed, new Map(marked.map((entry) => [entry.version, entry.reasons])), options)
  return { document, versions, listed: listing.listed.size, withheld, marked: marked.length, ...(latestMoved === undefined ? {} : { latestMoved }) }
}

/** The whole document as JSON, in pieces. */
export function* textOf({ document, versions }: Pick<RewrittenInParts, 'document' | 'versions'>): Generator<string> {
  let before = '{'
  for (const [key, value] of Object.entries(document)) {
    if (value === undefined) continue
    yield `${before}${JSON.stringify(key)}:`
    if (key === 'versions') yield* textOfVersions(versions)
    else yield JSON.stringify(value)
    before = ','
  }
  yield before === '{' ? '{}' : '}'
}

function* textOfVersions(versions: RewrittenInParts['versions']): Generator<string> {
  let before = '{'
  for (const [version, document] of versions) {
    yield `${before}${JSON.stringify(version)}:${JSON.stringify(document)}`
    before = ','
  }
  yield before === '{' ? '{}' : '}'
}

/**
 * What is no version, or was judged by nobody, stays hidden; so does what is undecided, since `listing: verified` names nothing
 * unverified; and what somebody lied about, because clients would write into lockfiles what its entry says. A missing integrity
 * is no lie.
 */
function mayBeMarked({ version, reasons }: Withheld, verdicts: ReadonlyMap<string, Judged>): boolean {
  const lies = reasons.some(({ code }) => isForgery(code) && code !== 'integrity-missing')
  return parseVersion(version) !== undefined && verdicts.get(version)?.outcome === 'deny' && !lies
}

export type SelectedVersion =
  | { readonly outcome: 'found'; readonly manifest: VersionManifest }
  | { readonly outcome: 'refused'; readonly version: string }
  | { readonly outcome: 'absent' }

/**
 * One version, by number or by tag, for `GET /:pkg/:version`. A tag is followed where the listing leaves it; a tag that lost
 * its target is refused for that target's reasons, never answered as if it had not been there.
 */
export function selectVersion(packument: Packument, listing: Listing, selector: string): SelectedVersion {
  const version = packument.versions.has(selector) ? selector : (listing.tags.get(selector) ?? packument.distTags.get(selector))
  const manifest = version === undefined ? undefined : packument.versions.get(version)
  if (version === undefined || manifest === undefined) return { outcome: 'absent' }
  return listing.listed.has(version) ? { outcome: 'found', manifest } : { outcome: 'refused', version }
}

/** The document of a version that a listing has. */
export const versionDocument = ({ name }: Packument, manifest: VersionManifest, options: RewriteOptions): JsonObject => versionOf(name, manifest, options)

/** Whether anything is left to serve: where every version is refused, the answer is 403 and not an empty packument. */
export const servesAny = (verdicts: ReadonlyMap<string, Judged>): boolean =>
  [...verdicts.values()].some((verdict) => isServed(verdict) || verdict.outcome === 'unavailable')

function* versionsOf(
  packument: Packument,
  listed: ReadonlySet<string>,
  marked: ReadonlyMap<string, readonly Reason[]>,
  options: RewriteOptions,
): Generator<readonly [string, JsonObject]> {
  for (const [version, manifest] of packument.versions) {
    const refusal = marked.get(version)
    if (listed.has(version)) yield [version, versionOf(packument.name, manifest, options)]
    else if (refusal !== undefined) yield [version, { ...versionOf(packument.name, manifest, options), deprecated: refusedText(refusal) }]
  }
}

function versionOf(name: string, manifest: VersionManifest, options: RewriteOptions): JsonObject {
  const document = { ...manifest.raw, dist: distOf(name, manifest, options) }
  return options.form === 'full' ? document : abbreviate(document)
}

function distOf(name: string, manifest: VersionManifest, { baseUrl, restored, announces }: RewriteOptions): JsonObject {
  const { attestations, ...dist } = ownObject(manifest.raw, 'dist') ?? {}
  const ref = { name, version: manifest.version }
  const kept = restored?.get(manifest.version)
  const announced = kept?.attestations === undefined ? attestations : announcementOf(kept.attestations)
  return {
    ...dist,
    tarball: `${baseUrl}/${name}/-/${tarballFileName(ref)}`,
    ...(kept?.signatures === undefined ? {} : { signatures: kept.signatures.map(({ keyid, sig }) => ({ keyid, sig })) }),
    ...(announced === undefined || announced === null || announces?.(manifest) === false
      ? {}
      : {
          attestations: {
            ...(isObject(announced) ? announced : {}),
            url: `${baseUrl}/-/npm/v1/attestations/${name}@${manifest.version}`,
          },
        }),
  }
}

const announcementOf = ({ provenance }: NonNullable<KeptEvidence['attestations']>): JsonObject =>
  provenance === undefined ? {} : { provenance: { predicateType: provenance } }

const refusedText = (reasons: readonly Reason[]): string =>
  printable(`refused by this registry mirror: ${reasons.map(({ code, message }) => `${message} (${code})`).join('; ')}`, 500)

function timeOf(
  packument: Packument,
  withheld: readonly Withheld[],
  marked: readonly Withheld[],
): { readonly time?: JsonObject } {
  if (packument.time.size === 0) return {}
  const gone = new Set(withheld.map(({ version }) => version))
  for (const { version } of marked) gone.delete(version)
  return { time: Object.fromEntries([...packument.time].filter(([key]) => !gone.has(key))) }
}

/** Fields in which a CouchDB or another mirror behind us names tarballs of its own: they would list what was refused. */
const INTERNAL = ['_attachments', '_distfiles', '_uplinks', 'time'] as const

const withoutInternals = (raw: JsonObject): JsonObject => {
  const copy: Record<string, Json | undefined> = { ...raw }
  for (const field of INTERNAL) Reflect.deleteProperty(copy, field)
  return copy
}

function abbreviatedDocument(packument: Packument, parts: JsonObject): JsonObject {
  const modified = packument.time.get('modified') ?? own(restOf(packument), 'modified')
  return { name: packument.name, ...parts, ...(modified === undefined ? {} : { modified }) }
}
