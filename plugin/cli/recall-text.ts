import type { Fetcher, FetchedVersion } from '../domain/fetched.ts'
import { recallText, type Recall } from '../domain/recall.ts'
import { safe } from './layout.ts'

/** What the decision log says. */
export interface FetchReport {
  readonly title: string
  /** When its first entry was written: nothing is known of before. Null where it has none. */
  readonly since: string | null
  readonly fetched: readonly Fetcher[]
}

/** What a recall says, in lines. */
export function recallLine({ id, name, range, reason, by, at, lifted }: Recall): readonly string[] {
  const who = (one: string | undefined): string => (one === undefined ? '' : ` by ${safe(recallText(one, 100))}`)
  return [
    `${String(id)}  ${safe(name)}@${safe(range)}  ${at.toISOString()}${who(by)}: ${safe(recallText(reason))}`,
    ...(lifted === undefined ? [] : [`   lifted ${lifted.at.toISOString()}${who(lifted.by)}: ${safe(recallText(lifted.reason))}`]),
  ]
}

/** Who fetched it, who took most first. */
export function fetchedText({ title, since, fetched }: FetchReport): readonly string[] {
  const from = since === null ? 'which is empty' : `which begins at ${since}`
  if (fetched.length === 0) return [`nobody fetched it, by the decision log (${title}), ${from}`]
  const downloads = fetched.reduce((sum, one) => sum + countOf(one), 0)
  return [`fetched ${times(downloads)} by ${String(fetched.length)} ${fetched.length === 1 ? 'asker' : 'askers'}, by the decision log (${title}), ${from}:`, ...fetchersText(fetched)]
}

export const fetchersText = (fetched: readonly Fetcher[]): readonly string[] =>
  fetched.flatMap((fetcher) => [`  ${askerText(fetcher)}`, ...fetcher.versions.map((version) => `    ${versionText(version)}`)])

function askerText({ user, address, client, token }: Fetcher): string {
  const name = user === null ? 'anonymous' : safe(user)
  return [name, address ?? 'address unknown', ...(token === null ? [] : [`token ${safe(token)}`]), ...(client === null ? [] : [safe(client)])].join('  ')
}

function versionText({ package: name, version, integrity, count, first, last }: FetchedVersion): string {
  const when = first === last ? first : `${first} to ${last}`
  return `${safe(name)}@${safe(version)}  ${times(count)}, ${when}${integrity === null ? '' : `  ${safe(integrity)}`}`
}

const countOf = ({ versions }: Fetcher): number => versions.reduce((sum, { count }) => sum + count, 0)
const times = (count: number): string => (count === 1 ? 'once' : `${String(count)} times`)
