/** What of an entry is shown to whom. */
import type { DecisionQuery, LogEntry } from '../../domain/decision.ts'

/** An entry as it is sent: without its hashes where something of it is kept back. */
export type ShownEntry = Omit<LogEntry, 'hash' | 'previous'> & Partial<Pick<LogEntry, 'hash' | 'previous'>>

export interface Looking {
  readonly name: string
  /** Groups of `write`: they answer for what is recalled, and have to know who fetched it. */
  readonly seesAskers: boolean
}

const NOBODY: LogEntry['asker'] = { address: null, client: null, user: null, token: null }

/**
 * Who asked for what is personal: others than those who have to act on it see it of themselves alone. The hashes go with it, since
 * whoever has all of an entry but an address finds the address by trying them all.
 */
export function shownTo({ name, seesAskers }: Looking, entry: LogEntry): ShownEntry {
  if (seesAskers) return entry
  const { hash: _hash, previous: _previous, asker, ...rest } = entry
  return { ...rest, asker: asker.user === name ? asker : NOBODY }
}

/** Why a question may not be put; undefined where it may. */
export function notAsked({ name, seesAskers }: Looking, { user, address }: DecisionQuery): string | undefined {
  if (seesAskers || (address === undefined && (user === undefined || user === name))) return undefined
  return 'who asked for a package is shown to the groups that middlewares.provenance.dashboard.write names, and to themselves'
}

/** The log also finds a text in names of users, which would tell who they are to those who do not see them. */
export function isFoundBy({ name, seesAskers }: Looking, { text }: DecisionQuery, entry: LogEntry): boolean {
  if (seesAskers || text === undefined || entry.asker.user === name) return true
  const wanted = text.toLowerCase()
  return [entry.package, entry.version, entry.rule, ...entry.reasons.map(({ code }) => code)].some((field) => field?.toLowerCase().includes(wanted) === true)
}
