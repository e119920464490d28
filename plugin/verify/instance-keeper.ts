import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Unavailable, messageOf } from '../domain/errors.ts'
import type { Clock, KeyPins, TrustMaterial } from '../domain/ports.ts'
import type { InstanceState, TrustState } from '../domain/state.ts'
import { KeptTrustFile, isBefore, versionOf, type KeptTrust } from './kept-trust.ts'
import { pinOwnKeys, type AskKeys } from './pinned-keys.ts'
import { assembleTrust, keysOf, mayPin, repositoryId, wantedTargets, type TrustBasis, type TrustedUplink, type UplinkKeys } from './trust-basis.ts'
import { unreferenced } from './schedule.ts'
import { seededRootVersion } from './trust-material.ts'
import { instanceStateOf, trustStateOf } from './trust-state.ts'
import { cleanTufCycles, runTufCycle } from './tuf-cycle.ts'

export interface InstanceKeeperOptions {
  readonly basis: TrustBasis
  /** Of a named instance. */
  readonly instance?: string | undefined
  /** Directory of this mirror's TUF state, which processes may share. */
  readonly dir: string
  readonly pins: KeyPins
  /** Asks an uplink for its own keys. */
  readonly askKeys: AskKeys
  readonly clock: Clock
  /** How long the first answer of a named instance is waited for, in milliseconds. */
  readonly firstAnswer?: number | undefined
  /** Calls back after so many milliseconds, once; returns how to call it off. Must keep no process alive. */
  readonly schedule?: ((run: () => void, milliseconds: number) => () => void) | undefined
  readonly warn: (message: string) => void
}

const HOUR = 3_600_000
const EVERY = 24 * HOUR
/** The public-good instance signs its timestamp anew every few days. */
const OLD = 7 * 24 * HOUR
const AT_MOST_EVERY = 10 * 60_000
const WITHOUT_ANY_EVERY = 60_000
/** A repository that keeps us waiting must not make an unknown key a 503 for good. */
const PATIENCE = 60_000
const FIRST_ANSWER = 3_000

/**
 * The trust material of one Sigstore instance, by uplink, and how it is kept fresh: a run of TUF's client workflow once a day, and
 * when something rests on an anchor that is not known here. Material is replaced whole or not at all; whatever goes wrong leaves the
 * last good one in force, and says so. Age alone denies nothing.
 */
export class InstanceKeeper {
  readonly #options: InstanceKeeperOptions
  readonly #file: KeptTrustFile
  readonly #wanted: readonly string[]
  #materials: ReadonlyMap<string, TrustMaterial> = new Map()
  #kept: KeptTrust | undefined
  #running: Promise<boolean> | undefined
  #lastRun: Date | undefined
  #unschedule: () => void = () => undefined
  readonly #refreshes = { succeeded: 0, failed: 0 }
  #started = false
  #closed = false

  private constructor(options: InstanceKeeperOptions) {
    this.#options = options
    this.#wanted = wantedTargets(options.basis)
    this.#file = new KeptTrustFile(path.join(options.dir, `${options.instance === undefined ? 'kept' : `instance-${options.instance}`}-${repositoryId(options.basis)}.json`))
  }

  /** With what is there: files, the last good answer, the seeds. TUF is waited for only where there is nothing at all. */
  static async open(options: InstanceKeeperOptions): Promise<InstanceKeeper> {
    const keeper = new InstanceKeeper(options)
    if (keeper.#wanted.length > 0) await keeper.#restore()
    keeper.#assemble(keeper.#kept)
    if (keeper.#asksTuf && keeper.#isMissing) await keeper.#firstAnswer()
    return keeper
  }

  /** By uplink; an uplink is missing while nothing is known to trust for it. */
  get materials(): ReadonlyMap<string, TrustMaterial> {
    return this.#materials
  }

  /** @throws Unavailable (`trust-material-stale`) while there is none */
  material(uplink: string): TrustMaterial {
    const material = this.#materials.get(uplink)
    if (material === undefined) throw new Unavailable('trust-material-stale', `there is no trust material for the uplink ${uplink} yet`)
    return material
  }

  /** Keys of an uplink's registry, which do not wait for a trusted root; undefined while TUF has to say and did not yet. */
  keysOf(uplink: string): UplinkKeys | undefined {
    const { basis, pins } = this.#options
    const own = basis.uplinks.find(({ name }) => name === uplink)
    if (own === undefined || (own.fileKeys === undefined && basis.isPrivate && this.#kept === undefined)) return undefined
    return keysOf(basis, own, this.#kept, (registry) => pins.pinnedKeys(registry))
  }

  /** What keeps the mirror from judging anything by it. */
  get problems(): readonly string[] {
    return this.#isMissing ? [`no trusted root was fetched from ${this.#options.basis.repository.mirror ?? 'TUF'} yet`] : []
  }

  /** How an uplink's trust material is kept fresh, for people. */
  freshness(uplink: string): string {
    const asOf = this.#materials.get(uplink)?.asOf
    const age = asOf === undefined ? 'age unknown' : `as of ${asOf.toISOString()}`
    if (this.#wanted.length === 0) return `${age}: your files, not refreshed`
    return this.#options.basis.offline ? `${age}: not refreshed (trust.offline)` : `${age}; refreshed over TUF once a day and when a key is unknown`
  }

  /** Of every uplink. */
  get states(): readonly TrustState[] {
    const { basis, clock } = this.#options
    const now = clock.now()
    return basis.uplinks.map(({ name }) => trustStateOf(name, basis, { material: this.#materials.get(name), kept: this.#kept, now }))
  }

  /** Of the instance itself. */
  get state(): InstanceState {
    const { basis, clock, instance = 'default' } = this.#options
    const material = this.#materials.get(basis.uplinks[0]?.name ?? '')
    return instanceStateOf(instance, basis, { material, kept: this.#kept, refreshes: { ...this.#refreshes }, now: clock.now() })
  }

  /** Runs that ended. */
  get refreshes(): Readonly<Record<'succeeded' | 'failed', number>> {
    return this.#refreshes
  }

  /** Keeps the material fresh from now on. */
  start(): void {
    this.#started = true
    const { clock } = this.#options
    const age = this.#kept === undefined ? EVERY : clock.now().getTime() - this.#kept.asOf.getTime()
    const first = this.#isCovered ? Math.max(0, EVERY - Math.max(0, age)) : 0
    if (this.#isMissing) this.#next(WITHOUT_ANY_EVERY)
    else if (this.#asksTuf || this.#lone.length > 0) this.#next(this.#lacksPins ? 0 : first)
  }

  /** One run, shared by all who ask while it lasts. Resolves to whether it succeeded; never rejects. */
  refresh(): Promise<boolean> {
    if (this.#running !== undefined) return this.#running
    this.#lastRun = this.#options.clock.now()
    this.#running = this.#run().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** Whether newer material is on its way, or is asked for now. */
  isAsking(uplink: string, anchor: 'registry-key' | 'sigstore'): boolean {
    if (!this.#renews(uplink, anchor)) return false
    // Absolute, so that a clock set back does not keep a new key unknown until it has caught up.
    const sinceLast = this.#lastRun === undefined ? Infinity : Math.abs(this.#options.clock.now().getTime() - this.#lastRun.getTime())
    if (this.#running !== undefined) return sinceLast < PATIENCE
    // However many unknown keys somebody makes up: the last answer stands until it is time to ask again.
    if (sinceLast < AT_MOST_EVERY) return false
    void this.refresh()
    return true
  }

  nextRenewal(uplink: string): Date | undefined {
    if (!this.#renews(uplink, 'registry-key') && !this.#renews(uplink, 'sigstore')) return undefined
    return new Date((this.#lastRun ?? this.#options.clock.now()).getTime() + AT_MOST_EVERY)
  }

  /** Resolves when no run is under way. */
  async settled(): Promise<void> {
    await this.#running
  }

  close(): void {
    this.#closed = true
    this.#unschedule()
  }

  get #asksTuf(): boolean {
    return this.#wanted.length > 0 && !this.#options.basis.offline
  }

  get #isMissing(): boolean {
    return this.#materials.size < this.#options.basis.uplinks.length
  }

  /** The last good answer speaks of everything this configuration asks. */
  get #isCovered(): boolean {
    return this.#kept !== undefined && this.#wanted.every((name) => this.#kept?.targets.has(name) === true)
  }

  /** Uplinks for whose keys nobody but themselves can be asked. */
  get #lone(): readonly TrustedUplink[] {
    return this.#options.basis.uplinks.filter((uplink) => mayPin(this.#options.basis, uplink, this.#kept))
  }

  get #lacksPins(): boolean {
    return !this.#closed && this.#lone.some(({ registry }) => this.#options.pins.pinnedKeys(registry) === undefined)
  }

  #renews(uplink: string, anchor: 'registry-key' | 'sigstore'): boolean {
    const { basis, pins } = this.#options
    const own = basis.uplinks.find(({ name }) => name === uplink)
    if (own === undefined) return false
    if (this.#asksTuf && (anchor === 'sigstore' ? basis.fileRoot === undefined : own.fileKeys === undefined)) return true
    return anchor === 'registry-key' && mayPin(basis, own, this.#kept) && pins.pinnedKeys(own.registry) === undefined
  }

  /** Nothing can be judged without the default instance; for a named one, what it does not vouch for is not kept waiting. */
  async #firstAnswer(): Promise<void> {
    const { instance, firstAnswer = FIRST_ANSWER } = this.#options
    const refreshed = this.refresh()
    if (instance === undefined) await refreshed
    else await Promise.race([refreshed, wait(firstAnswer, undefined, { ref: false })])
  }

  async #restore(): Promise<void> {
    const { basis, dir, warn } = this.#options
    try {
      await cleanTufCycles(dir)
      const kept = await this.#file.read()
      // A later release of @sigstore/tuf ships what was published after this was kept.
      if (kept !== undefined && !basis.isPrivate && versionOf(kept.metadata, 'root') < seededRootVersion()) return
      assembleTrust(basis, kept)
      this.#kept = kept
    } catch (error) {
      warn(`what was kept of TUF cannot be used: ${messageOf(error)}`)
    }
  }

  async #run(): Promise<boolean> {
    const [fresh, pinned] = await Promise.all([this.#asksTuf ? this.#ask() : true, this.#pinLone()])
    // TUF may have said only now that it has no keys for one.
    const done = (this.#lacksPins ? await this.#pinLone() : pinned) && fresh
    this.#refreshes[done ? 'succeeded' : 'failed']++
    if (this.#started) this.#next(done ? EVERY : this.#isMissing ? WITHOUT_ANY_EVERY : AT_MOST_EVERY)
    return done
  }

  async #pinLone(): Promise<boolean> {
    const lone = this.#lone
    const answers = await Promise.all(lone.map((uplink) => pinOwnKeys(uplink, { ...this.#options, isClosed: () => this.#closed })))
    if (!this.#closed && lone.length > 0) this.#assemble(this.#kept)
    return answers.every((answered) => answered)
  }

  async #ask(): Promise<boolean> {
    const { basis, clock, dir } = this.#options
    const asOf = clock.now()
    try {
      const before = await this.#latest()
      const { targets, metadata } = await runTufCycle(basis.repository, this.#wanted, before?.metadata ?? new Map(), dir)
      if (this.#closed) return false
      const here = [...targets].filter(([, text]) => text !== undefined).map(([name]) => name)
      const kept = { asOf, targets, metadata, everHad: new Set([...(before?.everHad ?? []), ...here]) }
      this.#assemble(kept)
      this.#kept = kept
      await this.#keep(kept)
      return true
    } catch (error) {
      if (!this.#closed) this.#complain(error)
      return false
    }
  }

  /** Another process of this mirror may be further on. */
  async #latest(): Promise<KeptTrust | undefined> {
    const onDisk = await this.#file.read().catch(() => undefined)
    if (onDisk === undefined || this.#kept === undefined) return onDisk ?? this.#kept
    return isBefore(onDisk, this.#kept) ? this.#kept : onDisk
  }

  async #keep(kept: KeptTrust): Promise<void> {
    const onDisk = await this.#file.read().catch(() => undefined)
    if (onDisk === undefined || isBefore(onDisk, kept)) await this.#file.write(kept)
  }

  #assemble(kept: KeptTrust | undefined): void {
    const { basis, pins } = this.#options
    this.#materials = assembleTrust(basis, kept, (registry) => pins.pinnedKeys(registry))
  }

  #complain(error: unknown): void {
    const { clock, warn } = this.#options
    const asOf = this.#kept?.asOf
    const age = asOf === undefined ? undefined : clock.now().getTime() - asOf.getTime()
    const loud = this.#isMissing ? 'NOTHING CAN BE VERIFIED: ' : age !== undefined && age > OLD ? 'TRUST MATERIAL IS OLD: ' : ''
    const stays = this.#isMissing ? '' : `; the material ${asOf === undefined ? 'of unknown age' : `of ${asOf.toISOString()}`} stays in force`
    warn(`${loud}trust material was not refreshed over TUF: ${causes(error)}${stays}`)
  }

  #next(milliseconds: number): void {
    this.#unschedule()
    if (this.#closed) return
    const schedule = this.#options.schedule ?? unreferenced
    this.#unschedule = schedule(() => { void this.refresh() }, milliseconds)
  }
}

const causes = (error: unknown): string =>
  error instanceof Error && error.cause !== undefined ? `${error.message}: ${causes(error.cause)}` : messageOf(error)
