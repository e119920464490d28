/**
 * Faults, each with a mirror of its own as a process, real sockets, and no sleep: what is waited for is an answer, within a deadline.
 * What clients saw is gathered from the answers themselves, and becomes a row of docs/reliability.md (`node scripts/reliability-docs.ts`).
 */
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { isObject, type JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry, type Published, type PublishOptions } from '../support/fake-registry.ts'
import { seriesOf } from '../support/metrics.ts'
import { githubIdentity, PrivateSigstore } from '../support/private-sigstore.ts'
import { isBuilt, serveProcess, temporaryDirectory, type Launch, type MirrorProcess } from '../support/process.ts'
import { sectionFor } from '../support/stored.ts'
import { noteRow, type FaultTitle, type Phase } from './rows.ts'

const DEADLINE = 30_000

/** Provenance counts where it is announced; no age. */
export const POLICY = { version: 1, extends: 'recommended', defaults: { minimumReleaseAge: '0', registrySignature: 'required' }, rules: [{ packages: ['built'], require: { provenance: 'required' } }] }

export interface SceneOptions {
  readonly section?: JsonObject
  /** More of the uplink's options. */
  readonly uplink?: JsonObject
  readonly core?: JsonObject
  readonly launch?: Launch
  /** Milliseconds by which its clock differs; with it given, `shift` sets it. */
  readonly clock?: number
  /** What it would wait for a minute or longer comes sixty times as soon. */
  readonly hurried?: boolean
}

const CLOCK = path.join(import.meta.dirname, '../support/shifted-clock.ts')

export interface Seen {
  /** `200`; `503 evidence-unavailable`; `no answer` where the connection was not taken, or broken off. */
  readonly text: string
  readonly body: Buffer
}

/** Polls until it holds. @throws AssertionError after a deadline */
export async function until(what: string, holds: () => Promise<boolean>, deadline = DEADLINE): Promise<void> {
  const end = performance.now() + deadline
  while (!(await holds())) {
    assert.ok(performance.now() < end, `not within ${String(deadline)} ms: ${what}`)
    await wait(20)
  }
}

/** One fault being played. */
export class Scene {
  readonly dir: string
  readonly registry: FakeRegistry
  readonly #cleanups: (() => Promise<void> | void)[] = []
  readonly #seen: Record<Phase, Map<string, Set<string>>> = { during: new Map(), after: new Map() }
  readonly #told: string[] = []
  #phase: Phase | undefined
  #mendedAt: number | undefined
  #took: number | undefined
  #mirror: MirrorProcess | undefined
  #options: SceneOptions = {}

  private constructor(dir: string, registry: FakeRegistry) {
    this.dir = dir
    this.registry = registry
  }

  static async open(): Promise<Scene> {
    return new Scene(temporaryDirectory('fault-'), await FakeRegistry.start({ sigstore: PrivateSigstore.create() }))
  }

  get mirror(): MirrorProcess {
    assert.ok(this.#mirror, 'no mirror was started')
    return this.#mirror
  }

  at(...parts: readonly string[]): string {
    return path.join(this.dir, ...parts)
  }

  /** Starts the mirror, or starts it again as it was, with whatever is given changed. */
  async start(options: SceneOptions = {}): Promise<MirrorProcess> {
    this.#options = { ...this.#options, ...options }
    const { section = {}, uplink = {}, core = {}, launch: { node = [], env = {} } = {}, clock, hurried = false } = this.#options
    if (clock !== undefined) writeFileSync(this.at('clock'), String(clock))
    const launch = clock === undefined ? { node, env } : { node: ['--no-warnings', '--import', CLOCK, ...node], env: { ...env, CLOCK_SHIFT: this.at('clock'), ...(hurried ? { HURRIED: 'true' } : {}) } }
    const whole = sectionFor(this.dir, this.registry)
    const own = { ...((whole.uplinks as JsonObject).fake as JsonObject), timeout: '2s', max_fails: 0, ...uplink }
    this.#mirror = await serveProcess(this.dir, { ...whole, policy: POLICY, uplinks: { fake: own }, shutdown: { drain: '0s' }, ...section }, core, launch)
    return this.#mirror
  }

  /** Sets the clock of the process that runs, to be so many milliseconds off. */
  async shift(milliseconds: number): Promise<void> {
    writeFileSync(this.at('clock'), String(milliseconds))
    this.mirror.signal('SIGUSR2')
    await this.mirror.printed(new RegExp(`clock shifted by ${String(milliseconds)}\\n`))
    this.#options = { ...this.#options, clock: milliseconds }
  }

  /** What a start that fails prints. */
  async refused(options: SceneOptions = {}): Promise<string> {
    try {
      await this.start(options)
    } catch (error) {
      assert.ok(error instanceof Error)
      return error.message
    }
    return assert.fail('it started')
  }

  publish(name: string, version: string, more: Partial<PublishOptions> = {}): Published {
    const packageJson = { repository: { type: 'git', url: 'git+https://github.com/acme/widget.git' } }
    return this.registry.publish({ name, version, packageJson, provenance: githubIdentity({ ref: `refs/tags/v${version}` }), ...more })
  }

  /** Calls it when the fault is over, last first. */
  defer(cleanup: () => Promise<void> | void): void {
    this.#cleanups.push(cleanup)
  }

  /** From now on the fault is on. */
  break(): void {
    this.#phase = 'during'
  }

  /** Its cause is gone. */
  mended(): void {
    this.#phase = 'after'
    this.#mendedAt = performance.now()
  }

  /** All is as before: the time since `mended` is what recovery took. */
  recovered(): void {
    assert.ok(this.#mendedAt !== undefined, 'nothing was mended')
    this.#took = performance.now() - this.#mendedAt
  }

  async look(where: string, init: RequestInit = {}): Promise<Seen> {
    try {
      const response = await fetch(`${this.mirror.url}${where}`, { redirect: 'manual', signal: AbortSignal.timeout(DEADLINE), ...init })
      const body = Buffer.from(await response.arrayBuffer())
      return { text: [String(response.status), ...codesOf(response, body)].join(' '), body }
    } catch {
      return { text: 'no answer', body: Buffer.alloc(0) }
    }
  }

  /** Asks for `what` and takes no other answer; that it came is noted. */
  async sees(expected: string, what: string, where: string, init?: RequestInit): Promise<Buffer> {
    const { text, body } = await this.look(where, init)
    assert.equal(text, expected, `${what} (${where}): ${body.toString('utf8', 0, 500)}\n${this.mirror.output().slice(-3000)}`)
    this.noteSeen(text, what)
    return body
  }

  noteSeen(answer: string, what: string): void {
    if (this.#phase === undefined) return
    const labels = this.#seen[this.#phase]
    labels.set(answer, (labels.get(answer) ?? new Set()).add(what))
  }

  /** As an install does: the packument, then the bytes, which are the very ones. */
  async installs({ name, version, tarball }: Published, what = 'what was verified before'): Promise<void> {
    const body = await this.sees('200', what, `/${name}`)
    const { versions } = JSON.parse(body.toString()) as { versions: JsonObject }
    assert.ok(Object.hasOwn(versions, version), `${name}@${version} is listed`)
    assert.deepEqual(await this.sees('200', what, tarballOf({ name, version })), tarball)
  }

  /** Waits until it is answered so. */
  async comes(expected: string, where: string): Promise<void> {
    await until(`${where} is answered ${expected}`, async () => (await this.look(where)).text === expected)
  }

  /** Waits until /ready says so, and notes it with the metric that says the same. */
  async isReady(ready: boolean, check?: string): Promise<void> {
    await until(`ready: ${String(ready)}`, async () => (await this.ready()).ready === ready)
    const { checks } = await this.ready()
    if (check !== undefined) assert.equal(checks[check], ready ? 'ok' : 'failed')
    if (this.#phase === 'after' && this.#told.length === 0) this.tell(`afterwards \`/ready\` ${ready ? '200' : '503'}`)
    if (this.#phase === 'during') this.tell(`\`/ready\` ${ready ? '200' : `503, ${check ?? ''} failed`}`)
    if (check !== undefined && !ready) await this.metric(`provenance_problems{check="${check}"}`, (value) => value > 0)
    await this.metric('provenance_ready', (value) => value === Number(ready), this.#phase === 'during' && !ready)
  }

  async ready(): Promise<{ readonly ready: boolean; readonly problems: readonly string[]; readonly checks: Readonly<Record<string, string>> }> {
    const { body } = await this.look('/-/provenance/ready')
    return JSON.parse(body.toString()) as Awaited<ReturnType<Scene['ready']>>
  }

  /** Waits until the series has such a value, and notes it. */
  async metric(series: string, holds: (value: number) => boolean, isNoted = true): Promise<void> {
    let value: number | undefined
    await until(`${series}: ${String(value)}`, async () => {
      value = await this.series(series)
      return value !== undefined && holds(value)
    })
    if (isNoted && this.#phase === 'during') this.tell(`\`${series}\` ${String(value)}`)
  }

  async series(series: string): Promise<number | undefined> {
    const { body } = await this.look('/-/provenance/metrics')
    return seriesOf(body.toString()).get(series)
  }

  /** The mirror said so in its log: for what is told nowhere else. */
  async logged(pattern: RegExp, what: string): Promise<void> {
    await this.mirror.printed(pattern)
    this.tell(what)
  }

  tell(what: string): void {
    if (this.#phase !== undefined && !this.#told.includes(what)) this.#told.push(what)
  }

  get row(): Omit<Parameters<typeof noteRow>[0], keyof FaultTitle | 'file'> {
    const listed = (phase: Phase): Readonly<Record<string, readonly string[]>> => Object.fromEntries([...this.#seen[phase]].map(([answer, labels]) => [answer, [...labels]]))
    return { seen: { during: listed('during'), after: listed('after') }, told: this.#told, took: this.#took }
  }

  async close(): Promise<void> {
    await this.#mirror?.kill()
    for (const cleanup of this.#cleanups.toReversed()) await cleanup()
    await this.registry.close()
    rmSync(this.dir, { recursive: true, force: true })
  }
}

export const tarballOf = ({ name, version }: { readonly name: string; readonly version: string }): string => `/${name}/-/${name}-${version}.tgz`

function codesOf({ headers }: Response, body: Buffer): readonly string[] {
  if (!(headers.get('content-type') ?? '').includes('json')) return []
  try {
    const document: unknown = JSON.parse(body.toString())
    if (!isObject(document)) return []
    const { reasons = [] } = document as { reasons?: readonly { readonly code: string }[] }
    return [...new Set(reasons.map(({ code }) => code))].toSorted()
  } catch {
    return ['not JSON']
  }
}

const names = new Set<string>()

export interface Needs {
  /** Says why it cannot be played here. Where everything has to be tried (CI=true) it fails instead. */
  readonly without?: () => string | undefined
}

/** A fault, played once. It has to end with `recovered`, or with nobody able to mend it but a person. */
export function fault(title: FaultTitle, play: (scene: Scene) => Promise<void>, { without = () => undefined }: Needs = {}): void {
  assert.ok(!names.has(title.name), `two faults are called ${title.name}`)
  names.add(title.name)
  it(title.name, async function () {
    this.timeout(120_000)
    const missing = isBuilt() ? without() : 'not built (npm run build)'
    if (missing !== undefined) {
      if (process.env.CI === 'true') assert.fail(`CI=true asks for it: ${missing}`)
      process.stderr.write(`skipped: ${missing}\n`)
      this.skip()
    }
    const scene = await Scene.open()
    try {
      await play(scene)
      const file = path.relative(path.join(import.meta.dirname, '..'), this.test?.file ?? '')
      noteRow({ ...title, ...scene.row, file: `\`test/${file}\`` })
    } finally {
      await scene.close()
    }
  })
}
