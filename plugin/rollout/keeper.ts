import { describeProblem, messageOf, type Problem } from '../domain/errors.ts'
import type { Clock } from '../domain/ports.ts'
import type { TrustPolicy } from '../policy/index.ts'
import { readPolicy, sameTexts, type PolicyReading, type PolicySource, type Texts } from './policy-source.ts'
import type { FileWatch, WatchFiles } from './watch.ts'

/** What asked for a reload: somebody, by a signal; a change of a file; or a policy that was published to all mirrors. */
export type ReloadCause = 'signal' | 'change' | 'published'

/**
 * - `applied`: another policy is in force;
 * - `unchanged`: what was read means what is in force already;
 * - `refused`: what was read is wrong, and what was in force is still;
 * - `fixed`: there is no file to read, the policy stands in the configuration or is the default.
 */
export type ReloadOutcome = 'applied' | 'unchanged' | 'refused' | 'fixed'

export interface Reload {
  readonly at: Date
  readonly cause: ReloadCause
  readonly outcome: ReloadOutcome
  /** Of the policy in force after it. */
  readonly revision: string
  readonly previous: string
  /** Of the policy that was refused, else empty. */
  readonly problems: readonly Problem[]
  /** Each problem as a line: file, line, key, what is wrong, what would be right. */
  readonly messages: readonly string[]
}

export interface PolicyState {
  readonly revision: string
  /** When the policy in force was read first. */
  readonly loadedAt: Date
  readonly lastReload: Reload | undefined
  /** How often, since the mirror started. */
  readonly reloads: Readonly<Record<ReloadOutcome, number>>
}

/** Calls back after so many milliseconds, once; returns how to call it off. Must keep no process alive. */
export type Schedule = (run: () => void, milliseconds: number) => () => void

export interface PolicyKeeperOptions {
  readonly source: PolicySource
  /** What the mirror starts with. */
  readonly first: Extract<PolicyReading, { readonly policy: TrustPolicy }>
  readonly readFile: (file: string) => string
  readonly watch: WatchFiles
  readonly schedule: Schedule
  readonly clock: Clock
  /** Told of every reload that ended. */
  readonly reloaded: (reload: Reload) => void
  readonly warn: (message: string) => void
  /** Once when it starts and then once a day. */
  readonly daily: () => void
}

/** Files are written in pieces, and several at once: they are read when they have been left alone for so long. */
const QUIET = 250
/** But however often they are written to, not later than this. */
const PATIENCE = 2000
/** Some editors remove a file before they write the new one. */
const GONE_FOR_A_MOMENT = 2000
const DAY = 86_400_000

/**
 * The policy in force. A new one is read and compiled as a whole and then takes the place of the old one by a single assignment;
 * one that is wrong takes no place at all. Whoever works with a policy asks for it once and keeps what he got.
 */
export class PolicyKeeper {
  readonly #options: PolicyKeeperOptions
  readonly #reloads: Record<ReloadOutcome, number> = { applied: 0, unchanged: 0, refused: 0, fixed: 0 }
  #policy: TrustPolicy
  #loadedAt: Date
  #lastReload: Reload | undefined
  /** What was read last, whatever became of it. */
  #texts: Texts
  #watch: FileWatch | undefined
  #changedAt: number | undefined
  #cancelReading: () => void = () => undefined
  #cancelDaily: () => void = () => undefined

  constructor(options: PolicyKeeperOptions) {
    this.#options = options
    this.#policy = options.first.policy
    this.#texts = options.first.texts
    this.#loadedAt = options.clock.now()
  }

  get policy(): TrustPolicy {
    return this.#policy
  }

  get state(): PolicyState {
    return { revision: this.#policy.revision, loadedAt: this.#loadedAt, lastReload: this.#lastReload, reloads: { ...this.#reloads } }
  }

  /** Watches the files from now on; what was changed since they were read first is seen too. */
  start(): void {
    if (this.#watch !== undefined) return
    const { watch, warn } = this.#options
    this.#watch = watch({
      changed: () => { this.#soon() },
      failed: (error) => { warn(`changes of the policy's files are seen late only, since they cannot be watched: ${messageOf(error)}`) },
    })
    this.#watchFiles()
    this.#readChanges('again')
    this.#everyDay()
  }

  /** Reads the policy again, now. Never throws: a wrong policy is an outcome. */
  reload(cause: ReloadCause): Reload {
    this.#calm()
    if (this.#isFixed) return this.#ended(cause, { outcome: 'fixed', problems: [], messages: [] })
    return this.#take(cause, this.#read())
  }

  close(): void {
    this.#calm()
    this.#cancelDaily()
    this.#watch?.close()
    this.#watch = undefined
  }

  get #isFixed(): boolean {
    const { source, first } = this.#options
    return source.place !== 'file' && source.place !== 'shared' && first.texts.size === 0
  }

  #read(): PolicyReading {
    const { source, readFile, clock } = this.#options
    return readPolicy(source, readFile, clock.now())
  }

  #take(cause: ReloadCause, { texts, policy, error }: PolicyReading): Reload {
    this.#texts = texts
    if (error !== undefined) {
      this.#watchFiles()
      return this.#ended(cause, { outcome: 'refused', problems: error.problems, messages: error.problems.map((problem) => describeProblem(error.file, problem)) })
    }
    const outcome = policy.revision === this.#policy.revision ? 'unchanged' : 'applied'
    const previous = this.#policy.revision
    // Of one revision is what means the same; its examples and doubts may be others.
    this.#policy = policy
    this.#watchFiles()
    if (outcome === 'applied') this.#loadedAt = this.#options.clock.now()
    return this.#ended(cause, { outcome, problems: [], messages: [] }, previous)
  }

  #ended(cause: ReloadCause, found: Pick<Reload, 'outcome' | 'problems' | 'messages'>, previous = this.#policy.revision): Reload {
    const reload = { at: this.#options.clock.now(), cause, revision: this.#policy.revision, previous, ...found }
    this.#lastReload = reload
    this.#reloads[reload.outcome]++
    this.#options.reloaded(reload)
    return reload
  }

  /** All that is in force, and all that was asked for: the mistake may be in a file that no policy in force includes. */
  #watchFiles(): void {
    if (this.#isFixed) return
    const { place, file } = this.#options.source
    this.#watch?.set([...(place === 'file' ? [file] : []), ...this.#policy.includes, ...this.#texts.keys()])
  }

  #soon(): void {
    const { schedule, clock } = this.#options
    const now = clock.now().getTime()
    this.#changedAt ??= now
    const wait = Math.max(0, Math.min(QUIET, this.#changedAt + PATIENCE - now))
    this.#cancelReading()
    this.#cancelReading = schedule(() => { this.#readChanges('first') }, wait)
  }

  #readChanges(time: 'first' | 'again'): void {
    this.#calm()
    if (this.#isFixed) return
    const reading = this.#read()
    if (sameTexts(reading.texts, this.#texts)) return
    const isGone = [...reading.texts.values()].includes(undefined)
    if (isGone && time === 'first') this.#cancelReading = this.#options.schedule(() => { this.#readChanges('again') }, GONE_FOR_A_MOMENT)
    else this.#take('change', reading)
  }

  #calm(): void {
    this.#cancelReading()
    this.#cancelReading = () => undefined
    this.#changedAt = undefined
  }

  #everyDay(): void {
    this.#options.daily()
    this.#cancelDaily = this.#options.schedule(() => { this.#everyDay() }, DAY)
  }
}
