/** What every client is put through. */
import path from 'node:path'
import type { Client } from './clients.ts'
import { Project, type Dependencies, type Seen } from './project.ts'
import { PUBLIC, STRANGE, type World } from './world.ts'

export const SCENARIOS = [
  { id: 'fresh', title: 'install from nothing' },
  { id: 'freshWarm', title: 'the same, with a warm cache' },
  { id: 'lockedCold', title: 'install from a lockfile' },
  { id: 'lockedWarm', title: 'the same, with a warm cache' },
  { id: 'range', title: 'a range whose newest version is refused: the older one' },
  { id: 'markedRange', title: 'the same, with `withheld: marked`' },
  { id: 'exact', title: 'an exact version that is refused' },
  { id: 'markedExact', title: 'an exact version that is refused, with `withheld: marked`' },
  { id: 'whole', title: 'a package of which every version is refused' },
  { id: 'lockRefused', title: 'a lockfile with a refused version' },
  { id: 'lockRefusedWarm', title: 'the same, with a cache of when it was allowed' },
  { id: 'lockChanged', title: 'a lockfile that expects other bytes' },
  { id: 'optional', title: 'an optional dependency that is refused' },
  { id: 'optionalLocked', title: 'an optional dependency that is refused, from a lockfile' },
  { id: 'prefix', title: 'the mirror under a path (`url_prefix`)' },
  { id: 'publicHost', title: 'the mirror under its second `publicUrl`' },
  { id: 'unknownHost', title: 'a host name that is not the mirror\'s' },
  { id: 'monitor', title: '`mode: monitor`' },
] as const

export type ScenarioId = (typeof SCENARIOS)[number]['id']

export type Results = Map<ScenarioId, Seen>

const PLAIN: Dependencies = { dependencies: { plain: '^1.0.0', '@acme/scoped': '^1.0.0' } }
/** Nothing beside it: which of two downloads fails first differs from run to run. */
const EXACT: Dependencies = { dependencies: { ranged: '1.2.0' } }
const OPTIONAL: Dependencies = { dependencies: { plain: '^1.0.0' }, optionalDependencies: { shady: '^1.0.0' } }
const RANGE: Dependencies = { dependencies: { ranged: '^1.0.0' } }
const CHANGED: Dependencies = { dependencies: { changed: '1.0.0' } }

/** All projects of one client. */
export class Trial {
  readonly client: Client
  readonly results: Results = new Map()
  readonly #world: World
  readonly #dir: string
  #refused!: Project
  #optional!: Project
  #changed!: Project

  constructor(client: Client, world: World, dir: string) {
    this.client = client
    this.#world = world
    this.#dir = path.join(dir, client.id)
  }

  /** While everything is allowed: what is installed, and lockfiles for later. */
  async whileAllowed(): Promise<void> {
    const at = { registry: this.#world.monitor.url }
    this.#refused = this.#project('refused', EXACT)
    this.#optional = this.#project('optional', OPTIONAL)
    this.#changed = this.#project('changed', CHANGED)
    this.#saw('monitor', await this.#refused.install(at))
    for (const project of [this.#optional, this.#changed]) {
      const { code, output } = await project.install(at)
      if (code !== 0 || !project.hasLockfile) throw new Error(`${this.client.id} made no lockfile: ${output}`)
    }
  }

  /** Once the policy is enforced. */
  async enforced(): Promise<void> {
    const at = { registry: this.#world.enforce.url }
    const plain = this.#project('plain', PLAIN)
    this.#saw('fresh', await plain.install(at))
    plain.removeInstalled()
    this.#saw('lockedWarm', await plain.install(at, { locked: true }))
    plain.removeInstalled()
    plain.removeLockfile()
    this.#saw('freshWarm', await plain.install(at))
    this.#saw('lockedCold', await plain.cloned(this.#path('cold')).install(at, { locked: true }))

    this.#saw('range', await this.#project('range', RANGE).install(at))
    this.#saw('exact', await this.#project('exact', EXACT).install(at))
    this.#saw('whole', await this.#project('whole', { dependencies: { shady: '^1.0.0' } }).install(at))

    this.#saw('lockRefused', await this.#refused.cloned(this.#path('refused-cold')).install(at, { locked: true }))
    this.#refused.removeInstalled()
    this.#saw('lockRefusedWarm', await this.#refused.install(at, { locked: true }))
    this.#saw('lockChanged', await this.#changed.cloned(this.#path('changed-cold')).install(at, { locked: true, patient: false }))

    this.#saw('optional', await this.#project('optional-fresh', OPTIONAL).install(at))
    this.#saw('optionalLocked', await this.#optional.cloned(this.#path('optional-cold')).install(at, { locked: true }))

    this.#saw('prefix', await this.#project('prefix', PLAIN).install({ registry: this.#world.prefixed }))
    const { proxy } = this.#world
    this.#saw('publicHost', await this.#project('public', PLAIN).install({ registry: PUBLIC, proxy }))
    this.#saw('unknownHost', await this.#project('strange', { dependencies: { plain: '^1.0.0' } }).install({ registry: STRANGE, proxy }))

    const marked = { registry: this.#world.marked.url }
    this.#saw('markedRange', await this.#project('marked-range', RANGE).install(marked))
    this.#saw('markedExact', await this.#project('marked-exact', EXACT).install(marked))
  }

  #project(name: string, wanted: Dependencies): Project {
    return Project.create(this.client, this.#path(name), wanted)
  }

  #path(name: string): string {
    return path.join(this.#dir, name)
  }

  #saw(scenario: ScenarioId, seen: Seen): void {
    this.results.set(scenario, seen)
  }
}
