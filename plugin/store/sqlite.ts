import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'
import { messageOf } from '../domain/errors.ts'

export type Row = Record<string, SQLOutputValue>

/** Milliseconds to wait for another process on the same file. */
export const BUSY_TIMEOUT = 5000

/**
 * Opens a database file, or `:memory:`.
 * `FULL`: what was committed survives a power cut. `NORMAL`: the newest commits may be lost, nothing is torn.
 * @throws Error naming the file when it cannot be opened, or is no database
 */
export function openDatabase(file: string, synchronous: 'FULL' | 'NORMAL'): DatabaseSync {
  try {
    if (file !== ':memory:') mkdirSync(path.dirname(file), { recursive: true })
    const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT, enableForeignKeyConstraints: false })
    database.exec('PRAGMA journal_mode = WAL')
    database.exec(`PRAGMA synchronous = ${synchronous}`)
    return database
  } catch (cause) {
    throw new Error(`${file}: ${messageOf(cause)}`, { cause })
  }
}

export function text(row: Row, column: string): string {
  const value = row[column]
  if (typeof value !== 'string') throw new TypeError(`column ${column} is not text`)
  return value
}

export function optionalText(row: Row, column: string): string | undefined {
  return row[column] === null ? undefined : text(row, column)
}

export function integer(row: Row, column: string): number {
  const value = row[column]
  if (typeof value !== 'number') throw new TypeError(`column ${column} is not a number`)
  return value
}

/** A column of milliseconds. */
export const date = (row: Row, column: string): Date => new Date(integer(row, column))
