/** A line at the bottom of a terminal that says how far a command is; nothing where nobody looks. */

export interface Terminal {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  write(text: string): unknown
}

const EVERY_MS = 100
const WIDTH = 24

export class Progress {
  readonly #terminal: Terminal
  readonly #total: number
  readonly #now: () => number
  readonly #started: number
  #shown = -Infinity

  constructor(total: number, terminal: Terminal, now: () => number = () => performance.now()) {
    this.#terminal = terminal
    this.#total = total
    this.#now = now
    this.#started = now()
  }

  at(done: number): void {
    const now = this.#now()
    if (this.#terminal.isTTY !== true || (now - this.#shown < EVERY_MS && done < this.#total)) return
    this.#shown = now
    const line = progressLine(done, this.#total, now - this.#started)
    this.#terminal.write(`\r${line.slice(0, (this.#terminal.columns ?? 80) - 1)}\x1b[K`)
  }

  /** Takes the line away. */
  end(): void {
    if (this.#terminal.isTTY === true && this.#shown > -Infinity) this.#terminal.write('\r\x1b[K')
  }
}

/** @param elapsed - milliseconds */
export function progressLine(done: number, total: number, elapsed: number): string {
  const share = total === 0 ? 1 : Math.min(1, done / total)
  const filled = Math.round(share * WIDTH)
  const rate = elapsed <= 0 ? 0 : (done * 1000) / elapsed
  const left = rate === 0 ? '' : `, ${duration((total - done) / rate)} left`
  return `[${'='.repeat(filled)}${' '.repeat(WIDTH - filled)}] ${String(done)}/${String(total)}  ${rate < 10 ? rate.toFixed(1) : String(Math.round(rate))}/s${left}`
}

const duration = (seconds: number): string =>
  seconds < 60 ? `${String(Math.ceil(seconds))} s` : `${String(Math.floor(seconds / 60))} min ${String(Math.round(seconds % 60))} s`
