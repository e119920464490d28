import { useCallback, useEffect, useRef, useState } from 'react'
import type { LogEntry } from '../../../plugin/domain/decision.ts'
import type { DecisionsAnswer } from '../answers.ts'
import { ApiError, json } from '../api.ts'
import { useSession } from '../session.tsx'
import { filterQuery, isFound, type Filters } from './filters.ts'
import { follow } from './follow.ts'

export type LiveState = 'off' | 'connecting' | 'on' | 'lost'

export interface Live {
  readonly state: LiveState
  /** New ones that are held back while it is paused. */
  readonly waiting: number
  readonly isPaused: boolean
  readonly setPaused: (paused: boolean) => void
  /** For a live region: what came lately, in words that change at most every few seconds. */
  readonly said: string
}

const AGAIN_MS = 3_000
const SAY_MS = 4_000
const MOST_WAITING = 2_000

/** New entries that the filters let through, while `isOn`. */
export function useLive(isOn: boolean, filters: Filters, prepend: (entries: readonly LogEntry[]) => void): Live {
  const { epoch } = useSession()
  const key = filterQuery(filters)
  const [state, setState] = useState<LiveState>('off')
  const [isPaused, setPausedState] = useState(false)
  const [waiting, setWaiting] = useState<readonly LogEntry[]>([])
  const [said, setSaid] = useState('')
  const paused = useRef(false)
  const unsaid = useRef(0)

  useEffect(() => {
    if (!isOn) {
      setState('off')
      return undefined
    }
    const abort = new AbortController()
    const { signal } = abort
    const take = (entries: readonly LogEntry[]): void => {
      const found = entries.filter((entry) => isFound(filters, entry)).reverse()
      if (found.length === 0) return
      unsaid.current += found.length
      if (paused.current) setWaiting((before) => [...found, ...before].slice(0, MOST_WAITING))
      else prepend(found)
    }
    const run = async (): Promise<void> => {
      while (!signal.aborted) {
        setState('connecting')
        try {
          await follow(signal, take, () => {
            setState('on')
            // What was kept between the page and the stream, or between two streams.
            void json<DecisionsAnswer>(`v1/decisions${filterQuery(filters, { limit: 200 })}`, { signal }).then(({ entries }) => { take(entries.toReversed()) }, () => undefined)
          })
        } catch (error) {
          if (abort.signal.aborted) return
          setState('lost')
          if (error instanceof ApiError && (error.status === 401 || error.status === 403)) return
        }
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, AGAIN_MS)
          signal.addEventListener('abort', () => { clearTimeout(timer); resolve() }, { once: true })
        })
      }
    }
    void run()
    const timer = setInterval(() => {
      if (unsaid.current === 0) return
      setSaid(`${String(unsaid.current)} new ${unsaid.current === 1 ? 'decision' : 'decisions'}`)
      unsaid.current = 0
    }, SAY_MS)
    return () => {
      abort.abort()
      clearInterval(timer)
      setWaiting([])
    }
  }, [isOn, key, epoch, prepend])

  const setPaused = useCallback((next: boolean) => {
    paused.current = next
    setPausedState(next)
    if (next) return
    setWaiting((held) => {
      // Not while another state is being computed.
      queueMicrotask(() => { prepend(held) })
      return []
    })
  }, [prepend])
  return { state, waiting: waiting.length, isPaused, setPaused, said }
}
