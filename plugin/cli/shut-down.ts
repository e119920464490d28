import { constants } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { messageOf } from '../domain/errors.ts'
import { EXIT } from './exit-codes.ts'
import type { RunningMirror } from './mirror.ts'
import { printable } from './terminal.ts'

/**
 * SIGTERM: says that it is not ready, answers on for `shutdown.drain` (a load balancer needs that long to send nobody here any more),
 * takes no more connections, finishes the answers under way, and ends. SIGINT, of a terminal, does not wait for a load balancer. Another
 * signal ends it at once: what was agreed on is on disk, and what the log's thread holds is written as the process ends.
 * @returns what ends it as SIGINT does
 */
export function shutDownOnSignals(mirror: EndingMirror, { on, exit, now }: Surroundings = THIS_PROCESS): () => void {
  let began: number | undefined
  const end = (drain: number, again: number): void => {
    if (began !== undefined) {
      exit(again)
      return
    }
    began = now()
    shutDown(mirror, drain).then(
      () => { exit(EXIT.fine) },
      (error: unknown) => {
        console.error(`could not end as it should: ${printable(messageOf(error))}`)
        exit(ENDED_BADLY)
      },
    )
  }
  on('SIGTERM', () => { end(mirror.engine.configuration.shutdown.drain, ofSignal('SIGTERM')) })
  on('SIGINT', () => { if (began === undefined || now() - began > SAME_PRESS_MS) end(0, ofSignal('SIGINT')) })
  return () => { end(0, EXIT.fine) }
}

/** What of a mirror is ended. */
export interface EndingMirror extends Pick<RunningMirror, 'drain' | 'close'> {
  readonly engine: { readonly configuration: Pick<RunningMirror['engine']['configuration'], 'shutdown'> }
}

/** A process, or what a test has in its place. */
export interface Surroundings {
  readonly on: (signal: 'SIGTERM' | 'SIGINT', listener: () => void) => void
  readonly exit: (code: number) => void
  /** Milliseconds that only grow. */
  readonly now: () => number
}

const THIS_PROCESS: Surroundings = {
  on: (signal, listener) => { process.on(signal, listener) },
  exit: (code) => process.exit(code),
  now: () => performance.now(),
}

/** A terminal signals all that runs in it, and npm, which runs in it too, passes it on. */
const SAME_PRESS_MS = 500

const ENDED_BADLY = 70

/** As shells report a signal. */
const ofSignal = (name: 'SIGINT' | 'SIGTERM'): number => 128 + constants.signals[name]

async function shutDown(mirror: EndingMirror, drain: number): Promise<void> {
  const { finish } = mirror.engine.configuration.shutdown
  mirror.drain()
  if (drain > 0) {
    console.log(`shutting down: answers on for ${seconds(drain)}, then has ${seconds(finish)} to finish; another signal ends it at once`)
    // The port keeps the process meanwhile.
    await setTimeout(drain, undefined, { ref: false })
  }
  await mirror.close()
}

const seconds = (milliseconds: number): string => `${milliseconds / 1000} s`
