/** Projects of real clients, each installed with and without a lockfile, with a cache and without. */
import { rmSync } from 'node:fs'
import path from 'node:path'
import { CLIENTS, type Client } from '../clients/support/clients.ts'
import { Project } from '../clients/support/project.ts'
import type { Ran } from '../clients/support/run.ts'
import type { Site } from './site.ts'
import type { Tally } from './tally.ts'
import type { Tree } from './tree.ts'

const USED = ['npm12', 'pnpm11', 'yarn1', 'yarn4', 'npm11', 'pnpm10']
const MODES = ['new project, empty cache', 'lockfile, warm cache', 'lockfile, empty cache', 'no lockfile, warm cache'] as const

/** A client that trusts the proxy's certificate. */
export function clientOf(id: string, caFile: string): Client {
  const client = CLIENTS.find((one) => one.id === id)
  if (client === undefined) throw new Error(`no such client: ${id}`)
  return { ...client, env: { ...client.env, NODE_EXTRA_CA_CERTS: caFile } }
}

/** Works in one project, then in another. */
class Developer {
  readonly #client: Client
  readonly #dir: string
  #project: Project | undefined
  #wanted: Readonly<Record<string, string>> = {}
  #turn = 0

  constructor(client: Client, dir: string) {
    this.#client = client
    this.#dir = path.join(dir, `developer-${client.id}`)
  }

  async work(site: Site, tree: Tree, tally: Tally): Promise<void> {
    const mode = MODES[this.#turn++ % MODES.length]!
    const project = this.#prepared(mode, tree)
    await this.#install(project, mode, site, tally)
  }

  /** As a build machine does, from the lockfile of a project that was installed before. */
  async again(site: Site, tally: Tally): Promise<void> {
    if (this.#project?.hasLockfile === true) await this.#install(this.#prepared('lockfile, empty cache'), 'lockfile, empty cache', site, tally)
  }

  #prepared(mode: (typeof MODES)[number], tree?: Tree): Project {
    if (this.#project === undefined || (tree !== undefined && mode === MODES[0])) {
      rmSync(this.#dir, { recursive: true, force: true })
      this.#wanted = tree?.wanted() ?? {}
      this.#project = Project.create(this.#client, this.#dir, { dependencies: this.#wanted })
      return this.#project
    }
    this.#project.removeInstalled()
    if (mode === 'lockfile, empty cache') this.#project.removeCaches()
    if (mode === 'no lockfile, warm cache' && this.#project.hasLockfile) this.#project.removeLockfile()
    return this.#project
  }

  async #install(project: Project, mode: string, site: Site, tally: Tally): Promise<void> {
    const { title } = this.#client
    const locked = mode.startsWith('lockfile') && project.hasLockfile
    const wanted = Object.keys(this.#wanted)
    await tally.deed(`${title}, ${mode}`, 'done', async () => whole(await project.install({ registry: site.url }, { locked }), wanted), title)
  }
}

/** A client that says it is done and has left something out is not done. */
function whole({ code, output, took, installed }: Ran & { readonly installed: ReadonlyMap<string, string> }, wanted: readonly string[]): Ran {
  const missing = wanted.filter((name) => !installed.has(name))
  return code === 0 && missing.length > 0 ? { code: -1, output: `${output}\nnot installed: ${missing.join(', ')}`, took } : { code, output, took }
}

export class Developers {
  readonly #all: readonly Developer[]
  #turn = 0

  constructor(site: Site) {
    this.#all = USED.map((id) => new Developer(clientOf(id, site.caFile), site.dir))
  }

  async next(site: Site, tree: Tree, tally: Tally): Promise<void> {
    await this.#all[this.#turn++ % this.#all.length]!.work(site, tree, tally)
  }

  /** What was installed before, by everybody. */
  async again(site: Site, tally: Tally): Promise<void> {
    for (const developer of this.#all) await developer.again(site, tally)
  }
}
