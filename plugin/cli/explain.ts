import pLimit from 'p-limit'
import { splitSpec } from '../domain/package-ref.ts'
import { ownString, type JsonObject } from '../domain/json.ts'
import { newestFirst } from '../pipeline/selection.ts'
import { EXIT } from './exit-codes.ts'
import { timelineText } from './explain-timeline-text.ts'
import { explainedPackage, explainedVersion, type ExplainedOutcome, type ListedVersion } from './explained.ts'
import { versionText } from './explain-version-text.ts'
import { withSource, type ExplainSource, type SourceOptions } from './explain-source.ts'
import { safe, paint as colours, type Paint } from './layout.ts'
import { usage } from './usage.ts'
import { jsonText } from './terminal.ts'

export interface ExplainOptions extends SourceOptions {
  readonly all?: boolean
  readonly json?: boolean
}

export interface Explanation {
  readonly code: number
  readonly lines: readonly string[]
}

const SHOWN = 20
const AT_ONCE = 8

/**
 * `explain`: everything about one version, or the versions of a package, newest first.
 * @returns with the exit code of the version's verdict; of a package, of the best one: `refused` when nothing of it is served
 * @throws ConfigurationError when it is not known, or the source is wrong; Unavailable when the source cannot tell
 */
export async function explain(spec: string, options: ExplainOptions): Promise<Explanation> {
  const { name, version } = parsedSpec(spec)
  return withSource(options, (source) => (version === undefined ? packageExplanation(source, name, options) : versionExplanation(source, name, version, options)))
}

export async function versionExplanation(source: ExplainSource, name: string, version: string, { json = false }: ExplainOptions, paint: Paint = colours): Promise<Explanation> {
  const document = await source.version({ name, version })
  if (document === 'absent') throw unknown(await source.package(name), name, version)
  const explained = explainedVersion(document)
  return { code: codeOf([explained.outcome]), lines: json ? [jsonText(document, 2)] : versionText(explained, paint) }
}

export async function packageExplanation(source: ExplainSource, name: string, { all = false, json = false }: ExplainOptions, paint: Paint = colours): Promise<Explanation> {
  const document = await source.package(name)
  if (document === 'absent') throw unknown(document, name)
  const listed = explainedPackage(document)
  const documents = await versionsOf(source, name, byTime(listed.versions).slice(0, all ? Infinity : SHOWN))
  const explained = newest(documents.map(explainedVersion))
  // A package that is gone has no versions any more: its own verdict counts.
  const code = codeOf(listed.versions.length === 0 ? [explainedVersion(document).outcome] : listed.versions.map(({ outcome }) => outcome))
  if (json) return { code, lines: [jsonText({ ...document, timeline: documents.toSorted(byNotBefore) }, 2)] }
  return { code, lines: listed.versions.length === 0 ? versionText({ ...explainedVersion(document), version: '*' }, paint) : timelineText(listed, explained, paint) }
}

/** The documents of versions; one that went meanwhile is left out. */
export async function versionsOf(source: ExplainSource, name: string, versions: readonly Pick<ListedVersion, 'version'>[]): Promise<readonly JsonObject[]> {
  const limit = pLimit(AT_ONCE)
  const documents = await Promise.all(versions.map(({ version }) => limit(() => source.version({ name, version }))))
  return documents.filter((document) => document !== 'absent')
}

/** Newest first by the time that is claimed, and by number where none is. */
export function byTime(versions: readonly ListedVersion[]): readonly ListedVersion[] {
  const order = new Map(newestFirst(versions.map(({ version }) => version)).map((version, index) => [version, index]))
  const time = ({ published }: ListedVersion): number => {
    const parsed = Date.parse(published ?? '')
    return Number.isNaN(parsed) ? -Infinity : parsed
  }
  const place = ({ version }: ListedVersion): number => order.get(version) ?? Infinity
  return versions.toSorted((a, b) => compare(time(b), time(a)) || compare(place(a), place(b)))
}

const compare = (a: number, b: number): number => (a === b ? 0 : a < b ? -1 : 1)

const newest = <Version extends { readonly notBefore: string | undefined }>(versions: readonly Version[]): readonly Version[] =>
  versions.toSorted((a, b) => (b.notBefore ?? '').localeCompare(a.notBefore ?? ''))

const byNotBefore = (a: JsonObject, b: JsonObject): number => (ownString(b, 'notBefore') ?? '').localeCompare(ownString(a, 'notBefore') ?? '')

function codeOf(outcomes: readonly ExplainedOutcome[]): number {
  if (outcomes.some((outcome) => outcome === 'allow' || outcome === 'warn')) return EXIT.fine
  return outcomes.includes('unavailable') ? EXIT.undecided : EXIT.refused
}

export function parsedSpec(spec: string): { readonly name: string; readonly version: string | undefined } {
  const { name, version } = splitSpec(spec)
  if (name === '' || version === '' || /[\s%]/.test(spec)) throw usage(safe(spec), 'is not a package', 'Name it as NAME or NAME@VERSION.')
  return { name, version }
}

export function unknown(document: JsonObject | 'absent', name: string, version?: string): Error {
  const listed = document === 'absent' ? [] : byTime(explainedPackage(document).versions).slice(0, 5)
  if (version === undefined || listed.length === 0) return usage(safe(name), 'is not known: neither an uplink has it nor was it here before', 'Check the spelling, and the registry it should come from.')
  return usage(`${safe(name)}@${safe(version)}`, 'is not known', `The newest versions are ${listed.map((one) => safe(one.version)).join(', ')}.`)
}
