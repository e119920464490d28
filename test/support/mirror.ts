/** A whole mirror in this process, Verdaccio included, in front of fake registries. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startMirror, type RunningMirror } from '../../plugin/cli/mirror.ts'
import type { Limits, Replacements } from '../../plugin/compose.ts'
import type { JsonObject } from '../../plugin/domain/json.ts'
import type { Clock, Decision } from '../../plugin/domain/ports.ts'
import { replaceForTests } from '../../plugin/plugin.ts'
import type { FakeRegistry } from './fake-registry.ts'
import { REGISTRY } from './private-sigstore.ts'

export interface TestMirrorOptions {
  readonly registry: FakeRegistry
  /**
   * Further uplinks by name, each a registry of its own with its own keys; what `**` comes from is then `fake` and these, in
   * order. The trusted root stays that of `registry`.
   */
  readonly registries?: Readonly<Record<string, FakeRegistry>>
  /** More options of uplinks, by name. */
  readonly uplinks?: Readonly<Record<string, JsonObject>>
  /** Which uplinks a glob comes from, in order. */
  readonly packages?: Readonly<Record<string, readonly string[]>>
  /** Default: `recommended` without an age. */
  readonly policy?: JsonObject
  /** More of the uplink's options. */
  readonly uplink?: JsonObject
  /** More of `middlewares.provenance`. */
  readonly section?: JsonObject
  /** More of Verdaccio's own configuration. */
  readonly core?: JsonObject
  readonly clock?: Clock
  readonly deadline?: number
  /** How the refresh of trust material waits; default: a timer. */
  readonly schedule?: Replacements['schedule']
  /** How notifications wait; default: a timer. */
  readonly notificationSchedule?: Replacements['notificationSchedule']
  /** How the policy's files are read and watched; default: as they are. */
  readonly rollout?: Replacements['rollout']
  /** Smaller bounds, so that no test moves gigabytes. */
  readonly limits?: Limits
  /** A directory of an earlier mirror, to go on with what it remembers. */
  readonly dir?: string
}

export interface TestMirror {
  readonly url: string
  readonly dir: string
  readonly decisions: readonly Decision[]
  readonly engine: RunningMirror['engine']
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Response>
  json(path: string, headers?: Readonly<Record<string, string>>): Promise<JsonObject>
  /** Stops it; its directory stays when it is to be started again. */
  close(options?: { readonly keep: boolean }): Promise<void>
}

export const NO_AGE = { version: 1, extends: 'recommended', defaults: { minimumReleaseAge: '0' } } as const

export async function startTestMirror(options: TestMirrorOptions): Promise<TestMirror> {
  const { registry } = options
  const dir = options.dir ?? mkdtempSync(path.join(tmpdir(), 'mirror-'))
  mkdirSync(path.join(dir, 'storage'), { recursive: true })
  writeFileSync(path.join(dir, 'root.json'), JSON.stringify(registry.sigstore.trustedRoot()))
  writeFileSync(path.join(dir, 'keys.json'), JSON.stringify(registry.sigstore.registryKeys()))
  const others = Object.entries(options.registries ?? {})
  for (const [name, { sigstore }] of others) writeFileSync(path.join(dir, `keys-${name}.json`), JSON.stringify(sigstore.registryKeys()))
  const decisions: Decision[] = []
  const replacements: Replacements = {
    retryWait: 0,
    decisions: { record: (decision) => decisions.push(decision) },
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    ...(options.schedule === undefined ? {} : { schedule: options.schedule }),
    ...(options.notificationSchedule === undefined ? {} : { notificationSchedule: options.notificationSchedule }),
    ...(options.deadline === undefined ? {} : { deadline: options.deadline }),
    ...(options.rollout === undefined ? {} : { rollout: options.rollout }),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  }
  replaceForTests(replacements)
  const mirror = await startMirror({
    self_path: path.join(dir, 'config.yaml'),
    configPath: path.join(dir, 'config.yaml'),
    storage: path.join(dir, 'storage'),
    listen: 'localhost:0',
    auth: { htpasswd: { file: path.join(dir, 'htpasswd') } },
    packages: { '**': { access: '$all', publish: '$authenticated', unpublish: '$authenticated' } },
    web: { enable: false },
    log: { type: 'stdout', format: 'json', level: 'fatal' },
    ...options.core,
    middlewares: {
      provenance: {
        policy: options.policy ?? NO_AGE,
        uplinks: {
          fake: {
            ...uplinkOf(registry, { registry: REGISTRY, registryKeys: './keys.json' }),
            ...options.uplink,
            ...options.uplinks?.fake,
          },
          ...Object.fromEntries(
            others.map(([name, other]) => [
              name,
              { ...uplinkOf(other, { registry: `https://${name}.example`, registryKeys: `./keys-${name}.json` }), ...options.uplinks?.[name] },
            ]),
          ),
        },
        ...(options.packages === undefined && others.length === 0 ? {} : { packages: options.packages ?? { '**': ['fake', ...others.map(([name]) => name)] } }),
        trust: { trustedRoot: './root.json' },
        ...options.section,
      },
    },
  })
  const get = (where: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
    fetch(`${mirror.url}${where}`, { headers, redirect: 'manual' })
  return {
    url: mirror.url,
    dir,
    decisions,
    engine: mirror.engine,
    get,
    json: async (where, headers) => (await (await get(where, headers)).json()) as JsonObject,
    close: async ({ keep } = { keep: false }) => {
      await mirror.close()
      if (!keep) rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** Asked at every request, and never left alone, unless a test says otherwise. */
const uplinkOf = ({ url }: FakeRegistry, trust: JsonObject): JsonObject => ({
  url,
  timeout: '2s',
  maxage: '0s',
  staleFor: '0s',
  max_fails: 0,
  trust,
})

/** A clock that is set by hand. */
export function settableClock(start: Date): Clock & { set(to: Date): void; advance(milliseconds: number): void } {
  let now = start
  return {
    now: () => now,
    set: (to) => { now = to },
    advance: (milliseconds) => { now = new Date(now.getTime() + milliseconds) },
  }
}
