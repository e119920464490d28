import { watch, type FSWatcher } from 'node:fs'
import { stat } from 'node:fs/promises'
import { watchedNames } from './watched-names.ts'

/** Tells when a file may be another than before. */
export interface FileWatch {
  /** From now on, these files. */
  set(files: readonly string[]): void
  close(): void
}

export interface WatchEvents {
  /** Something happened at one of the files; it may be the same still, or be gone for a moment. */
  readonly changed: () => void
  /** A directory cannot be watched; its files are looked at now and then all the same. */
  readonly failed: (error: unknown) => void
}

export type WatchFiles = (events: WatchEvents) => FileWatch

export interface WatchOptions {
  /** Milliseconds between two looks at the files, for file systems that report no changes (network ones among them). */
  readonly lookEvery?: number
  readonly watchDirectory?: typeof watch
}

const LOOK_EVERY = 30_000

/**
 * Watches directories rather than files: most editors write a new file and rename it over the old one, and a watch on the old one
 * would never hear of it. Keeps no process alive.
 */
export const watchFiles =
  ({ lookEvery = LOOK_EVERY, watchDirectory = watch }: WatchOptions = {}): WatchFiles =>
  ({ changed, failed }) => {
    let files: readonly string[] = []
    let closed = false
    let names: ReturnType<typeof watchedNames> = new Map()
    /** Undefined for files that were not looked at: they may have changed since they were read. */
    let seen: string | undefined
    const watchers = new Map<string, FSWatcher>()

    const drop = (directory: string): void => {
      watchers.get(directory)?.close()
      watchers.delete(directory)
    }
    const open = (directory: string): void => {
      try {
        const watcher = watchDirectory(directory, { persistent: false }, (_event, name) => {
          // A database in the same directory is written to all the time.
          if (name === null || names.get(directory)?.has(name) === true) changed()
        })
        watcher.on('error', (error) => {
          drop(directory)
          failed(error)
        })
        watchers.set(directory, watcher)
      } catch (error) {
        // Not there now: the next look finds it when it comes.
        if (!isMissing(error)) failed(error)
      }
    }
    const watchAll = (): void => {
      names = watchedNames(files)
      for (const directory of watchers.keys()) if (!names.has(directory)) drop(directory)
      for (const directory of names.keys()) if (!watchers.has(directory)) open(directory)
    }
    const look = async (): Promise<void> => {
      const looked = files
      const now = await stateOf(looked)
      if (closed || looked !== files || seen === now) return
      seen = now
      // A directory that was replaced is watched no longer, though nothing said so.
      for (const directory of [...watchers.keys()]) drop(directory)
      watchAll()
      changed()
    }
    const timer = setInterval(() => { look().catch(failed) }, lookEvery).unref()
    return {
      set: (next) => {
        files = [...new Set(next)]
        watchAll()
        seen = undefined
      },
      close: () => {
        closed = true
        clearInterval(timer)
        for (const directory of [...watchers.keys()]) drop(directory)
      },
    }
  }

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')

/** Changes whenever one of the files is another one, is written to, comes or goes. */
async function stateOf(files: readonly string[]): Promise<string> {
  const states = await Promise.all(
    files.map((file) =>
      stat(file, { bigint: true }).then(
        ({ dev, ino, size, mtimeNs }) => [dev, ino, size, mtimeNs].join(' '),
        () => 'none',
      ),
    ),
  )
  return states.join('\n')
}
