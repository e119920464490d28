import { useCallback, useEffect, useState } from 'react'
import { useSession } from './session.tsx'

export interface Data<Value> {
  readonly value: Value | undefined
  readonly error: unknown
  readonly isLoading: boolean
  readonly reload: () => void
}

interface Held<Value> {
  readonly key: string | undefined
  readonly value?: Value
  readonly error?: unknown
}

/**
 * Loads what `key` names; again when it changes, after a login, and with `reload`. What is shown meanwhile is nothing, or with `keep` what
 * was shown before.
 */
export function useData<Value>(key: string | undefined, load: (signal: AbortSignal) => Promise<Value>, { keep = false } = {}): Data<Value> {
  const { epoch } = useSession()
  const [held, setHeld] = useState<Held<Value>>({ key: undefined })
  const [loading, setLoading] = useState(false)
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    if (key === undefined) return undefined
    const abort = new AbortController()
    setLoading(true)
    load(abort.signal).then(
      (value) => {
        if (abort.signal.aborted) return
        setHeld({ key, value })
        setLoading(false)
      },
      (error: unknown) => {
        if (abort.signal.aborted) return
        setHeld((before) => (before.key === key ? { ...before, error } : { key, error }))
        setLoading(false)
      },
    )
    return () => { abort.abort() }
    // `load` is another function at each rendering; what it loads is named by `key`.
  }, [key, turn, epoch])
  const reload = useCallback(() => { setTurn((before) => before + 1) }, [])
  const isCurrent = held.key === key && key !== undefined
  return {
    value: isCurrent || keep ? held.value : undefined,
    error: isCurrent ? held.error : undefined,
    isLoading: loading || (key !== undefined && !isCurrent),
    reload,
  }
}
