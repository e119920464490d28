import type { WatchEvents, WatchFiles } from '../../../plugin/rollout/watch.ts'
import type { Schedule } from '../../../plugin/rollout/keeper.ts'

/** Timers that run when a test says so. */
export class Timers {
  #waiting: { readonly run: () => void; readonly after: number }[] = []

  readonly schedule: Schedule = (run, after) => {
    const entry = { run, after }
    this.#waiting.push(entry)
    return () => { this.#waiting = this.#waiting.filter((other) => other !== entry) }
  }

  /** How long each of them waits, in milliseconds. */
  get waits(): readonly number[] {
    return this.#waiting.map(({ after }) => after)
  }

  /** Runs those that wait for at most so long. */
  pass(milliseconds: number): void {
    const due = this.#waiting.filter(({ after }) => after <= milliseconds)
    this.#waiting = this.#waiting.filter(({ after }) => after > milliseconds)
    for (const { run } of due) run()
  }
}

/** A watch that sees what a test tells it. */
export class ToldWatch {
  files: readonly string[] = []
  closed = false
  #events: WatchEvents | undefined

  readonly watch: WatchFiles = (events) => {
    this.#events = events
    return {
      set: (files) => { this.files = [...new Set(files)].sort() },
      close: () => { this.closed = true },
    }
  }

  changed(): void {
    this.#events?.changed()
  }

  failed(): void {
    this.#events?.failed(new Error('no more watches'))
  }
}

/** Files in memory. */
export class Files extends Map<string, string> {
  readonly read = (file: string): string => {
    const text = this.get(file)
    if (text === undefined) throw new Error(`${file} is not there`)
    return text
  }
}
