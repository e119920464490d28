import { mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** Another process is importing into the same mirror. */
export class ImportRunning extends Error {
  override readonly name = 'ImportRunning'
}

/**
 * Runs something with an empty directory in `dir`, which is gone afterwards: one at a time, since what an archive brings is held
 * against what the one before it brought. What a killed import left is removed.
 * @throws ImportRunning
 */
export async function withStage<Result>(dir: string, run: (stage: string) => Promise<Result>): Promise<Result> {
  const stage = path.join(dir, 'import')
  await mkdir(dir, { recursive: true })
  const release = lock(path.join(dir, 'import.lock'))
  try {
    await rm(stage, { recursive: true, force: true })
    await mkdir(stage)
    return await run(stage)
  } finally {
    try {
      await rm(stage, { recursive: true, force: true })
    } finally {
      release()
    }
  }
}

/**
 * Node has no locks of files and SQLite does. They end with their process, however that ends: the number of a process is another's in the
 * next container, or after a while. The file stays, since a lock on a file that was removed locks nothing.
 */
function lock(file: string): () => void {
  const database = new DatabaseSync(file, { timeout: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    database.close()
    if (cause instanceof Error && 'errcode' in cause && cause.errcode === SQLITE_BUSY) throw new ImportRunning('another import is running', { cause })
    throw cause
  }
  return () => { database.close() }
}

/** https://www.sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5
