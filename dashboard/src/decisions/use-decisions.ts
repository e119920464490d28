import { useCallback, useEffect, useRef, useState } from 'react'
import type { LogEntry } from '../../../plugin/domain/decision.ts'
import type { DecisionsAnswer } from '../answers.ts'
import { json } from '../api.ts'
import { useSession } from '../session.tsx'
import { filterQuery, idOf, type Filters } from './filters.ts'

const PAGE = 200
/** Of somebody who reads on, and on. */
const LARGE_PAGE = 1_000
const READS_ON = 1_000

export interface Decisions {
  readonly entries: readonly LogEntry[]
  readonly hasMore: boolean
  readonly isLoading: boolean
  readonly error: unknown
  readonly loadMore: () => void
  /** In front of those that are there, without those that are there already. */
  readonly prepend: (entries: readonly LogEntry[]) => void
}

interface Held {
  readonly entries: readonly LogEntry[]
  /** Undefined before the first page, null after the last. */
  readonly cursor: string | null | undefined
}

const NOTHING: Held = { entries: [], cursor: undefined }

/** What the log holds of what is asked for, page by page. */
export function useDecisions(filters: Filters): Decisions {
  const key = filterQuery(filters)
  const { epoch } = useSession()
  const [held, setHeld] = useState(NOTHING)
  const [error, setError] = useState<unknown>(undefined)
  const [isLoading, setLoading] = useState(true)
  const loading = useRef<AbortController | undefined>(undefined)

  const load = useCallback((cursor: string | undefined, limit: number) => {
    const abort = new AbortController()
    loading.current = abort
    setLoading(true)
    setError(undefined)
    json<DecisionsAnswer>(`v1/decisions${filterQuery(filters, { limit, ...(cursor === undefined ? {} : { cursor }) })}`, { signal: abort.signal }).then(
      (page) => {
        if (abort.signal.aborted) return
        setHeld((before) => ({ entries: cursor === undefined ? page.entries : [...before.entries, ...page.entries], cursor: page.cursor ?? null }))
        loading.current = undefined
        setLoading(false)
      },
      (failure: unknown) => {
        if (abort.signal.aborted) return
        loading.current = undefined
        setError(failure)
        setLoading(false)
      },
    )
    // `filters` is another object at each rendering, and `key` all that it says.
  }, [key])

  useEffect(() => {
    setHeld(NOTHING)
    load(undefined, PAGE)
    return () => { loading.current?.abort() }
  }, [load, epoch])

  const { cursor, entries: { length: amount } } = held
  const loadMore = useCallback(() => {
    if (loading.current !== undefined || cursor === null || cursor === undefined) return
    load(cursor, amount >= READS_ON ? LARGE_PAGE : PAGE)
  }, [load, cursor, amount])
  const prepend = useCallback((entries: readonly LogEntry[]) => {
    setHeld((before) => {
      const known = new Set(before.entries.slice(0, 5_000).map(idOf))
      const fresh = entries.filter((entry) => !known.has(idOf(entry)))
      return fresh.length === 0 ? before : { ...before, entries: [...fresh, ...before.entries] }
    })
  }, [])
  return { entries: held.entries, hasMore: cursor !== null, isLoading, error, loadMore, prepend }
}
