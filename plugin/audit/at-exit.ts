import { onExit } from 'signal-exit'

type Finish = () => void

const open = new Set<Finish>()
let forget: (() => void) | undefined

/**
 * Has something finished when the process ends, however it does: by `process.exit` of whoever runs this mirror, an exception, or a
 * signal that nobody else listens to. Where somebody does, he ends the process, and this comes with that. By the library that others
 * here use too (Verdaccio's file locks): two that each wait for the other's listener to go would keep the process for good.
 * Returns how to call it off.
 */
export function finishAtExit(finish: Finish): () => void {
  forget ??= onExit(finishAll)
  open.add(finish)
  return () => {
    open.delete(finish)
    if (open.size > 0) return
    forget?.()
    forget = undefined
  }
}

function finishAll(): void {
  for (const finish of open) finish()
  open.clear()
}
