/**
 * Packages published here in a folder that several mirrors have. Verdaccio's storage in files reads its list of packages once, at its start,
 * and writes the whole of it: a mirror would not know what was published at another (and ask an uplink for a name of the
 * organisation's own), and take it off the list with the next package of its own. Here the file is what counts.
 */
import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { isObject } from './domain/json.ts'

/** What is used of Verdaccio's storage in files (`@verdaccio/local-storage-legacy`). */
export interface FolderStorage {
  readonly path: string
  data: { readonly list: string[]; readonly secret?: string }
  readonly locked: boolean
  get(...given: never[]): unknown
  add(...given: never[]): unknown
  remove(...given: never[]): unknown
  _sync(): unknown
}

export interface Followed {
  /** Calls when packages came or went at another mirror. */
  onChange(told: () => void): void
  close(): Promise<void>
}

/** Milliseconds. What is published reaches every mirror within two seconds. */
const LOOK_EVERY = 500

export const isFolderStorage = (storage: unknown): storage is FolderStorage =>
  typeof storage === 'object' && storage !== null && 'path' in storage && typeof storage.path === 'string' && 'data' in storage && isObject(storage.data) && Array.isArray(storage.data.list) && '_sync' in storage

/** From now on the storage knows what the file knows. */
export function followFolder(storage: FolderStorage, lookEvery = LOOK_EVERY): Followed {
  const told: (() => void)[] = []
  const folder = path.dirname(storage.path)
  const isStored = (name: string): boolean => existsSync(path.join(folder, name, 'package.json'))
  /** Published by this process: another that wrote the list at the same moment may not have seen them. */
  const added = new Set<string>()
  let seen = stampOf(storage.path)

  const write = (): Error | null => {
    const temporary = `${storage.path}.${randomUUID()}`
    try {
      // Renamed: whoever reads it meets the list of before or of after, never half of one.
      writeFileSync(temporary, JSON.stringify(storage.data), { mode: 0o600, flush: true })
      renameSync(temporary, storage.path)
      seen = stampOf(storage.path)
      return null
    } catch (error) {
      rmSync(temporary, { force: true })
      return error instanceof Error ? error : new Error(String(error))
    }
  }
  const look = (): void => {
    const stamp = stampOf(storage.path)
    if (stamp === undefined || stamp === seen) return
    const kept = dataIn(storage.path)
    // Whatever has no list is not believed to say that there are no packages.
    if (kept === undefined) return
    seen = stamp
    const { list } = kept
    const lost = [...added].filter((name) => !list.includes(name) && isStored(name))
    const now = [...list, ...lost]
    const before = new Set(storage.data.list)
    const isAnother = now.length !== before.size || now.some((name) => !before.has(name))
    storage.data = { ...storage.data, ...kept, list: now }
    if (lost.length > 0) write()
    if (isAnother) for (const one of told) one()
  }

  const before = (name: 'get' | 'add' | 'remove', note: (package_: unknown) => void): void => {
    const original = storage[name].bind(storage) as (...given: readonly unknown[]) => unknown
    storage[name] = (...given: readonly unknown[]): unknown => {
      look()
      note(given[0])
      return original(...given)
    }
  }
  const lock = storage._sync.bind(storage)
  storage._sync = () => (storage.locked ? lock() : write())
  before('get', () => undefined)
  before('add', (name) => { if (typeof name === 'string') added.add(name) })
  before('remove', (name) => { if (typeof name === 'string') added.delete(name) })
  const timer = setInterval(look, lookEvery).unref()
  return {
    onChange: (one) => { told.push(one) },
    close: () => {
      clearInterval(timer)
      return Promise.resolve()
    },
  }
}

/** Changes when the file does; undefined while there is none. */
function stampOf(file: string): string | undefined {
  const stats = statSync(file, { throwIfNoEntry: false })
  return stats && [stats.ino, stats.size, stats.mtimeMs].join(' ')
}

function dataIn(file: string): { readonly list: readonly string[]; readonly secret?: string } | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (typeof parsed !== 'object' || parsed === null || !('list' in parsed) || !Array.isArray(parsed.list)) return undefined
    const secret = 'secret' in parsed && typeof parsed.secret === 'string' && parsed.secret !== '' ? { secret: parsed.secret } : {}
    return { list: parsed.list.filter((name): name is string => typeof name === 'string'), ...secret }
  } catch {
    // Gone for a moment, or being written by a Verdaccio without this: the next look sees it whole.
    return undefined
  }
}
