import type { LogEntry } from '../../../plugin/domain/decision.ts'
import { queryOf } from '../query.ts'

const SEVERAL = ['kind', 'outcome', 'reason'] as const
const ONE = ['package', 'version', 'rule', 'user', 'address', 'policyRevision', 'text', 'from', 'to', 'order'] as const

export type Filters = Readonly<Record<(typeof SEVERAL)[number], readonly string[]>> & Readonly<Partial<Record<(typeof ONE)[number], string>>>

/** What of the page's address the API understands. */
export function filtersOf(search: URLSearchParams): Filters {
  const several = Object.fromEntries(SEVERAL.map((name) => [name, search.getAll(name)])) as Record<(typeof SEVERAL)[number], string[]>
  const one = Object.fromEntries(ONE.flatMap((name) => (search.get(name) ?? '') === '' ? [] : [[name, search.get(name)]]))
  return { ...several, ...one }
}

export const filterQuery = (filters: Filters, more: { readonly cursor?: string; readonly limit?: number } = {}): string => queryOf({ ...filters, ...more })

/** As the API would find it: new entries come unfiltered. */
export function isFound(filters: Filters, entry: LogEntry): boolean {
  const { kind, outcome, reason, text, from, to } = filters
  const any = (wanted: readonly string[], has: (one: string) => boolean): boolean => wanted.length === 0 || wanted.some(has)
  const fields = [entry.package, entry.version, entry.rule, entry.asker.user, ...entry.reasons.map(({ code }) => code)]
  return (
    any(kind, (one) => entry.kind === one) &&
    any(outcome, (one) => entry.outcome === one) &&
    any(reason, (one) => entry.reasons.some(({ code }) => code === one)) &&
    (filters.package === undefined || globbed(filters.package, entry.package)) &&
    (['version', 'rule', 'policyRevision'] as const).every((name) => filters[name] === undefined || entry[name] === filters[name]) &&
    (['user', 'address'] as const).every((name) => filters[name] === undefined || entry.asker[name] === filters[name]) &&
    (text === undefined || fields.some((field) => field?.toLowerCase().includes(text.toLowerCase()) === true)) &&
    (from === undefined || entry.at >= new Date(from).toISOString()) &&
    (to === undefined || entry.at < new Date(to).toISOString())
  )
}

function globbed(pattern: string, name: string | null): boolean {
  if (name === null || !pattern.includes('*')) return name === pattern
  const [first = '', ...rest] = pattern.split('*')
  if (!name.startsWith(first)) return false
  let at = first.length
  const last = rest.pop() ?? ''
  for (const part of rest) {
    const found = name.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return name.length - at >= last.length && name.endsWith(last)
}

/** An entry among those of all mirrors that share a store. */
export const idOf = ({ log, sequence }: Pick<LogEntry, 'log' | 'sequence'>): string => `${log} ${String(sequence)}`
