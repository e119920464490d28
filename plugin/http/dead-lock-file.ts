import { rm, stat } from 'node:fs/promises'
import path from 'node:path'

/** Milliseconds; a lock is held while one document is read, changed and written. */
const DEAD_AFTER = 10_000

/**
 * Removes the lock on a package's document that a process left which was ended while it wrote: Verdaccio's core keeps to it for five
 * minutes (@verdaccio/file-locking), and nobody could publish the package meanwhile.
 */
export async function removeDeadLockFile(dir: string, now: Date): Promise<void> {
  const file = path.join(dir, 'package.json.lock')
  const stats = await stat(file).catch(() => undefined)
  if (stats !== undefined && now.getTime() - stats.mtimeMs > DEAD_AFTER) await rm(file, { force: true })
}
