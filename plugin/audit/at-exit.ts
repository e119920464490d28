type Finish = () => void

const open = new Set<Finish>()
const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/**
 * Has something finished when the process ends, however it does: by `process.exit` of whoever runs this mirror, an exception, or a
 * signal that nobody else listens to. Where somebody does, he ends the process, and this comes with that. Returns how to call it off.
 */
export function finishAtExit(finish: Finish): () => void {
  if (open.size === 0) {
    process.on('exit', finishAll)
    // First of all, to see who else is told.
    for (const signal of SIGNALS) process.prependListener(signal, signalled)
  }
  open.add(finish)
  return () => {
    open.delete(finish)
    if (open.size === 0) forget()
  }
}

function finishAll(): void {
  for (const finish of open) finish()
  open.clear()
}

function signalled(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return
  finishAll()
  forget()
  // As it would have been without this listener.
  process.kill(process.pid, signal)
}

function forget(): void {
  process.off('exit', finishAll)
  for (const signal of SIGNALS) process.off(signal, signalled)
}
