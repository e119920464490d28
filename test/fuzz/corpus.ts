/** What was found before: inputs that reach something of their own (`corpus/`), and inputs that once broke a promise (`crashes/`). */
import { hash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

type Shelf = 'corpus' | 'crashes'
const MAX_INPUTS = 50
const MAX_INPUT = 4096
/** Bytes of one target's inputs together: evidence has 10 KB a piece. */
const MAX_SHELF = 96 * 1024

const folderOf = (shelf: Shelf, target: string): string => path.join(import.meta.dirname, shelf, target)

/** In the order of their names, so that a run is the same everywhere. */
export function stored(shelf: Shelf, target: string): readonly Buffer[] {
  const folder = folderOf(shelf, target)
  if (!existsSync(folder)) return []
  return readdirSync(folder).sort().map((file) => readFileSync(path.join(folder, file)))
}

/** Writes an input under its hash. @returns the file */
export function store(shelf: Shelf, target: string, input: Buffer): string {
  const file = path.join(folderOf(shelf, target), hash('sha256', input).slice(0, 16))
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, input)
  return file
}

/** Whether there is room for one more. */
export function fits(target: string, input: Buffer, longest = MAX_INPUT): boolean {
  const known = stored('corpus', target)
  const size = known.reduce((sum, { length }) => sum + length, 0)
  return input.length <= longest && known.length < MAX_INPUTS && size + input.length <= MAX_SHELF
}
