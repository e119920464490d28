/** When a version can have been published at the earliest, and whether its registry signs: what time and restarts make of both. */
import assert from 'node:assert/strict'
import { isObject, type JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { settableClock, startTestMirror, type TestMirror } from '../support/mirror.ts'
import { PrivateSigstore, githubIdentity } from '../support/private-sigstore.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** The mirror first sees the package; `LATER` is when it sees the version. */
const SEEN = new Date('2026-06-01T00:00:00.000Z')
const LATER = new Date(SEEN.getTime() + 10 * HOUR)
const moment = (days: number): Date => new Date(SEEN.getTime() + days * DAY)
const OLD = moment(-90)

interface Case {
  readonly title: string
  readonly claimed: Date | 'missing' | 'garbage'
  /** An answer before lacked the version. */
  readonly absent: boolean
  /** Log time of verified provenance. */
  readonly logged?: Date
  readonly expected: Date
}

const CASES: readonly Case[] = [
  { title: 'an honest time, in the first answer', claimed: OLD, absent: false, expected: OLD },
  { title: 'a time after the last answer without it', claimed: moment(0.1), absent: true, expected: moment(0.1) },
  { title: 'a backdated time, and an answer that lacked it', claimed: OLD, absent: true, expected: SEEN },
  { title: 'a backdated time, and a log that knows better', claimed: OLD, absent: false, logged: moment(-2), expected: moment(-2) },
  { title: 'a backdated time, an answer that lacked it, and an older log time', claimed: OLD, absent: true, logged: moment(-2), expected: SEEN },
  { title: 'a backdated time, an answer that lacked it, and a later log time', claimed: OLD, absent: true, logged: moment(0.2), expected: moment(0.2) },
  { title: 'a log time before the claimed one', claimed: moment(-1), absent: false, logged: OLD, expected: moment(-1) },
  { title: 'no time, in the first answer', claimed: 'missing', absent: false, expected: LATER },
  { title: 'no time, and an answer that lacked it', claimed: 'missing', absent: true, expected: LATER },
  { title: 'no time, and an old log time', claimed: 'missing', absent: true, logged: OLD, expected: LATER },
  { title: 'a time that is none, in the first answer', claimed: 'garbage', absent: false, expected: LATER },
  { title: 'a time that is none, and an answer that lacked it', claimed: 'garbage', absent: true, logged: moment(0.2), expected: LATER },
  { title: 'a time in the future', claimed: moment(300), absent: true, logged: OLD, expected: moment(300) },
]

describe('time: notBefore and signs', function () {
  this.timeout(20_000)
  let registry: FakeRegistry
  let mirror: TestMirror

  beforeEach(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
  })
  afterEach(async () => {
    await mirror.close()
    await registry.close()
  })
  const versions = async (name: string): Promise<string[]> => {
    const document = await mirror.json(`/${name}`)
    return Object.keys(isObject(document.versions) ? document.versions : {})
  }
  const codes = async (where: string): Promise<string[]> => {
    const body = (await (await mirror.get(where)).json()) as { reasons?: { code: string }[] }
    return (body.reasons ?? []).map(({ code }) => code)
  }
  const candidate = async (name: string, version: string) => {
    const judged = await mirror.engine.pipeline.judge({ name, version })
    assert.notEqual(judged, 'absent')
    return judged === 'absent' ? assert.fail() : judged.candidate
  }

  it('[1i] notBefore, from each of its sources and their combinations, also after a restart', async () => {
    const clock = settableClock(SEEN)
    mirror = await startTestMirror({ registry, clock })
    const names = CASES.map((_, index) => `case-${String(index)}`)
    const publish = (name: string, { claimed, logged }: Case): void => {
      const time = claimed instanceof Date ? claimed : OLD
      const built = logged === undefined ? {} : { provenance: githubIdentity({ ref: 'refs/tags/v2.0.0' }), mint: { at: logged } }
      registry.publish({ name, version: '2.0.0', time, ...built })
      if (claimed instanceof Date) return
      registry.edit(name, (packument) => {
        const { '2.0.0': _own, ...others } = packument.time as JsonObject
        return { ...packument, time: claimed === 'missing' ? others : { ...others, '2.0.0': 'the day before yesterday' } }
      })
    }
    for (const [index, scene] of CASES.entries()) {
      if (!scene.absent) continue
      registry.publish({ name: names[index]!, version: '1.0.0', time: OLD })
      await versions(names[index]!)
    }
    clock.set(LATER)
    const check = async (when: string): Promise<void> => {
      for (const [index, { title, expected }] of CASES.entries())
        assert.equal((await candidate(names[index]!, '2.0.0')).notBefore.toISOString(), expected.toISOString(), `${when}: ${title}`)
    }
    for (const [index, scene] of CASES.entries()) publish(names[index]!, scene)
    await check('at once')
    await mirror.close({ keep: true })
    clock.advance(DAY)
    mirror = await startTestMirror({ registry, clock, dir: mirror.dir })
    await check('after a restart')
  })

  it('the age counts from notBefore: a backdated version waits, one without a time waits from when it was first seen', async () => {
    const clock = settableClock(SEEN)
    mirror = await startTestMirror({ registry, clock, policy: { version: 1, extends: 'recommended' } })
    registry.publish({ name: 'widget', version: '1.0.0', time: OLD })
    assert.deepEqual(await versions('widget'), ['1.0.0'])
    clock.advance(HOUR)
    registry.publish({ name: 'widget', version: '1.1.0', time: OLD })
    registry.publish({ name: 'timeless', version: '1.0.0', time: OLD })
    registry.edit('timeless', ({ time: _time, ...packument }) => packument)
    assert.deepEqual(await versions('widget'), ['1.0.0'])
    assert.deepEqual(await codes('/widget/-/widget-1.1.0.tgz'), ['release-too-young'])
    assert.deepEqual(await codes('/timeless/-/timeless-1.0.0.tgz'), ['release-too-young'])
    clock.set(moment(1))
    assert.deepEqual(await versions('widget'), ['1.0.0', '1.1.0'])
    assert.deepEqual(await codes('/timeless/-/timeless-1.0.0.tgz'), ['release-too-young'])
    clock.advance(HOUR)
    assert.equal((await mirror.get('/timeless/-/timeless-1.0.0.tgz')).status, 200)
  })

  it('a time in the future is believed only while it is claimed', async () => {
    mirror = await startTestMirror({ registry, clock: settableClock(SEEN), policy: { version: 1, extends: 'recommended' } })
    let lying = true
    registry.publish({ name: 'widget', version: '1.0.0', time: OLD })
    registry.edit('widget', (packument) => (lying ? { ...packument, time: { '1.0.0': moment(9999).toISOString() } } : packument))
    assert.deepEqual(await codes('/widget'), ['release-too-young'])
    lying = false
    registry.retag('widget', 'other', '1.0.0')
    assert.deepEqual(await versions('widget'), ['1.0.0'])
  })

  it('[1f] the first signature that verifies makes a missing one count, for all the registry has, also after a restart', async () => {
    mirror = await startTestMirror({ registry })
    registry.publish({ name: 'plain', version: '1.0.0', signed: false })
    assert.deepEqual(await versions('plain'), ['1.0.0'])
    assert.equal((await mirror.get('/plain/-/plain-1.0.0.tgz')).status, 200)
    registry.publish({ name: 'signed', version: '1.0.0' })
    assert.deepEqual(await versions('signed'), ['1.0.0'])
    // Its document is the same as before: the listing must not be.
    assert.deepEqual(await codes('/plain'), ['signature-absent'])
    assert.deepEqual(await codes('/plain/-/plain-1.0.0.tgz'), ['signature-absent'])
    await mirror.close({ keep: true })
    mirror = await startTestMirror({ registry, dir: mirror.dir })
    assert.deepEqual(await codes('/plain/-/plain-1.0.0.tgz'), ['signature-absent'])
  })

  it('a signature by an unknown key does not make a registry one that signs', async () => {
    mirror = await startTestMirror({ registry })
    registry.publish({ name: 'odd', version: '1.0.0', fault: '1d', provenance: false })
    registry.publish({ name: 'bad', version: '1.0.0', fault: '1a', provenance: false })
    registry.publish({ name: 'plain', version: '1.0.0', signed: false })
    assert.equal((await mirror.get('/odd')).status, 403)
    assert.equal((await mirror.get('/bad')).status, 403)
    assert.equal((await candidate('plain', '1.0.0')).uplinkSigns, false)
    assert.equal((await mirror.get('/plain/-/plain-1.0.0.tgz')).status, 200)
  })

  it('`signs: true` makes a missing signature count from the start', async () => {
    mirror = await startTestMirror({ registry, uplink: { trust: { registry: 'https://registry.example', registryKeys: './keys.json', signs: true } } })
    registry.publish({ name: 'plain', version: '1.0.0', signed: false })
    assert.deepEqual(await codes('/plain'), ['signature-absent'])
  })
})
