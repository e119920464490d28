import { appendFileSync, mkdirSync, openSync, closeSync, fstatSync, readSync, statSync } from 'node:fs'
import path from 'node:path'
import { isObject, own, ownString } from '../domain/json.ts'
import { entryOf } from './entry.ts'
import type { JsonlPlace } from './messages.ts'
import { rotate, rotated } from './rotation.ts'
import type { LogStore } from './store.ts'

const PAGE = 500
/** The last entry of a file is in here: the longest has some dozen kilobytes. */
const TAIL = 512 * 1024

/**
 * The log as JSON Lines, for programs that read files: an entry a line, and a line for each checkpoint that stays. Written behind the
 * store, so that the file lacks nothing that the store has after a crash, and has nothing that the store lacks. Opened anew for each
 * piece: it may be moved away at any time.
 */
export class JsonLines {
  readonly #place: JsonlPlace
  readonly #log: string
  /** Number of the last entry that is in the file. */
  #last: number | undefined

  constructor(place: JsonlPlace, log: string) {
    this.#place = place
    this.#log = log
  }

  async catchUp(store: LogStore): Promise<void> {
    this.#last ??= this.#lastWritten() ?? 0
    for (;;) {
      const page = await store.entries(this.#log, this.#last, PAGE)
      const end = page.at(-1)?.sequence
      if (end === undefined) return
      const [from, checkpoints] = [this.#last, await store.checkpoints(this.#log)]
      const signed = new Map(checkpoints.filter(({ sequence }) => sequence > from && sequence <= end).map(({ sequence, envelope }) => [sequence, envelope]))
      const lines = page.flatMap(({ body, hash, sequence }) => [JSON.stringify(entryOf(body, hash)), signed.get(sequence) ?? []].flat())
      this.#write(`${lines.join('\n')}\n`)
      this.#last = end
    }
  }

  #write(text: string): void {
    const { file, maxSize, files } = this.#place
    mkdirSync(path.dirname(file), { recursive: true })
    if (sizeOf(file) + Buffer.byteLength(text) > maxSize && sizeOf(file) > 0) rotate(file, files, this.#last ?? 0)
    // Names of users and addresses are in it.
    appendFileSync(file, text, { mode: 0o600 })
  }

  /** Undefined where nothing was written yet. */
  #lastWritten(): number | undefined {
    const { file } = this.#place
    if (sizeOf(file) > 0) return this.#lastIn(file)
    try {
      const newest = rotated(file).at(-1)
      return newest === undefined ? undefined : this.#lastIn(newest)
    } catch {
      return undefined
    }
  }

  #lastIn(file: string): number | undefined {
    const tail = tailOf(file)
    // A process that ended in the middle of a line: what follows begins a line of its own.
    if (!tail.endsWith('\n')) appendFileSync(file, '\n')
    return tail.split('\n').map((line) => sequenceIn(line, this.#log)).findLast((sequence) => sequence !== undefined)
  }
}

function sequenceIn(line: string, log: string): number | undefined {
  try {
    const value: unknown = JSON.parse(line)
    const sequence = isObject(value) && ownString(value, 'log') === log ? own(value, 'sequence') : undefined
    return Number.isSafeInteger(sequence) ? Number(sequence) : undefined
  } catch {
    return undefined
  }
}

function tailOf(file: string): string {
  const handle = openSync(file, 'r')
  try {
    const { size } = fstatSync(handle)
    const bytes = Buffer.alloc(Math.min(size, TAIL))
    readSync(handle, bytes, 0, bytes.length, size - bytes.length)
    return bytes.toString()
  } finally {
    closeSync(handle)
  }
}

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0
