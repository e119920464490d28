import { existsSync } from 'node:fs'
import { openDatabase } from './sqlite.ts'

/** A copy of a ledger's file as it is now, also while a mirror writes to it; none when there is none. @throws Error */
export function copyLedger(from: string, to: string): void {
  if (!existsSync(from)) return
  const database = openDatabase(from, 'FULL')
  try {
    database.prepare('VACUUM INTO ?').run(to)
  } finally {
    database.close()
  }
}
