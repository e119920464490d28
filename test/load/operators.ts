/** What people do beside installing: publishing, recalling, deciding of the policy. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { PackageRef } from '../../plugin/domain/package-ref.ts'
import { Project } from '../clients/support/project.ts'
import { run, type Ran } from '../clients/support/run.ts'
import { runMain } from '../support/process.ts'
import { clientOf } from './developers.ts'
import { eventually } from './patience.ts'
import { POLICY, type Site } from './site.ts'
import type { Tally } from './tally.ts'
import { BARRED, RECALLED } from './tree.ts'

/** Milliseconds in which a reachable replica has to know. */
const SPREAD = 2000
/** This machine runs all of it at one time, the programs that ask included. */
const SLOWED = 5
const NPM = 'npm12'

const tarballOf = ({ name, version }: PackageRef): string => `/${name}/-/${name}-${version}.tgz`

export class Operators {
  readonly #site: Site
  readonly #tally: Tally
  readonly #token: string
  #version = 0
  #turn = 0

  constructor(site: Site, tally: Tally, token: string) {
    this.#site = site
    this.#tally = tally
    this.#token = token
  }

  async next(): Promise<void> {
    const turn = this.#turn++ % 4
    if (turn === 1) await this.#recallAndLift()
    else if (turn === 3) await this.#forbidAndAllow()
    else await this.#publishAndInstall()
  }

  /** The first one, so that the mirrors serve by it. */
  async publishPolicy(rules: readonly unknown[] = []): Promise<void> {
    const file = this.#site.policyFile({ ...POLICY, ...(rules.length === 0 ? {} : { rules: rules as never }) })
    await this.#command('policy publish', 'policy', 'publish', file, '--approved-by', 'ann')
  }

  async #publishAndInstall(): Promise<void> {
    const name = `@acme/tool-${String(this.#version % 3)}`
    const version = `1.0.${String(this.#version++)}`
    const dir = path.join(this.#site.dir, 'publisher')
    const client = clientOf(NPM, this.#site.caFile)
    rmSync(dir, { recursive: true, force: true })
    mkdirSync(path.join(dir, 'home'), { recursive: true })
    const { host } = new URL(this.#site.url)
    const files = { ...client.settings(this.#site.url), 'package.json': JSON.stringify({ name, version, description: 'published while replicas come and go' }), 'index.js': 'module.exports = 1\n' }
    for (const [file, content] of Object.entries(files)) writeFileSync(path.join(dir, file), file === '.npmrc' ? `${content}//${host}/:_authToken=${this.#token}\n` : content)
    const command = [...client.program, 'publish', '--access', 'public']
    const { ran } = await this.#tally.deed('publish', 'done', () => run(command, { cwd: dir, home: path.join(dir, 'home'), env: client.env ?? {} }))
    if (ran.code === 0) await this.#install('install of what was just published', { name, version }, 'done')
  }

  async #recallAndLift(): Promise<void> {
    const output = await this.#command('recall', 'recall', `${RECALLED.name}@${RECALLED.version}`, '--reason', 'a token was stolen', '--json')
    if (output === undefined) return
    await this.#known('a recall', RECALLED, (status) => status !== 200)
    await this.#install('install of what is recalled', RECALLED, 'refused')
    const { recalls } = JSON.parse(output) as { readonly recalls: readonly { readonly id: number }[] }
    for (const { id } of recalls) await this.#command('lift', 'recall', 'lift', String(id), '--reason', 'it was not')
    await this.#known('that it is lifted', RECALLED, (status) => status === 200 || status === undefined || status === 503)
    await this.#install('install of what is no longer recalled', RECALLED, 'done')
  }

  async #forbidAndAllow(): Promise<void> {
    await this.publishPolicy([{ name: 'not for us', packages: [BARRED.name], verdict: 'deny', reason: 'somebody decided so' }])
    await this.#known('a policy', BARRED, (status) => status !== 200)
    await this.#install('install of what the policy forbids', BARRED, 'refused')
    await this.publishPolicy()
    await this.#known('a policy', BARRED, (status) => status === 200 || status === undefined || status === 503)
    await this.#install('install of what the policy allows again', BARRED, 'done')
  }

  async #install(what: string, { name, version }: PackageRef, expected: 'done' | 'refused'): Promise<void> {
    const dir = path.join(this.#site.dir, 'installer')
    rmSync(dir, { recursive: true, force: true })
    const project = Project.create(clientOf(NPM, this.#site.caFile), dir, { dependencies: { [name]: version } })
    await this.#tally.deed(what, expected, () => project.install({ registry: this.#site.url }))
  }

  /** @returns what it printed; undefined where it did not do it */
  async #command(what: string, ...args: readonly string[]): Promise<string | undefined> {
    const [{ config, dir }] = this.#site.replicas
    const { ran } = await this.#tally.deed(what, 'done', async (): Promise<Ran> => {
      const started = performance.now()
      return { ...(await runMain(dir, ...args, '--config', config)), took: performance.now() - started }
    })
    return ran.code === 0 ? ran.output : undefined
  }

  /** Every replica that answers does as was decided, in time. */
  async #known(what: string, ref: PackageRef, isSo: (status: number | undefined) => boolean): Promise<void> {
    const took = await eventually(`all know ${what}`, async () => (await Promise.all(this.#site.replicas.map((replica) => replica.status(tarballOf(ref))))).every(isSo))
    this.#tally.spread.push(took)
    if (took > SPREAD * SLOWED) this.#tally.faults.push(`${what} was known to all replicas after ${String(Math.round(took))} ms only`)
  }
}
