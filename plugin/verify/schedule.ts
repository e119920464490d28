/** Calls back after so many milliseconds, and keeps no process alive for it; returns how to call it off. */
export function unreferenced(run: () => void, milliseconds: number): () => void {
  const timer = setTimeout(run, milliseconds)
  timer.unref()
  return () => { clearTimeout(timer) }
}
