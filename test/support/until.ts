/** Resolves when something is so: looked at in every turn of the event loop. @throws Error after ten seconds */
export async function until(holds: () => boolean, patience = 10_000): Promise<void> {
  const end = performance.now() + patience
  while (!holds()) {
    if (performance.now() > end) throw new Error(`it did not come to pass: ${holds.toString()}`)
    await new Promise((resolve) => { setTimeout(resolve, 1) })
  }
}
