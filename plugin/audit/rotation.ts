import { readdirSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'

/** Digits of the largest safe integer. */
const NUMBER = 16
const ROTATED = /\.\d{4}-\d\d-\d\dT[\d-]+Z\.\d{16}$/

/**
 * Moves a full file aside, as `file.<time>.<number>`, and removes the oldest but `files`. The number beside the time: a clock may be set
 * back, and two may be full within one millisecond.
 */
export function rotate(file: string, files: number, number: number): void {
  renameSync(file, `${file}.${new Date().toISOString().replace(/[:.]/g, '-')}.${String(number).padStart(NUMBER, '0')}`)
  const all = rotated(file)
  // Not `-files`: of none, that would be all that stay.
  for (const old of all.slice(0, Math.max(0, all.length - files))) rmSync(old, { force: true })
}

/** Files that were moved aside, oldest first. */
export function rotated(file: string): readonly string[] {
  const prefix = `${path.basename(file)}.`
  const names = readdirSync(path.dirname(file)).filter((name) => name.startsWith(prefix) && ROTATED.test(name))
  return names.toSorted((a, b) => numberOf(a) - numberOf(b)).map((name) => path.join(path.dirname(file), name))
}

export const numberOf = (file: string): number => Number(file.slice(-NUMBER))
