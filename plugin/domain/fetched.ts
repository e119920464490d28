/** Who fetched versions that turned out bad, by the decision log. */
import { timesOf, type DecisionReader, type LogEntry } from './decision.ts'

/** One asker and what he was given. `null` where the mirror did not know. */
export interface Fetcher {
  readonly user: string | null
  readonly address: string | null
  readonly client: string | null
  /** Verdaccio's id of the token. */
  readonly token: string | null
  readonly versions: readonly FetchedVersion[]
}

export interface FetchedVersion {
  readonly package: string
  readonly version: string
  /** SRI */
  readonly integrity: string | null
  /** How often. */
  readonly count: number
  /** ISO 8601 */
  readonly first: string
  readonly last: string
  /** The log whose mirror gave it out. */
  readonly log: string
}

interface Wanted {
  /** Exact. */
  readonly name: string
  readonly holds: (version: string) => boolean
}

interface Range {
  readonly from?: string | undefined
  readonly to?: string | undefined
}

/** What a mirror gives out, whatever policy said of it. */
const GIVEN = ['served', 'warned']

/**
 * Everybody who was given a tarball of one of these versions, who took most first.
 * @throws BadQuery
 */
export async function whoFetched(log: Pick<DecisionReader, 'each'>, wanted: readonly Wanted[], range: Range = {}): Promise<readonly Fetcher[]> {
  const fetchers = new Map<string, { readonly who: LogEntry['asker']; readonly versions: Map<string, FetchedVersion> }>()
  for (const { name, holds } of wanted)
    for await (const entry of log.each({ package: name, kinds: GIVEN, order: 'oldest', ...range })) {
      if (entry.package !== name || entry.version === null || !holds(entry.version)) continue
      const { user, address, client, token } = entry.asker
      const key = JSON.stringify([user, address, client, token])
      const known = fetchers.get(key) ?? { who: entry.asker, versions: new Map<string, FetchedVersion>() }
      fetchers.set(key, known)
      addTo(known.versions, { package: name, version: entry.version, integrity: entry.integrity, count: timesOf(entry), first: entry.at, last: entry.at, log: entry.log })
    }
  return [...fetchers.values()]
    .map(({ who: { user, address, client, token }, versions }) => ({ user, address, client, token, versions: [...versions.values()] }))
    .toSorted((a, b) => countOf(b) - countOf(a))
}

function addTo(versions: Map<string, FetchedVersion>, one: FetchedVersion): void {
  const key = JSON.stringify([one.package, one.version, one.integrity, one.log])
  const before = versions.get(key)
  versions.set(key, before === undefined ? one : { ...before, count: before.count + one.count, first: min(before.first, one.first), last: max(before.last, one.last) })
}

const countOf = ({ versions }: Fetcher): number => versions.reduce((sum, { count }) => sum + count, 0)
const min = (a: string, b: string): string => (a < b ? a : b)
const max = (a: string, b: string): string => (a > b ? a : b)
