/** Who built a package so far, through a whole mirror: what counts, what waits for an operator, and that it does not depend on luck. */
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { stringify } from 'yaml'
import { approvePin, dropPin, listPins } from '../../plugin/cli/pins.ts'
import { resetLedger } from '../../plugin/cli/ledger.ts'
import { isObject, type JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { settableClock, startTestMirror, type TestMirror } from '../support/mirror.ts'
import { githubIdentity, PrivateSigstore, type IdentityOptions } from '../support/private-sigstore.ts'

const DAY = 86_400_000
/** The mirror first sees the package. */
const SEEN = new Date('2026-06-01T00:00:00.000Z')
const day = (days: number): Date => new Date(SEEN.getTime() + days * DAY)
const NAME = 'widget'

const OURS: IdentityOptions = { repo: 'acme/widget', repoId: '1001', ownerId: '2002' }
const MALLORY: IdentityOptions = { repo: 'mallory/widget', repoId: '6001', ownerId: '6002' }

describe('identity pins through a mirror', function () {
  this.timeout(30_000)
  let registry: FakeRegistry
  let mirror: TestMirror
  const clock = settableClock(SEEN)

  beforeEach(async () => {
    clock.set(SEEN)
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
  })
  afterEach(async () => {
    await mirror.close()
    await registry.close()
  })

  const start = async (preset = 'strict', more: JsonObject = {}, dir?: string): Promise<void> => {
    const defaults = { minimumReleaseAge: '0', manifestRepository: 'ignore', ...more }
    mirror = await startTestMirror({ registry, clock, policy: { version: 1, extends: preset, defaults }, ...(dir === undefined ? {} : { dir }) })
  }
  const restart = async (before: (dir: string) => void = () => undefined, preset = 'strict'): Promise<void> => {
    await mirror.close({ keep: true })
    before(mirror.dir)
    await start(preset, {}, mirror.dir)
  }
  const publish = (version: string, days: number, by: IdentityOptions | false): void => {
    const provenance = by === false ? false : githubIdentity({ ...by, ref: `refs/tags/v${version}` })
    registry.publish({ name: NAME, version, time: day(days), provenance })
  }
  /** Status and reason codes of a tarball. */
  const gate = async (version: string): Promise<string> => {
    const response = await mirror.get(`/${NAME}/-/${NAME}-${version}.tgz`)
    if (response.status === 200) {
      await response.arrayBuffer()
      const last = mirror.decisions.findLast(({ ref }) => ref.version === version)
      return ['200', ...(last?.verdict.reasons ?? []).map(({ code }) => code)].join(' ')
    }
    const { reasons = [] } = (await response.json()) as { reasons?: { code: string }[] }
    return [response.status, ...reasons.map(({ code }) => code)].join(' ')
  }
  const listed = async (): Promise<string[]> => {
    const document = await mirror.json(`/${NAME}`)
    return Object.keys(isObject(document.versions) ? document.versions : {})
  }
  /** A configuration that names the mirror's own ledger, for commands beside it. */
  const config = (): string => {
    const file = path.join(mirror.dir, 'beside.yaml')
    const uplinks = { fake: { url: registry.url } }
    const provenance = { store: `sqlite:${path.join(mirror.dir, 'provenance.db')}` }
    writeFileSync(file, stringify({ storage: './storage', uplinks, packages: { '**': { access: '$all', proxy: 'fake' } }, middlewares: { provenance } }))
    return file
  }
  const pinned = async (): Promise<readonly string[]> => {
    const [known] = JSON.parse((await listPins(NAME, { config: config(), json: true })).join('')) as { pins: { sourceRepositoryId: string | null; sourceOwnerId: string | null; until: string | null }[] }[]
    return [...new Set((known?.pins ?? []).filter(({ until }) => until === null).map((pin) => `${pin.sourceRepositoryId ?? 'address'} ${pin.sourceOwnerId ?? ''}`.trim()))].sort()
  }
  const pending = async (): Promise<readonly string[]> => {
    const [known] = JSON.parse((await listPins(NAME, { config: config(), json: true, pending: true })).join('')) as { pending: { to: { sourceRepositoryId: string }; versions: string[] }[] }[]
    return (known?.pending ?? []).map(({ to, versions }) => `${to.sourceRepositoryId}: ${versions.toSorted().join(' ')}`)
  }
  const found = (): void => {
    publish('1.0.0', -90, OURS)
    publish('1.1.0', -60, OURS)
  }

  /** The mirror has seen the package, and verified nothing of who built it. */
  const seen = async (): Promise<void> => {
    publish('0.0.1', -400, false)
    assert.equal(await gate('0.0.1'), '200')
  }

  it('[13c] a changed repository id is refused in strict, at the gate and in the listing, and waits', async () => {
    await start()
    found()
    await listed()
    publish('1.2.0', 1, MALLORY)
    clock.set(day(30))
    assert.equal(await gate('1.2.0'), '403 identity-changed')
    assert.deepEqual(await listed(), ['1.0.0', '1.1.0'])
    assert.deepEqual([await pinned(), await pending()], [['1001 2002'], ['6001: 1.2.0']])
  })

  it('[13c] and only warned about in recommended, also once it is old: it never becomes a pin by itself', async () => {
    await start('recommended')
    found()
    await listed()
    publish('1.2.0', 1, MALLORY)
    publish('1.3.0', 20, MALLORY)
    clock.set(day(30))
    assert.deepEqual([await gate('1.2.0'), await gate('1.3.0')], ['200 identity-changed', '200 identity-changed'])
    assert.deepEqual((await listed()).length, 4)
    assert.deepEqual([await pinned(), await pending()], [['1001 2002'], ['6001: 1.2.0 1.3.0']])
  })

  it('[13d] a changed workflow is refused in lockdown only', async () => {
    found()
    for (const [preset, expected] of [['strict', '200'], ['lockdown', '403 identity-changed']] as const) {
      clock.set(SEEN)
      await start(preset)
      await listed()
      publish('1.2.0', 1, { ...OURS, workflow: '.github/workflows/other.yml' })
      publish('1.3.0', 2, OURS)
      clock.set(day(30))
      assert.deepEqual([await gate('1.2.0'), await gate('1.3.0')], [expected, '200'], preset)
      if (preset === 'strict') await mirror.close()
      registry.unpublish(NAME, '1.2.0')
      registry.unpublish(NAME, '1.3.0')
    }
  })

  it('[9d] a re-registered name: the same address with another id', async () => {
    await start()
    found()
    await listed()
    publish('1.2.0', 1, { ...OURS, repoId: '6001', ownerId: '6002' })
    clock.set(day(30))
    assert.equal(await gate('1.2.0'), '403 identity-changed')
  })

  it('[9d] where only the address was certified: the first id that settled, and no other, also on a cold gate', async () => {
    const early = { repo: 'acme/widget', early: true }
    publish('1.0.0', -90, early)
    await start()
    await listed()
    publish('1.1.0', 1, OURS)
    publish('1.2.0', 9, { ...OURS, repoId: '6001', ownerId: '6002' })
    clock.set(day(30))
    assert.equal(await gate('1.2.0'), '403 identity-changed')
    assert.equal(await gate('1.1.0'), '200')
    assert.deepEqual(await pinned(), ['1001 2002'])
    publish('1.3.0', 31, early)
    clock.set(day(60))
    assert.equal(await gate('1.3.0'), '403 identity-changed')
  })

  it('a repository given to a new owner is warned about and then settles; a rename is nothing', async () => {
    await start()
    found()
    await listed()
    publish('1.2.0', 1, { ...OURS, repo: 'acme/renamed' })
    publish('1.3.0', 2, { ...OURS, repo: 'globex/widget', ownerId: '3003' })
    clock.set(day(3))
    assert.deepEqual([await gate('1.2.0'), await gate('1.3.0')], ['200', '200 identity-changed'])
    assert.deepEqual(await listed(), ['1.0.0', '1.1.0', '1.2.0', '1.3.0'])
    clock.set(day(10))
    publish('1.4.0', 9.5, { ...OURS, repo: 'globex/widget', ownerId: '3003' })
    assert.equal(await gate('1.4.0'), '200')
    assert.deepEqual(await pending(), [])
  })

  it('a package that appears after the mirror: the first to settle is pinned, and until then nothing is compared', async () => {
    await start()
    publish('1.0.0', -1, OURS)
    publish('1.1.0', 0, MALLORY)
    clock.set(day(1))
    assert.deepEqual([await gate('1.1.0'), await pinned()], ['200', []])
    // The same listing, of which only the clock has moved.
    assert.deepEqual(await listed(), ['1.0.0', '1.1.0'])
    clock.set(day(6))
    assert.deepEqual(await listed(), ['1.0.0'])
    assert.deepEqual([await gate('1.1.0'), await pinned()], ['403 identity-changed', ['1001 2002']])
  })

  it('an approval frees the versions at once, in a mirror that runs, and is kept; a drop takes it back', async () => {
    await start()
    found()
    await listed()
    publish('1.2.0', 1, MALLORY)
    clock.set(day(30))
    assert.equal(await gate('1.2.0'), '403 identity-changed')
    assert.deepEqual(await listed(), ['1.0.0', '1.1.0'])
    await approvePin(NAME, { config: config(), to: '6001', reason: 'the project moved', approvedBy: 'security' })
    assert.deepEqual(await listed(), ['1.0.0', '1.1.0', '1.2.0'])
    assert.equal(await gate('1.2.0'), '200')
    assert.deepEqual([await pinned(), await pending()], [['1001 2002', '6001 6002'], []])
    const { builtBy } = await mirror.json(`/-/provenance/v1/packages/${NAME}`)
    assert.deepEqual((builtBy as { decisions: { decision: string; by: string; reason: string }[] }).decisions.map(({ decision, by, reason }) => [decision, by, reason]), [['approve', 'security', 'the project moved']])

    await dropPin(NAME, { config: config(), to: '6001', reason: 'it did not' })
    assert.deepEqual(await listed(), ['1.0.0', '1.1.0'])
    assert.equal(await gate('1.2.0'), '403 identity-changed')
  })

  it('pins survive a restart and a lost fact cache; a reset forgets them', async () => {
    await start()
    found()
    await listed()
    publish('1.2.0', 1, MALLORY)
    clock.set(day(30))
    await restart((dir) => { for (const file of ['provenance-facts.db', 'provenance-facts.db-wal', 'provenance-facts.db-shm']) rmSync(path.join(dir, file), { force: true }) })
    registry.status(/attestations\/widget@1\.[01]/, 500)
    assert.deepEqual(await pinned(), ['1001 2002'])
    assert.equal(await gate('1.2.0'), '403 identity-changed')
    await resetLedger(NAME, { config: config(), reason: 'moved' })
    assert.deepEqual([await pinned(), await pending()], [[], []])
    // Found anew, with both: what was there before is nobody's change.
    assert.equal(await gate('1.2.0'), '200')
  })

  it('what monitor lets through although policy refuses it makes no pin', async () => {
    await start('observe', { registrySignature: 'required' })
    registry.publish({ name: NAME, version: '1.0.0', time: day(-90), provenance: githubIdentity(OURS), signed: false })
    assert.equal(await gate('1.0.0'), '200 signature-absent')
    assert.deepEqual([(await listed()).length, await pinned()], [1, []])
    publish('1.1.0', 0, OURS)
    clock.set(day(8))
    assert.equal(await gate('1.1.0'), '200')
    assert.deepEqual(await pinned(), ['1001 2002'])
  })

  it('verified in whatever order, by themselves, the verdicts are the same', async () => {
    const gates: string[][] = []
    for (const order of [['1.2.0', '1.3.0', '1.4.0'], ['1.4.0', '1.3.0', '1.2.0'], ['1.3.0', '1.4.0', '1.2.0']]) {
      clock.set(SEEN)
      await start()
      publish('0.9.0', -100, false)
      await listed()
      publish('1.2.0', 1, OURS)
      publish('1.3.0', 2, MALLORY)
      publish('1.4.0', 3, OURS)
      clock.set(day(30))
      const verdicts = new Map<string, string>()
      for (const version of order) verdicts.set(version, await gate(version))
      gates.push(['1.2.0', '1.3.0', '1.4.0'].map((version) => verdicts.get(version) ?? ''))
      assert.deepEqual(await listed(), ['0.9.0', '1.2.0', '1.4.0'])
      if (gates.length < 3) await mirror.close()
      registry.unpublish(NAME)
    }
    assert.deepEqual(gates, Array(3).fill(['200', '403 identity-changed', '200']))
  })

  it('an identity that the package had left when it was found counts no longer, whether it was looked at or not', async () => {
    for (const looked of [true, false]) {
      clock.set(SEEN)
      await start()
      publish('0.1.0', -300, MALLORY)
      for (const [version, days] of [['1.0.0', -90], ['1.1.0', -80], ['1.2.0', -70]] as const) publish(version, days, OURS)
      await seen()
      if (looked) assert.equal(await gate('0.1.0'), '200')
      publish('1.3.0', 1, MALLORY)
      clock.set(day(30))
      assert.equal(await gate('1.3.0'), '403 identity-changed')
      assert.equal(await gate('0.1.0'), '200')
      if (looked) await mirror.close()
      registry.unpublish(NAME)
    }
  })

  it('a cold gate asks the versions the package was found with, a few of them, and not again', async () => {
    await start()
    for (let minor = 0; minor < 10; minor++) publish(`1.${String(minor)}.0`, -100 + minor, OURS)
    const asked = (): number => registry.requests.filter(({ path: where }) => where.includes('/-/npm/v1/attestations/')).length
    await seen()
    publish('2.0.0', 1, MALLORY)
    publish('2.1.0', 2, MALLORY)
    clock.set(day(30))
    const before = asked()
    // The gate alone: a refusal would go on to a listing, for what to recommend.
    const judged = async (version: string): Promise<readonly string[]> => {
      const judgement = await mirror.engine.pipeline.judge({ name: NAME, version })
      return judgement === 'absent' ? ['absent'] : judgement.verdict.reasons.map(({ code }) => code)
    }
    assert.deepEqual([await judged('2.0.0'), asked() - before], [['identity-changed'], 4])
    assert.deepEqual([await judged('2.1.0'), asked() - before], [['identity-changed'], 5])
    assert.deepEqual(await pending(), ['6001: 2.0.0 2.1.0'])
  })

  it('while those cannot be asked nothing is decided: 503, and never allowed', async () => {
    await start('recommended')
    found()
    await seen()
    publish('1.2.0', 1, MALLORY)
    clock.set(day(30))
    registry.status(/attestations\/widget@1\.[01]/, 500)
    assert.equal(await gate('1.2.0'), '503 evidence-unavailable')
    registry.reset()
    assert.equal(await gate('1.2.0'), '200 identity-changed')
  })

  it('where provenance is ignored nothing is compared, and off makes no pins', async () => {
    found()
    for (const more of [{ provenance: 'ignore', anyOf: [{ minimumReleaseAge: '1d' }] }, { identityPin: 'off' }]) {
      clock.set(SEEN)
      await start('strict', more)
      await listed()
      publish('1.2.0', 1, MALLORY)
      clock.set(day(30))
      assert.equal(await gate('1.2.0'), '200')
      assert.deepEqual([await pinned(), await pending()], [[], []])
      if (more.identityPin === undefined) await mirror.close()
      registry.unpublish(NAME, '1.2.0')
    }
  })
})
