import { useLayoutEffect, useState, useSyncExternalStore } from 'react'
import { kept } from './storage.ts'
import type { Mode } from './theme.ts'

const stored = kept(() => localStorage, 'provenance.mode')
const dark = window.matchMedia('(prefers-color-scheme: dark)')
const subscribe = (changed: () => void): (() => void) => {
  dark.addEventListener('change', changed)
  return () => { dark.removeEventListener('change', changed) }
}

function chosenBefore(): Mode | undefined {
  const before = stored.get()
  return before === 'light' || before === 'dark' ? before : undefined
}

/** What somebody chose with the switch, else what the system prefers, also when that changes. */
export function useMode(): { readonly mode: Mode; readonly toggle: () => void } {
  const preferred: Mode = useSyncExternalStore(subscribe, () => dark.matches) ? 'dark' : 'light'
  const [chosen, setChosen] = useState(chosenBefore)
  const mode = chosen ?? preferred
  // Before any plot reads its colours.
  useLayoutEffect(() => { document.documentElement.dataset.mode = mode }, [mode])
  const toggle = (): void => {
    const next = mode === 'dark' ? 'light' : 'dark'
    stored.set(next === preferred ? null : next)
    setChosen(next === preferred ? undefined : next)
  }
  return { mode, toggle }
}
