import { LRUCache } from 'lru-cache'
import { Unavailable } from '../domain/errors.ts'
import type { Sighting } from '../domain/ports.ts'
import type { LedgerDatabase } from './ledger-database.ts'
import { date, text, type Row } from './sqlite.ts'

/** What was seen of one package. */
export interface Seen {
  readonly firstSeen: Date
  readonly seenAt: Date
  /** Every version any answer had. */
  readonly known: ReadonlySet<string>
  /** Those that were not in the first one. */
  readonly appearances: ReadonlyMap<string, Sighting>
}

interface Answer {
  readonly registry: string
  readonly name: string
  readonly versions: readonly string[]
  readonly at: Date
}

/** Bytes that a version takes in memory, measured. */
const PER_VERSION = 64
/** Milliseconds by which mirrors that share a ledger may be wrong about when a version was last absent: each answer would else be told to all. */
const SEEN_AGAIN = 60_000
/** Of one package, ever: twice what a packument may name at once. */
const MAX_KNOWN = 200_000

/**
 * When versions were seen. Answers of one moment share a write to disk: an install asks for hundreds of packages at once, and an
 * answer lost in a crash is seen again with the next one. Until it is written an answer is held in memory and not in an open
 * transaction, which would keep other processes waiting.
 */
export class Sightings {
  readonly #database: LedgerDatabase
  readonly #gather: number
  readonly #onError: (error: unknown) => void
  readonly #seen: LRUCache<string, Seen>
  #unwritten: Answer[] = []
  #timer: NodeJS.Timeout | undefined

  /** `memory` in bytes, for what was seen of all packages. */
  constructor(database: LedgerDatabase, { gather, memory, onError }: { readonly gather: number; readonly memory: number; readonly onError: (error: unknown) => void }) {
    this.#seen = new LRUCache({ maxSize: memory, sizeCalculation: ({ known }) => (known.size + 1) * PER_VERSION })
    this.#database = database
    this.#gather = gather
    this.#onError = onError
    database.onForeignWrite(() => {
      this.#seen.clear()
    })
  }

  add(answer: Answer): void {
    this.#database.noticeForeignWrites()
    const before = this.get(answer.registry, answer.name)
    const after = next(before, answer)
    if (after === before) return
    this.#seen.set(keyOf(answer.registry, answer.name), after)
    this.#unwritten.push(answer)
    if (this.#gather === 0) {
      this.flush()
      return
    }
    this.#timer ??= setTimeout(() => {
      try {
        this.flush()
      } catch (error) {
        this.#onError(error)
      }
    }, this.#gather)
  }

  /** Versions of an answer that no answer had before; undefined where all it adds is to have been seen again a moment later. */
  news(registry: string, name: string, versions: readonly string[], at: Date): readonly string[] | undefined {
    const seen = this.get(registry, name)
    if (seen === undefined) return versions
    if (at < seen.seenAt) return undefined
    const appeared = versions.filter((version) => !seen.known.has(version))
    return appeared.length > 0 || at.getTime() - seen.seenAt.getTime() >= SEEN_AGAIN ? appeared : undefined
  }

  get(registry: string, name: string): Seen | undefined {
    const key = keyOf(registry, name)
    const cached = this.#seen.get(key)
    if (cached !== undefined) return cached
    // Only where it is among what was gathered: a package that is new here would have all others written one by one.
    if (this.#unwritten.some((answer) => answer.registry === registry && answer.name === name)) this.flush()
    const seen = this.#read(registry, name)
    if (seen !== undefined) this.#seen.set(key, seen)
    return seen
  }

  /** What was read before is no longer what the file says. */
  forget(): void {
    this.#seen.clear()
  }

  /** The same, of one package. */
  forgetOne(registry: string, name: string): void {
    this.#seen.delete(keyOf(registry, name))
  }

  /** Writes what was gathered. What cannot be written is forgotten, here too: memory must not know more than the disk. */
  flush(): void {
    const answers = this.#take()
    if (answers.length === 0) return
    try {
      this.#database.transaction(() => {
        for (const answer of answers) this.#write(answer)
      }, 'soon')
    } catch (error) {
      this.#seen.clear()
      throw error
    }
  }

  /** The same together with `work`, since each wait for the disk is one of the event loop. Where `work` fails, it is undone alone. */
  flushWith(work: () => void): void {
    const answers = this.#take()
    try {
      this.#database.transaction(() => {
        for (const answer of answers) this.#write(answer)
        work()
      }, 'soon')
    } catch (error) {
      this.#unwritten = answers
      this.flush()
      throw error
    }
  }

  #take(): Answer[] {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const answers = this.#unwritten
    this.#unwritten = []
    return answers
  }

  /** On what is in the file now: another process may have added to it since the answer came. */
  #write(answer: Answer): void {
    const { registry, name, at } = answer
    const before = this.#read(registry, name)
    const replace = 'INSERT OR REPLACE INTO package (registry, name, first_seen, seen_at, known) VALUES (?, ?, ?, ?, ?)'
    if (before === undefined) {
      this.#database.run(replace, registry, name, at.getTime(), at.getTime(), JSON.stringify(answer.versions))
      return
    }
    const after = next(before, answer)
    if (after === before) return
    if (after.known.size === before.known.size) {
      this.#database.run('UPDATE package SET seen_at = ? WHERE registry = ? AND name = ?', at.getTime(), registry, name)
      return
    }
    this.#database.run(replace, registry, name, after.firstSeen.getTime(), after.seenAt.getTime(), JSON.stringify([...after.known]))
    const insert = 'INSERT OR IGNORE INTO appearance (registry, name, version, first_seen, last_absent) VALUES (?, ?, ?, ?, ?)'
    for (const [version, { firstSeen, lastAbsent }] of after.appearances)
      if (!before.known.has(version) && lastAbsent !== undefined)
        this.#database.run(insert, registry, name, version, firstSeen.getTime(), lastAbsent.getTime())
  }

  #read(registry: string, name: string): Seen | undefined {
    const row = this.#database.get('SELECT * FROM package WHERE registry = ? AND name = ?', registry, name)
    if (row === undefined) return undefined
    const rows = this.#database.all('SELECT * FROM appearance WHERE registry = ? AND name = ?', registry, name)
    return {
      firstSeen: date(row, 'first_seen'),
      seenAt: date(row, 'seen_at'),
      known: new Set(JSON.parse(text(row, 'known')) as string[]),
      appearances: new Map(rows.map((row) => [text(row, 'version'), sightingOf(row)])),
    }
  }
}

const sightingOf = (row: Row): Sighting => ({ firstSeen: date(row, 'first_seen'), lastAbsent: date(row, 'last_absent') })

const keyOf = (registry: string, name: string): string => JSON.stringify([registry, name])

/**
 * What is known after an answer; the same object when it says nothing new. Versions are only ever added: one that vanished and
 * came back keeps its first sighting. Only answers before that sighting can have lacked it because it was not there yet; later
 * ones may lie, and must not make an old version look young.
 */
function next(before: Seen | undefined, { versions, at }: Answer): Seen {
  if (before === undefined) return { firstSeen: at, seenAt: at, known: new Set(versions), appearances: new Map() }
  // An answer that came before the last one seen says nothing of what appeared since.
  if (at < before.seenAt) return before
  const appeared = versions.filter((version) => !before.known.has(version))
  if (appeared.length === 0) return at.getTime() === before.seenAt.getTime() ? before : { ...before, seenAt: at }
  // Not forgotten instead: whoever floods the ledger with names could then have a version appear as if it had always been there.
  if (before.known.size + appeared.length > MAX_KNOWN)
    throw new Unavailable('internal-error', `a registry has named more than ${MAX_KNOWN} versions of one package over time`)
  const sighting: Sighting = { firstSeen: at, lastAbsent: before.seenAt }
  return {
    firstSeen: before.firstSeen,
    seenAt: at,
    known: new Set([...before.known, ...appeared]),
    appearances: new Map([...before.appearances, ...appeared.map((version) => [version, sighting] as const)]),
  }
}
