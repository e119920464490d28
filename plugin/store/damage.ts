import { existsSync, renameSync, rmSync, statSync } from 'node:fs'
import { ConfigurationError, messageOf } from '../domain/errors.ts'
import { openDatabase, text } from './sqlite.ts'

/** sqlite.org/rescode.html: SQLITE_CORRUPT and SQLITE_NOTADB. */
const DAMAGED = new Set([11, 26])
/** SQLITE_BUSY: another process that writes just now proves that it can be written. */
const BUSY = 5

/** Whether an error of SQLite says that the file is not what was written to it, rather than that it cannot be reached just now. */
export const isDamage = (error: unknown): boolean => DAMAGED.has(codeOf(error) ?? 0)

/** SQLite's: the low byte of it, the rest says more precisely the same. */
function codeOf(error: unknown): number | undefined {
  const { errcode, cause } = error instanceof Error ? (error as Error & { readonly errcode?: unknown }) : {}
  return typeof errcode === 'number' ? errcode & 0xff : cause === undefined ? undefined : codeOf(cause)
}

/**
 * What is wrong with a database's file; undefined where nothing is, or where there is none. All of its pages are looked at: 280 MB take
 * 0.15 s.
 * @throws Error when it cannot be opened, which says nothing about what is in it
 */
export function damageOf(file: string): string | undefined {
  if (!existsSync(file)) return sizeOf(`${file}-wal`) > 0 ? 'it is gone, and its log is still there' : undefined
  // SQLite would take it for one that has just been made. None stays of this size: a new one has a head before anything is in it.
  if (staysEmpty(file)) return 'it is empty'
  try {
    const database = openDatabase(file, 'FULL')
    try {
      const rows = database.prepare('PRAGMA quick_check(1)').all()
      const [found] = rows.map((row) => text(row, 'quick_check'))
      return found === 'ok' ? undefined : (found ?? 'it cannot be checked')
    } finally {
      database.close()
    }
  } catch (error) {
    if (isDamage(error)) return messageOf(error)
    throw error
  }
}

/** Milliseconds that another process, which makes the file just now, may take to write its head. */
const BEING_MADE = 500
const LOOK = 10

function staysEmpty(file: string): boolean {
  const until = performance.now() + BEING_MADE
  while (sizeOf(file) === 0) {
    if (performance.now() > until) return true
    // Nothing else is to be done before it is known whether there is a ledger.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK)
  }
  return false
}

/**
 * A mirror that began anew without being told would trust at first sight what it already knew to be otherwise. Of a ledger that is shared,
 * `isCopy`, all others know it; but that the shared one was cut short only a mirror with a copy can tell, so that is said too.
 * @throws ConfigurationError when the file is damaged, or cannot be written; Error when it cannot be opened
 */
export function assertWholeLedger(file: string, isCopy = false): void {
  const away = `move it away with ${file}-wal and ${file}-shm`
  const remedy = isCopy
    ? `When the other mirrors are well, ${away}: a new copy is taken from the shared ledger.`
    : `Restore it from a backup. Or, to begin anew knowingly, ${away}: then every version is one that was never seen.`
  const damage = damageOf(file)
  if (damage !== undefined) throw new ConfigurationError(file, [{ path: '', message: `the ledger is damaged: ${damage}`, remedy }])
  const problem = existsSync(file) ? writingProblem(file) : undefined
  const writable = 'Let the user that runs the mirror write it and its directory, on a disk that is not mounted read-only.'
  if (problem !== undefined) throw new ConfigurationError(file, [{ path: '', message: `the ledger cannot be written: ${problem}`, remedy: writable }])
}

/** SQLite opens what it may only read, and such a connection stays so; to begin a transaction proves nothing of it. */
function writingProblem(file: string): string | undefined {
  const database = openDatabase(file, 'FULL')
  try {
    database.exec('PRAGMA busy_timeout = 0')
    database.exec('BEGIN IMMEDIATE; CREATE TABLE probe (a)')
    database.exec('ROLLBACK')
    return undefined
  } catch (error) {
    return codeOf(error) === BUSY ? undefined : messageOf(error)
  } finally {
    database.close()
  }
}

/** Of a database that may be lost: a damaged one is moved aside, for whoever wants to know why, and the next one is new. */
export function moveAsideIfDamaged(file: string, what: string, warn: (message: string) => void): void {
  const damage = damageOf(file)
  if (damage === undefined) return
  moveAside(file, `${what} is damaged: ${damage}`, warn)
}

export function moveAside(file: string, why: string, warn: (message: string) => void): void {
  const aside = `${file}.damaged`
  for (const part of ['', '-wal', '-shm']) {
    rmSync(`${aside}${part}`, { force: true })
    if (existsSync(`${file}${part}`)) renameSync(`${file}${part}`, `${aside}${part}`)
  }
  warn(`${why}. It was moved to ${aside}, and a new one is made`)
}

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0
