import { appendFileSync, mkdirSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import path from 'node:path'
import { finishAtExit } from './at-exit.ts'
import { numberOf, rotate, rotated } from './rotation.ts'

export interface LinePlace {
  readonly file: string
  /** Bytes after which it is moved aside; files that are kept so. */
  readonly maxSize: number
  readonly files: number
}

export interface LineFileOptions {
  /** Told once when lines begin to be lost, and of nothing more until all is well again. */
  readonly onFailure: (error: unknown) => void
  /** Runs `write` a moment later; what comes until then is written with it. Default: a tenth of a second, keeping no process alive. */
  readonly later?: ((write: () => void) => void) | undefined
  /** Adds to the end of a file. */
  readonly append?: ((file: string, pieces: readonly Uint8Array[]) => Promise<void>) | undefined
}

interface Piece {
  readonly bytes: Buffer
  used: number
  lines: number
}

const LATER_MS = 100
/** Bytes of a piece; and of the longest line, which fits into an empty one. */
const PIECE = 256 * 1024
/** Pieces that wait at most, while the disk is slow; lines beyond are lost, and counted. */
const MOST = 64
/** Bytes a character takes at most in UTF-8, of those UTF-16 counts. */
const WIDEST = 3

/**
 * Lines of which there are tens of thousands a second: copied at once, so that the garbage collector never sees one that is older than its
 * request, and written by another thread while the next are collected. The file is opened anew each time: it may be moved away whenever
 * somebody likes. Lines may be lost, when the disk cannot take them; never requests.
 */
export class LineFile {
  readonly #place: LinePlace
  readonly #options: LineFileOptions
  readonly #callOff: () => void
  #piece = piece()
  readonly #full: Piece[] = []
  /** Written, and to be filled again. */
  #spare: Piece | undefined
  #isDue = false
  #writing: Promise<void> | undefined
  #failure: unknown
  #lost = 0

  /** @throws Error when the file cannot be written to */
  constructor(place: LinePlace, options: LineFileOptions) {
    this.#place = place
    this.#options = options
    mkdirSync(path.dirname(place.file), { recursive: true })
    appendFileSync(place.file, '', { mode: MODE })
    this.#callOff = finishAtExit(() => { this.#writeNow() })
  }

  /** Lines that were not written. */
  get lost(): number {
    return this.#lost
  }

  /** Why the last lines were not written; undefined when they were. */
  get failure(): unknown {
    return this.#failure
  }

  /** @param pieces of one line; `end` is its last, with the line's end */
  add(pieces: readonly Uint8Array[], end: string): void {
    let longest = end.length * WIDEST
    for (const { length } of pieces) longest += length
    if (longest > PIECE) {
      this.#fail(1, new Error('a line is too long'))
      return
    }
    if (this.#piece.used + longest > PIECE && !this.#next()) {
      this.#fail(1, new Error('lines come faster than they are written'))
      return
    }
    const { bytes } = this.#piece
    for (const one of pieces) {
      bytes.set(one, this.#piece.used)
      this.#piece.used += one.length
    }
    this.#piece.used += bytes.write(end, this.#piece.used)
    this.#piece.lines++
    if (!this.#isDue) this.#writeLater()
  }

  /** Resolves when nothing is being written. */
  async written(): Promise<void> {
    await this.#writing
  }

  /** Writes what waits. */
  async close(): Promise<void> {
    this.#callOff()
    this.#finish()
    while (this.#full.length > 0) await this.#write()
    await this.#writing
  }

  #writeLater(): void {
    this.#isDue = true
    const later = this.#options.later ?? ((write) => { setTimeout(write, LATER_MS).unref() })
    later(() => {
      this.#isDue = false
      if (this.#full.length < MOST) this.#finish()
      else this.#writeLater()
      void this.#write()
    })
  }

  /** Whether there is room again. */
  #next(): boolean {
    if (this.#full.length >= MOST) return false
    this.#finish()
    void this.#write()
    return true
  }

  /** The piece is written as it is. */
  #finish(): void {
    if (this.#piece.used === 0) return
    this.#full.push(this.#piece)
    this.#piece = this.#spare ?? piece()
    this.#spare = undefined
  }

  #write(): Promise<void> {
    this.#writing ??= this.#writeAll().finally(() => { this.#writing = undefined })
    return this.#writing
  }

  async #writeAll(): Promise<void> {
    while (this.#full.length > 0) {
      const taken = this.#full.splice(0)
      try {
        this.#rotateFull()
        await (this.#options.append ?? append)(this.#place.file, taken.map(textOf))
        this.#failure = undefined
      } catch (error) {
        this.#fail(linesOf(taken), error)
      }
      this.#spare ??= taken[0] && Object.assign(taken[0], { used: 0, lines: 0 })
    }
  }

  /** The process ends. */
  #writeNow(): void {
    this.#finish()
    const taken = this.#full.splice(0)
    try {
      for (const one of taken) appendFileSync(this.#place.file, textOf(one), { mode: MODE })
    } catch (error) {
      this.#fail(linesOf(taken), error)
    }
  }

  #rotateFull(): void {
    const { file, maxSize, files } = this.#place
    const found = statSync(file, { throwIfNoEntry: false })
    // `/dev/stdout` is no file.
    if (found?.isFile() !== true || found.size < maxSize) return
    const newest = rotated(file).at(-1)
    rotate(file, files, newest === undefined ? 1 : numberOf(newest) + 1)
  }

  #fail(lines: number, error: unknown): void {
    this.#lost += lines
    const isNew = this.#failure === undefined
    this.#failure = error
    if (isNew) this.#options.onFailure(error)
  }
}

const piece = (): Piece => ({ bytes: Buffer.allocUnsafeSlow(PIECE), used: 0, lines: 0 })
const textOf = ({ bytes, used }: Piece): Uint8Array => bytes.subarray(0, used)
const linesOf = (pieces: readonly Piece[]): number => pieces.reduce((sum, { lines }) => sum + lines, 0)

/** Names of users and addresses are in it. */
const MODE = 0o600

async function append(file: string, pieces: readonly Uint8Array[]): Promise<void> {
  await using handle = await open(file, 'a', MODE)
  for (const one of pieces) await handle.appendFile(one)
}
