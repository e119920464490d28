/**
 * A clock that can be set: preloaded with `--import`, it adds to every `Date` the milliseconds that the file `CLOCK_SHIFT` holds; at
 * SIGUSR2 it reads them again, and says so. Timers go on as they do when the clock of a machine is set; with `HURRIED` those of a
 * minute and longer come sixty times as soon.
 */
import { readFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

const Real = Date
const file = process.env.CLOCK_SHIFT ?? ''
const read = (): number => Number(readFileSync(file, 'utf8'))
let shift = read()

class Shifted extends Real {
  constructor(...given: readonly unknown[]) {
    super(...((given.length === 0 ? [Real.now() + shift] : given) as [number]))
  }

  static override now(): number {
    return Real.now() + shift
  }
}
globalThis.Date = Shifted as unknown as DateConstructor

const MINUTE = 60_000
if (process.env.HURRIED === 'true') {
  const real = globalThis.setTimeout
  const hurried = (run: (...args: unknown[]) => void, milliseconds = 0, ...args: unknown[]): NodeJS.Timeout => real(run, milliseconds >= MINUTE ? milliseconds / 60 : milliseconds, ...args)
  globalThis.setTimeout = Object.assign(hurried, { __promisify__: real.__promisify__ }) as unknown as typeof setTimeout
}

if (isMainThread)
  process.on('SIGUSR2', () => {
    shift = read()
    process.stderr.write(`clock shifted by ${String(shift)}\n`)
  })
