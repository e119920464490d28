/** A whole mirror in this process, Verdaccio included, in front of fake registries. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startMirror, type RunningMirror } from '../../plugin/cli/mirror.ts'
import type { Replacements } from '../../plugin/compose.ts'
import type { JsonObject } from '../../plugin/domain/json.ts'
import type { Clock, Decision } from '../../plugin/domain/ports.ts'
import { replaceForTests } from '../../plugin/plugin.ts'
import type { FakeRegistry } from './fake-registry.ts'
import { REGISTRY } from './private-sigstore.ts'

export interface TestMirrorOptions {
  readonly registry: FakeRegistry
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
  const decisions: Decision[] = []
  const replacements: Replacements = {
    retryWait: 0,
    decisions: { record: (decision) => decisions.push(decision) },
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    ...(options.deadline === undefined ? {} : { deadline: options.deadline }),
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
            url: registry.url,
            timeout: '2s',
            maxage: '0s',
            staleFor: '0s',
            max_fails: 0,
            trust: { registry: REGISTRY, registryKeys: './keys.json' },
            ...options.uplink,
          },
        },
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

/** A clock that is set by hand. */
export function settableClock(start: Date): Clock & { set(to: Date): void; advance(milliseconds: number): void } {
  let now = start
  return {
    now: () => now,
    set: (to) => { now = to },
    advance: (milliseconds) => { now = new Date(now.getTime() + milliseconds) },
  }
}
