import type { Json } from '../domain/json.ts'
import { PUBLISHED_HERE, type TrustMaterial, type TrustRenewal } from '../domain/ports.ts'
import type { InstanceState, TrustState } from '../domain/state.ts'
import { trustAlarms, type TrustAlarm } from '../domain/trust-alarms.ts'
import { combineTrust } from './combined-trust.ts'
import { InstanceKeeper, type InstanceKeeperOptions } from './instance-keeper.ts'
import { unreferenced } from './schedule.ts'
import type { InstanceBasis } from './trust-basis.ts'

export interface TrustKeeperOptions extends Omit<InstanceKeeperOptions, 'instance'> {
  /** Told at start and once a day of what ends soon. */
  readonly alarm?: ((message: string) => void) | undefined
}

const DAILY = 86_400_000

interface Instance extends InstanceBasis {
  readonly keeper: InstanceKeeper
}

/** What was put together of several instances, and of which. */
interface Combined {
  readonly uplink: string
  readonly vouching: readonly Instance[]
  readonly parts: readonly unknown[]
  readonly material: TrustMaterial
}

/**
 * The trust material in force: of the default Sigstore instance with the registries' keys, and of the named ones. Each is kept fresh
 * by itself, so that one that fails takes away nothing but what it vouches for; which of them may vouch is a matter of the package.
 */
export class TrustKeeper implements TrustRenewal {
  readonly #options: TrustKeeperOptions
  readonly #own: InstanceKeeper
  readonly #instances: readonly Instance[]
  /** By uplink and the instances that vouch: as many as the configuration tells apart. */
  readonly #combined = new Map<string, Combined>()
  #unschedule: () => void = () => undefined

  private constructor(options: TrustKeeperOptions, own: InstanceKeeper, instances: readonly Instance[]) {
    this.#options = options
    this.#own = own
    this.#instances = instances
  }

  /** With what is there: files, the last good answers, the seeds. TUF is waited for only where there is nothing at all. */
  static async open(options: TrustKeeperOptions): Promise<TrustKeeper> {
    const openNamed = async (instance: InstanceBasis): Promise<Instance> => {
      const { basis, name } = instance
      const warn = (message: string): void => { options.warn(`Sigstore instance ${name}: ${message}`) }
      return { ...instance, keeper: await InstanceKeeper.open({ ...options, basis, instance: name, warn }) }
    }
    const [own, instances] = await Promise.all([InstanceKeeper.open(options), Promise.all(options.basis.instances.map(openNamed))])
    return new TrustKeeper(options, own, instances)
  }

  /** Of the default instance, by uplink; an uplink is missing while nothing is known to trust for it. */
  get materials(): ReadonlyMap<string, TrustMaterial> {
    return this.#own.materials
  }

  /**
   * What may vouch for a package of an uplink, or of what is published here (`PUBLISHED_HERE`); without a name, the default instance.
   * @throws Unavailable (`trust-material-stale`) while there is none
   */
  material(uplink: string, name?: string): TrustMaterial {
    if (name === undefined || this.#instances.length === 0) return this.#own.material(this.#keysFrom(uplink))
    return this.#combine(uplink, this.#instances.filter(({ vouchesFor }) => vouchesFor(uplink, name)))
  }

  /** What keeps the mirror from judging anything. */
  get problems(): readonly string[] {
    return this.#own.problems
  }

  /** What keeps it from judging some packages: of named instances. */
  get warnings(): readonly string[] {
    return this.#instances.flatMap(({ name, keeper }) => keeper.problems.map((problem) => `Sigstore instance ${name}: ${problem}`))
  }

  /** How an uplink's trust material is kept fresh, for people. */
  freshness(uplink: string): string {
    return this.#own.freshness(uplink)
  }

  /** Of every uplink. */
  get states(): readonly TrustState[] {
    return this.#own.states
  }

  /** Of every Sigstore instance, the default one first. */
  get instances(): readonly InstanceState[] {
    return this.#keepers.map((keeper) => keeper.state)
  }

  /** Roots of the named instances that are known. */
  get namedRoots(): readonly { readonly name: string; readonly trustedRoot: Json }[] {
    return this.#instances.flatMap(({ name, keeper }) => {
      const root = keeper.materials.get(name)
      return root === undefined ? [] : [{ name, trustedRoot: root.trustedRoot }]
    })
  }

  /** What ends soon, or has ended. */
  get alarms(): readonly TrustAlarm[] {
    return trustAlarms({ instances: this.instances, uplinks: this.states }, this.#options.clock.now())
  }

  /** Runs that ended, of all instances. */
  get refreshes(): Readonly<Record<'succeeded' | 'failed', number>> {
    const all = this.#keepers.map(({ refreshes }) => refreshes)
    const sum = (of: 'succeeded' | 'failed'): number => all.reduce((total, one) => total + one[of], 0)
    return { succeeded: sum('succeeded'), failed: sum('failed') }
  }

  /** Keeps the material fresh from now on, and says once a day what of it ends. */
  start(): void {
    for (const keeper of this.#keepers) keeper.start()
    this.#tell()
  }

  /** One run of each, shared by all who ask while it lasts. Resolves to whether all succeeded; never rejects. */
  async refresh(): Promise<boolean> {
    const done = await Promise.all(this.#keepers.map((keeper) => keeper.refresh()))
    return done.every((succeeded) => succeeded)
  }

  isRenewing(uplink: string, anchor: 'registry-key' | 'sigstore', revision: string): boolean {
    const vouching = this.#vouchingIn(uplink, revision)
    // Newer material is here and has not judged.
    if (vouching === undefined) return true
    const asked = anchor === 'registry-key' ? [this.#own] : vouching
    return asked.map((keeper) => keeper.isAsking(this.#uplinkOf(keeper, uplink), anchor)).includes(true)
  }

  nextRenewal(uplink: string, revision: string): Date | undefined {
    const keepers = [this.#own, ...(this.#vouchingIn(uplink, revision) ?? [])]
    // The latest: one that nothing unknown rests on is not asked, however long ago it was.
    const dates = keepers.flatMap((keeper) => keeper.nextRenewal(this.#uplinkOf(keeper, uplink)) ?? [])
    return dates.length === 0 ? undefined : new Date(Math.max(...dates.map((date) => date.getTime())))
  }

  /** Resolves when no run is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#keepers.map((keeper) => keeper.settled()))
  }

  close(): void {
    this.#unschedule()
    for (const keeper of this.#keepers) keeper.close()
  }

  #tell(): void {
    const { alarm } = this.#options
    if (alarm === undefined) return
    for (const { text } of this.alarms) alarm(text)
    this.#unschedule = (this.#options.schedule ?? unreferenced)(() => { this.#tell() }, DAILY)
  }

  get #keepers(): readonly InstanceKeeper[] {
    return [this.#own, ...this.#instances.map(({ keeper }) => keeper)]
  }

  /** Keys of a registry vouch for nothing that names this mirror as its registry: any will do for what is published here. */
  #keysFrom(uplink: string): string {
    return uplink === PUBLISHED_HERE ? (this.#options.basis.uplinks[0]?.name ?? '') : uplink
  }

  #uplinkOf(keeper: InstanceKeeper, uplink: string): string {
    return this.#instances.find((one) => one.keeper === keeper)?.name ?? this.#keysFrom(uplink)
  }

  #combine(uplink: string, vouching: readonly Instance[]): TrustMaterial {
    const from = this.#keysFrom(uplink)
    const own = this.#own.materials.get(from)
    const roots = new Map(this.#instances.map(({ name, keeper }) => [name, keeper.materials.get(name)]))
    const parts = [own, ...roots.values()]
    const key = JSON.stringify([uplink, ...vouching.map(({ name }) => name)])
    const known = this.#combined.get(key)
    // Without the default's material, keys may come that nothing here is told of.
    if (own !== undefined && known?.parts.every((part, index) => part === parts[index]) === true) return known.material
    const named = (instances: readonly Instance[]) => instances.map(({ name }) => ({ name, root: roots.get(name) }))
    const material = combineTrust({
      own,
      keys: own === undefined ? this.#own.keysOf(from) : { ...own, source: own.source.registryKeys },
      ownVouches: !vouching.some(({ exclusive }) => exclusive),
      vouching: named(vouching),
      elsewhere: named(this.#instances.filter((one) => !vouching.includes(one))),
    })
    this.#combined.set(key, { uplink, vouching, parts, material })
    return material
  }

  /** Whose word material of this revision is; undefined when it is not what is in force. */
  #vouchingIn(uplink: string, revision: string): readonly InstanceKeeper[] | undefined {
    if (this.#own.materials.get(this.#keysFrom(uplink))?.revision === revision) return [this.#own]
    for (const { uplink: from, vouching } of this.#combined.values()) {
      if (from !== uplink || this.#revisionOf(uplink, vouching) !== revision) continue
      return [...(vouching.some(({ exclusive }) => exclusive) ? [] : [this.#own]), ...vouching.map(({ keeper }) => keeper)]
    }
    return undefined
  }

  #revisionOf(uplink: string, vouching: readonly Instance[]): string | undefined {
    try {
      return this.#combine(uplink, vouching).revision
    } catch {
      // Of an instance that has no root: nothing was judged by it.
      return undefined
    }
  }
}
