/** A policy that changes while the mirror runs. */
import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { isObject, type JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { settableClock, startTestMirror, type TestMirror, type TestMirrorOptions } from '../support/mirror.ts'
import { githubIdentity, PrivateSigstore } from '../support/private-sigstore.ts'
import { isBuilt, serveProcess, temporaryDirectory, type MirrorProcess } from '../support/process.ts'
import { register } from '../support/raw.ts'
import { sectionFor } from '../support/stored.ts'
import { ToldWatch } from '../unit/rollout/support.ts'

const OLD = new Date('2026-01-01T00:00:00Z')
const OPEN = 'version: 1\nextends: recommended\ndefaults: { minimumReleaseAge: 0 }\n'
const DENIES = `${OPEN}rules:\n  - { name: recalled by us, packages: ["widget@1.1.0"], verdict: deny, reason: recalled }\n`
const WRONG = `${DENIES}mode: enforced\n`
const TARBALL = '/widget/-/widget-1.1.0.tgz'

/** Asks again until it is so; a test that is not told when something happens elsewhere. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 10_000
  while (!(await holds())) {
    assert.ok(Date.now() < end, `it never was so: ${String(holds)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe('policy reload', function () {
  this.timeout(20_000)
  let dir: string
  let registry: FakeRegistry
  let mirror: TestMirror
  const file = (): string => path.join(dir, 'policy.yaml')
  const write = (text: string): void => { writeFileSync(file(), text) }

  beforeEach(async () => {
    dir = temporaryDirectory('reload-')
    mkdirSync(path.join(dir, 'storage'))
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    for (const version of ['1.0.0', '1.1.0']) registry.publish({ name: 'widget', version, time: OLD, provenance: githubIdentity({ ref: `refs/tags/v${version}` }) })
  })
  afterEach(async () => {
    await mirror.close()
    await registry.close()
    rmSync(dir, { recursive: true, force: true })
  })
  const start = async (policy: string, more: Partial<TestMirrorOptions> = {}): Promise<void> => {
    write(policy)
    // Unless a test is about the watch, nothing is reloaded but when it is told.
    mirror = await startTestMirror({ registry, dir, section: { policy: './policy.yaml' }, rollout: { watch: new ToldWatch().watch }, ...more })
  }
  const reload = (text: string): string => {
    write(text)
    return mirror.engine.rollout.reload('signal').outcome
  }
  const listed = async (): Promise<readonly string[]> => {
    const { versions } = await mirror.json('/widget')
    return Object.keys(isObject(versions) ? versions : {})
  }
  const revisionOf = (answer: Response): string | null => answer.headers.get('npm-policy-revision')
  const revision = (): string => mirror.engine.policy.revision

  it('what the new policy refuses leaves the next packument, and its tarball is refused, under the new revision', async () => {
    await start(OPEN)
    assert.deepEqual([await listed(), (await mirror.get(TARBALL)).status], [['1.0.0', '1.1.0'], 200])
    const before = revision()
    assert.equal(reload(DENIES), 'applied')
    assert.notEqual(revision(), before)

    const packument = await mirror.get('/widget')
    assert.equal(revisionOf(packument), revision())
    assert.deepEqual(await listed(), ['1.0.0'])
    const refused = await mirror.get(TARBALL)
    const body = (await refused.json()) as JsonObject
    assert.deepEqual([refused.status, revisionOf(refused), body.policyRevision], [403, revision(), revision()])
    assert.equal(mirror.decisions.findLast(({ kind }) => kind === 'refused')?.policyRevision, revision())
    assert.equal(reload(OPEN), 'applied')
    assert.deepEqual([await listed(), (await mirror.get(TARBALL)).status, revision()], [['1.0.0', '1.1.0'], 200, before])
  })
  it('a client that has the old packument gets the new one, not 304', async () => {
    await start(OPEN)
    const etag = (await mirror.get('/widget')).headers.get('etag') ?? ''
    assert.equal((await mirror.get('/widget', { 'if-none-match': etag })).status, 304)
    reload(DENIES)
    assert.equal((await mirror.get('/widget', { 'if-none-match': etag })).status, 200)
  })
  it('one that changes nothing of a package is still 304 there, and verifies and fetches nothing again', async () => {
    await start(OPEN)
    await mirror.get(TARBALL)
    const first = await mirror.get('/widget')
    await mirror.engine.settled()
    const asked = registry.requests.length
    assert.equal(reload(`${OPEN}rules:\n  - { packages: [other], verdict: deny, reason: r }\n`), 'applied')
    const again = await mirror.get('/widget', { 'if-none-match': first.headers.get('etag') ?? '' })
    assert.deepEqual([again.status, revisionOf(again)], [304, revision()])
    assert.equal((await mirror.get(TARBALL)).status, 200)
    await mirror.engine.settled()
    // The packument is confirmed with every request here (`maxage: 0s`); nothing else is asked for.
    assert.deepEqual([...new Set(registry.requests.slice(asked).map(({ path: where }) => where))], ['/widget'])
  })
  it('a wrong policy changes nothing; readiness shows it and stays, and says nothing of what it says', async () => {
    await start(OPEN)
    const before = revision()
    assert.equal(reload(WRONG), 'refused')
    assert.deepEqual([await listed(), revision()], [['1.0.0', '1.1.0'], before])
    const answer = await mirror.get('/-/provenance/ready')
    const { ready, policy } = (await answer.json()) as { readonly ready: boolean; readonly policy: { readonly revision: string; readonly lastReload: JsonObject; readonly reloads: JsonObject } }
    assert.deepEqual([answer.status, ready, policy.revision, policy.lastReload.outcome, policy.lastReload.problems, policy.reloads.refused], [200, true, before, 'refused', 1, 1])
  })

  it('a download that began before is answered by the policy it began with', async () => {
    await start(OPEN)
    let finish = (): void => undefined
    const arrived = new Promise<void>((resolve) => {
      registry.behave(TARBALL, (response, answer) => {
        const { headers, body } = answer()
        response.writeHead(200, { ...headers, 'content-length': String(body.length) })
        response.write(body.subarray(0, 10))
        finish = () => response.end(body.subarray(10))
        resolve()
      })
    })
    const before = revision()
    const slow = mirror.get(TARBALL)
    await arrived
    reload(DENIES)
    const later = mirror.get(TARBALL)
    assert.equal((await later).status, 403)
    finish()
    const answer = await slow
    assert.deepEqual([answer.status, revisionOf(answer)], [200, before])
    assert.equal(mirror.decisions.find(({ kind }) => kind === 'served' || kind === 'warned')?.policyRevision, before)
    assert.equal((await mirror.get(TARBALL)).status, 403)
  })
  it('a packument that was asked for before is made by the policy its header names', async () => {
    await start(OPEN)
    let finish = (): void => undefined
    const arrived = new Promise<void>((resolve) => {
      registry.behave('/widget', (response, answer) => {
        const { headers, body } = answer()
        finish = () => response.writeHead(200, { ...headers, 'content-length': String(body.length) }).end(body)
        resolve()
      }, { times: 1 })
    })
    const before = revision()
    const slow = mirror.get('/widget')
    await arrived
    reload(DENIES)
    finish()
    const answer = await slow
    const { versions } = (await answer.json()) as { readonly versions: JsonObject }
    assert.deepEqual([revisionOf(answer), Object.keys(versions)], [before, ['1.0.0', '1.1.0']])
    assert.deepEqual(await listed(), ['1.0.0'])
  })
  it('reloads at one time, with requests between them, end with the last file', async () => {
    await start(OPEN)
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        reload(index % 2 === 0 ? DENIES : OPEN)
        const answer = await mirror.get('/widget')
        const { versions } = (await answer.json()) as { readonly versions: JsonObject }
        return `${String(revisionOf(answer))} ${String(Object.keys(versions).length)}`
      }),
    )
    assert.deepEqual([revision(), await listed()], [mirror.engine.policy.revision, ['1.0.0', '1.1.0']])
    // Each answer is of one policy: the revision it names and what it lists belong together.
    assert.equal(new Set(answers).size, new Set(answers.map((answer) => answer.split(' ')[0])).size)
  })

  it('every answer that carries a decision names the policy', async () => {
    await start(DENIES)
    const etag = (await mirror.get('/widget')).headers.get('etag') ?? ''
    const good = '/widget/-/widget-1.0.0.tgz'
    const bytes = (await mirror.get(good)).headers.get('etag') ?? ''
    registry.publish({ name: 'down', version: '1.0.0', time: OLD })
    registry.status('/down', 500)
    const asked: readonly (readonly [where: string, status: number, headers?: Readonly<Record<string, string>>])[] = [
      ['/widget', 200], ['/widget', 304, { 'if-none-match': etag }], ['/widget/1.0.0', 200], ['/widget/1.1.0', 403], ['/-/package/widget/dist-tags', 200],
      [good, 200], [good, 206, { range: 'bytes=0-3' }], [good, 304, { 'if-none-match': bytes }], [TARBALL, 403], ['/down', 503],
      ['/-/provenance/v1/packages/widget', 200], ['/-/provenance/v1/packages/widget/1.1.0', 200],
    ]
    for (const [where, status, headers] of asked) {
      const answer = await mirror.get(where, headers)
      assert.deepEqual([answer.status, revisionOf(answer)], [status, revision()], where)
      if (status > 400 || where.startsWith('/-/provenance')) assert.equal(((await answer.json()) as JsonObject).policyRevision, revision(), where)
    }
  })

  it('the policy is shown to who is logged in, with its waivers and what became of them', async () => {
    const clock = settableClock(new Date('2090-01-10T00:00:00Z'))
    const waiver = (name: string, expires: string): string => `  - { package: ${name}@1.1.0, waives: [provenance-absent], reason: ours, approvedBy: ann@acme.example, expires: ${expires} }\n`
    registry.publish({ name: 'bare', version: '1.1.0', time: OLD })
    await start(`${OPEN}rules:\n  - { packages: [bare], require: { provenance: required } }\nwaivers:\n${waiver('bare', '2090-01-12')}${waiver('widget', '2091-01-01')}`, { clock })
    assert.equal((await mirror.get('/-/provenance/v1/policy')).status, 401)
    assert.equal((await mirror.get('/-/provenance/v1/policy', { authorization: 'Bearer nobody' })).status >= 400, true)
    assert.equal((await mirror.get('/bare/-/bare-1.1.0.tgz')).status, 200)

    const authorization = `Bearer ${await register(mirror.url, 'alice')}`
    write(WRONG)
    mirror.engine.rollout.reload('signal')
    const shown = (await mirror.json('/-/provenance/v1/policy', { authorization })) as unknown as {
      readonly revision: string
      readonly rules: readonly { readonly packages: readonly string[] }[]
      readonly lastReload: { readonly problems: readonly { readonly path: string; readonly line: number }[] }
      readonly waivers: readonly { readonly package: string; readonly uses: number; readonly secondsLeft: number; readonly lastUsed: string | null; readonly approvedBy: string }[]
    }
    assert.deepEqual([shown.revision, shown.rules[0]?.packages], [revision(), ['bare']])
    assert.deepEqual(shown.lastReload.problems.map(({ path: at, line }) => [line, at]), [[6, 'mode']])
    assert.deepEqual(shown.waivers.map(({ package: spec, uses, secondsLeft, lastUsed }) => [spec, uses, secondsLeft, lastUsed]), [
      ['bare@1.1.0', 1, 2 * 86_400, '2090-01-10T00:00:00.000Z'],
      ['widget@1.1.0', 0, 356 * 86_400, null],
    ])
    assert.ok(!JSON.stringify(shown).includes('ann@'))
    assert.deepEqual(mirror.engine.rollout.concerns({ unused: true }).map((line) => line.split(' ')[2]), ['bare@1.1.0', 'widget@1.1.0'])
  })

  it('a file that another is renamed over, and a change of a file it includes, are seen', async () => {
    writeFileSync(path.join(dir, 'team.yaml'), 'version: 1\nrules: []\n')
    await start(OPEN, { rollout: {} })
    writeFileSync(path.join(dir, 'next.yaml'), `${OPEN}include: [team.yaml]\nmode: monitor\n`)
    renameSync(path.join(dir, 'next.yaml'), file())
    await until(() => Promise.resolve(mirror.engine.policy.mode === 'monitor'))
    writeFileSync(path.join(dir, 'team.yaml'), 'version: 1\nrules:\n  - { packages: ["widget@1.1.0"], verdict: deny, reason: r }\n')
    await until(() => Promise.resolve(mirror.engine.policy.rules[0]?.verdict !== undefined))
    assert.equal((await mirror.json('/-/provenance/v1/packages/widget/1.1.0')).monitored, true)
  })
})

describe('policy reload of a process', function () {
  this.timeout(30_000)
  let dir: string
  let registry: FakeRegistry | undefined
  let mirror: MirrorProcess
  before(async function () {
    if (!isBuilt()) {
      process.stderr.write('skipped: not built (npm run build)\n')
      return this.skip()
    }
    dir = temporaryDirectory('reload-process-')
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    for (const version of ['1.0.0', '1.1.0']) registry.publish({ name: 'widget', version, time: OLD })
    writeFileSync(path.join(dir, 'policy.yaml'), OPEN)
    mirror = await serveProcess(dir, sectionFor(dir, registry, { policy: './policy.yaml' }))
  })
  after(async () => {
    if (registry === undefined) return
    await mirror.stop()
    await registry.close()
    rmSync(dir, { recursive: true, force: true })
  })
  const status = async (): Promise<number> => (await fetch(`${mirror.url}${TARBALL}`)).status
  const write = (text: string): void => { writeFileSync(path.join(dir, 'policy.yaml'), text) }

  it('a file that changed, a wrong one, and SIGHUP', async () => {
    assert.equal(await status(), 200)
    write(DENIES)
    await until(async () => (await status()) === 403)
    mirror.signal('SIGHUP')
    await mirror.printed(/SIGHUP: policy [0-9a-f]{12} is in force still: what was read means the same/)

    write(WRONG)
    await mirror.printed(/"policyReload":"refused"/)
    mirror.signal('SIGHUP')
    await mirror.printed(/SIGHUP: THE NEW POLICY IS REFUSED \(1 problem\)/)
    await mirror.printed(/policy\.yaml:6: mode: "enforced" is not one of/)
    assert.equal(await status(), 403)

    write(OPEN)
    mirror.signal('SIGHUP')
    await mirror.printed(/SIGHUP: policy [0-9a-f]{12} is in force now, in place of/)
    assert.equal(await status(), 200)
  })
})
