import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ConfigurationError, Unavailable } from '../../../plugin/domain/errors.ts'
import type { Json, JsonObject } from '../../../plugin/domain/json.ts'
import type { KeyPins, PinnedKeys } from '../../../plugin/domain/ports.ts'
import { readTrustBasis, TrustKeeper, type TrustConfiguration, type TrustKeeperOptions } from '../../../plugin/verify/index.ts'
import { settableClock } from '../../support/mirror.ts'
import { mergeTrustedRoots, PrivateSigstore, REGISTRY, type TufServer } from '../../support/private-sigstore.ts'
import { trustOf } from './support.ts'

const KEYS = `${new URL(REGISTRY).host}/keys.json`
const sigstore = PrivateSigstore.create()
const rotated = PrivateSigstore.create({ name: 'rotated' })
const bothKeys = { keys: [sigstore, rotated].flatMap((instance) => instance.registryKeysTarget().keys as readonly Json[]) }
const bothRoots = mergeTrustedRoots(sigstore.trustedRoot(), rotated.trustedRoot())
const HOUR = 3_600_000

describe('verify: trust material over time', function () {
  this.timeout(20_000)
  let tuf: TufServer
  let dir: string
  let clock: ReturnType<typeof settableClock>
  let warnings: string[]
  let scheduled: { readonly run: () => void; readonly wait: number }[]
  let pinned: Map<string, PinnedKeys>
  let own: JsonObject | Error | 'absent'
  let asked: number

  beforeEach(async () => {
    tuf = await sigstore.serveTUF()
    dir = path.join(mkdtempSync(path.join(tmpdir(), 'keeper-')), 'tuf')
    clock = settableClock(new Date())
    warnings = []
    scheduled = []
    pinned = new Map()
    own = 'absent'
    asked = 0
  })
  afterEach(async () => {
    await tuf.close()
    rmSync(path.dirname(dir), { recursive: true, force: true })
  })

  const pins: KeyPins = {
    pinnedKeys: (registry) => pinned.get(registry),
    pinKeys: (registry, first) => {
      const known = pinned.get(registry) ?? first
      pinned.set(registry, known)
      return known
    },
  }
  const configured = (changes: Partial<TrustConfiguration> = {}): TrustConfiguration => ({
    uplinks: [{ name: 'fake', registry: REGISTRY, registryKeysFile: undefined }],
    trustedRootFile: undefined,
    tuf: { mirror: `${tuf.url}/`, rootFile: tuf.rootPath },
    offline: false,
    ...changes,
  })
  const open = (changes: Partial<TrustConfiguration> = {}, options: Partial<TrustKeeperOptions> = {}): Promise<TrustKeeper> =>
    TrustKeeper.open({
      basis: readTrustBasis(configured(changes)),
      dir,
      pins,
      askKeys: () => {
        asked++
        if (own instanceof Error) return Promise.reject(own)
        return Promise.resolve(own === 'absent' ? own : Buffer.from(JSON.stringify(own)))
      },
      clock,
      schedule: (run, wait) => {
        scheduled.push({ run, wait })
        return () => undefined
      },
      warn: (message) => warnings.push(message),
      ...options,
    })
  const file = (name: string, content: object): string => {
    const target = path.join(tuf.directory, name)
    writeFileSync(target, JSON.stringify(content))
    return target
  }
  const revisionOf = (instance: PrivateSigstore): string => trustOf(instance).revision
  const keyCount = (keeper: TrustKeeper): number => keeper.material('fake').registryKeys.length
  const timestamps = (): number => tuf.hits.filter((hit) => hit === '/timestamp.json').length

  describe('refresh', () => {
    it('fetches root and keys of a private repository, and knows since when', async () => {
      const keeper = await open()
      const material = keeper.material('fake')
      assert.equal(material.revision, revisionOf(sigstore))
      assert.deepEqual(material.asOf, clock.now())
      assert.deepEqual(keeper.problems, [])
    })
    it('brings a new key, CA and logs; nothing of it depends on a restart', async () => {
      const keeper = await open()
      const before = keeper.material('fake').anchors
      tuf.update({ [KEYS]: bothKeys, 'trusted_root.json': bothRoots })
      assert.equal(await keeper.refresh(), true)
      const { anchors } = keeper.material('fake')
      assert.ok([...before].every((anchor) => anchors.has(anchor)))
      assert.ok([...trustOf(rotated).anchors].every((anchor) => anchors.has(anchor)))
    })
    it('follows a rotated TUF root', async () => {
      const keeper = await open()
      tuf.rotate()
      tuf.update({ [KEYS]: bothKeys })
      assert.equal(await keeper.refresh(), true)
      assert.equal(keyCount(keeper), 8)
    })
    it('is one for all who ask at once', async () => {
      const keeper = await open()
      const before = timestamps()
      await Promise.all(Array.from({ length: 20 }, () => keeper.refresh()))
      assert.equal(timestamps() - before, 1)
    })
    it('leaves nothing of its own behind, and removes what a process that died left', async () => {
      const [old, fresh] = ['work-old', 'work-of-another-process'].map((name) => path.join(dir, name)) as [string, string]
      for (const name of [old, fresh]) mkdirSync(name, { recursive: true })
      utimesSync(old, new Date(Date.now() - 2 * HOUR), new Date(Date.now() - 2 * HOUR))
      await open()
      assert.deepEqual(readdirSync(dir).map((name) => name.replace(/^kept-.*/, 'kept')).sort(), ['kept', 'work-of-another-process'])
    })
  })

  describe('what was not authenticated changes nothing', () => {
    const cases: readonly (readonly [string, () => void])[] = [
      ['a root by a key that no root named', () => { tuf.rotate({ forged: true }) }],
      ['a root that is not the next version', () => { tuf.replace('/2.root.json', readFileSync(tuf.rootPath, 'utf8')) }],
      ['a forged timestamp', () => { tuf.forge('timestamp') }],
      ['a forged snapshot', () => { tuf.update({ [KEYS]: bothKeys }); tuf.forge('snapshot') }],
      ['forged targets', () => { tuf.update({ [KEYS]: bothKeys }); tuf.forge('targets') }],
      ['a target with other bytes', () => { tuf.update({ [KEYS]: bothKeys }); tuf.replace(`/targets/${KEYS}`, JSON.stringify(rotated.registryKeysTarget())) }],
      ['expired metadata', () => { tuf.update({ [KEYS]: bothKeys }, { expires: new Date(Date.now() - HOUR) }) }],
      ['a target that cannot be used', () => { tuf.update({ 'trusted_root.json': { ...sigstore.trustedRoot(), ctlogs: [] } }) }],
      ['keys that cannot be used', () => { tuf.update({ [KEYS]: { keys: 'none' } }) }],
      ['no root target any more', () => { tuf.update({ 'trusted_root.json': undefined }) }],
      ['garbage', () => { tuf.replace('/timestamp.json', '<html>') }],
      ['no answer', () => { tuf.down = true }],
    ]
    for (const [name, spoil] of cases)
      it(name, async () => {
        const keeper = await open()
        const before = keeper.material('fake')
        spoil()
        assert.equal(await keeper.refresh(), false)
        assert.equal(keeper.material('fake'), before)
        assert.equal(warnings.length, 1)
        const restarted = await open({ offline: true })
        assert.equal(restarted.material('fake').revision, before.revision)
        assert.deepEqual(restarted.material('fake').asOf, before.asOf)
      })
    for (const restart of [false, true])
      it(`a repository that was rolled back${restart ? ', after a restart' : ''}`, async () => {
        const rollBack = tuf.snapshot()
        tuf.update({ [KEYS]: bothKeys })
        let keeper = await open()
        rollBack()
        if (restart) keeper = await open()
        assert.equal(await keeper.refresh(), false)
        assert.equal(keyCount(keeper), 8)
      })
  })

  describe('a restart', () => {
    it('goes on with what was kept, without asking anybody', async () => {
      tuf.update({ [KEYS]: bothKeys })
      await open()
      tuf.down = true
      const hits = tuf.hits.length
      const keeper = await open()
      assert.equal(keyCount(keeper), 8)
      assert.equal(tuf.hits.length, hits)
    })
    it('does not fall back because what was kept has expired since', async () => {
      tuf.update({ [KEYS]: bothKeys }, { expires: new Date(Date.now() + 2_000) })
      await open()
      clock.advance(30 * 24 * HOUR)
      tuf.down = true
      assert.equal(keyCount(await open()), 8)
    })
    it('does not use a kept file that is spoilt, and says so', async () => {
      await open()
      const kept = path.join(dir, readdirSync(dir)[0] ?? '')
      writeFileSync(kept, readFileSync(kept, 'utf8').replace('SHA256', 'SHA257'))
      tuf.update({ [KEYS]: bothKeys })
      assert.equal(keyCount(await open()), 8)
      assert.equal(warnings.length, 1)
    })
    it('with another first root does not use what was kept under the first one', async () => {
      await open()
      tuf.down = true
      writeFileSync(tuf.rootPath, `${readFileSync(tuf.rootPath, 'utf8')}\n`)
      const keeper = await open()
      assert.equal(keeper.materials.size, 0)
    })
    it('of one process does not put back what another one fetched later', async () => {
      const [first, second] = [await open(), await open()]
      const rollBack = tuf.snapshot()
      tuf.update({ [KEYS]: bothKeys })
      await second.refresh()
      rollBack()
      assert.equal(await first.refresh(), false)
      assert.equal(keyCount(await open({ offline: true })), 8)
    })
  })

  describe('without anything to trust yet', () => {
    it('cannot decide, is not ready, and tries again soon', async () => {
      tuf.down = true
      const keeper = await open()
      assert.throws(() => keeper.material('fake'), (error) => error instanceof Unavailable && error.reason.code === 'trust-material-stale')
      assert.equal(keeper.problems.length, 1)
      keeper.start()
      assert.deepEqual(scheduled.map(({ wait }) => wait), [60_000])
      tuf.down = false
      scheduled[0]?.run()
      await keeper.settled()
      assert.equal(keeper.material('fake').revision, revisionOf(sigstore))
      assert.deepEqual(keeper.problems, [])
    })
    it('offline never asks', async () => {
      const keeper = await open({ offline: true })
      keeper.start()
      assert.equal(keeper.isRenewing('fake', 'sigstore', revisionOf(sigstore)), true)
      assert.equal(keeper.problems.length, 1)
      assert.deepEqual(tuf.hits, [])
    })
    it('a root.json that is no TUF root stops the start', () => {
      const rootFile = file('no-root.json', {})
      assert.throws(() => readTrustBasis(configured({ tuf: { mirror: tuf.url, rootFile } })), ConfigurationError)
    })
  })

  describe('files of the operator', () => {
    it('for root and keys: TUF is never asked', async () => {
      const registryKeysFile = file('keys.json', sigstore.registryKeys())
      const keeper = await open({ trustedRootFile: file('trusted.json', sigstore.trustedRoot()), uplinks: [{ name: 'fake', registry: REGISTRY, registryKeysFile }] })
      keeper.start()
      const { revision } = keeper.material('fake')
      assert.equal(keeper.isRenewing('fake', 'registry-key', revision), false)
      assert.equal(keeper.isRenewing('fake', 'sigstore', revision), false)
      assert.equal(keeper.nextRenewal('fake', revision), undefined)
      assert.deepEqual([tuf.hits, scheduled], [[], []])
    })
    it('for the root: TUF is asked for keys alone', async () => {
      const keeper = await open({ trustedRootFile: file('trusted.json', rotated.trustedRoot()) })
      await keeper.refresh()
      const { anchors } = keeper.material('fake')
      assert.ok(!tuf.hits.includes('/targets/trusted_root.json'))
      assert.equal([...anchors].filter((anchor) => trustOf(rotated).anchors.has(anchor)).length, 5)
      assert.equal(keyCount(keeper), 4)
      clock.advance(HOUR)
      assert.equal(keeper.isRenewing('fake', 'sigstore', keeper.material('fake').revision), false)
    })
    it('for the keys: an unknown key is final, an unknown CA is not', async () => {
      const registryKeysFile = file('keys.json', sigstore.registryKeys())
      const keeper = await open({ uplinks: [{ name: 'fake', registry: REGISTRY, registryKeysFile }] })
      clock.advance(HOUR)
      const { revision } = keeper.material('fake')
      assert.equal(keeper.isRenewing('fake', 'registry-key', revision), false)
      assert.equal(keeper.isRenewing('fake', 'sigstore', revision), true)
      await keeper.settled()
    })
  })

  describe('an unknown anchor', () => {
    const unknown = (keeper: TrustKeeper): boolean => keeper.isRenewing('fake', 'registry-key', keeper.material('fake').revision)
    it('starts one refresh, however many ask', async () => {
      const keeper = await open()
      clock.advance(HOUR)
      const before = timestamps()
      for (let index = 0; index < 20; index++) assert.equal(unknown(keeper), true)
      await keeper.settled()
      assert.equal(timestamps() - before, 1)
      assert.equal(unknown(keeper), false)
    })
    it('starts at most one in ten minutes', async () => {
      const keeper = await open()
      assert.equal(unknown(keeper), false)
      assert.deepEqual(keeper.nextRenewal('fake', keeper.material('fake').revision), new Date(clock.now().getTime() + 600_000))
      clock.advance(599_999)
      assert.equal(unknown(keeper), false)
      clock.advance(1)
      assert.equal(unknown(keeper), true)
      await keeper.settled()
      assert.equal(unknown(keeper), false)
    })
    it('is final again after a refresh that failed', async () => {
      const keeper = await open()
      clock.advance(HOUR)
      tuf.down = true
      assert.equal(unknown(keeper), true)
      await keeper.settled()
      assert.equal(unknown(keeper), false)
    })
    it('is final while the repository keeps us waiting', async () => {
      const keeper = await open()
      clock.advance(HOUR)
      assert.equal(unknown(keeper), true)
      clock.advance(60_000)
      assert.equal(unknown(keeper), false)
      await keeper.settled()
    })
    it('of material that has been replaced meanwhile is judged anew', async () => {
      const keeper = await open()
      const { revision } = keeper.material('fake')
      tuf.update({ [KEYS]: bothKeys })
      await keeper.refresh()
      assert.equal(keeper.isRenewing('fake', 'registry-key', revision), true)
      assert.equal(unknown(keeper), false)
    })
  })

  describe('schedule', () => {
    it('once a day after success, in ten minutes after a failure', async () => {
      const keeper = await open()
      clock.advance(HOUR)
      keeper.start()
      tuf.down = true
      await keeper.refresh()
      tuf.down = false
      await keeper.refresh()
      assert.deepEqual(scheduled.map(({ wait }) => wait), [23 * HOUR, 600_000, 24 * HOUR])
    })
    it('at once where a registry was added since', async () => {
      await open()
      const uplinks = ['fake', 'other'].map((name) => ({ name, registry: `https://${name}.registry.example`, registryKeysFile: undefined }))
      const keeper = await open({ uplinks })
      keeper.start()
      assert.deepEqual(scheduled.map(({ wait }) => wait), [0])
    })
    it('ends with the keeper', async () => {
      const keeper = await open()
      keeper.start()
      keeper.close()
      await keeper.refresh()
      assert.equal(scheduled.length, 1)
    })
    it('gets loud when the material gets old', async () => {
      const keeper = await open()
      tuf.down = true
      clock.advance(8 * 24 * HOUR)
      await keeper.refresh()
      assert.match(warnings[0] ?? '', /^TRUST MATERIAL IS OLD/)
      assert.deepEqual(keeper.problems, [])
    })
  })

  describe('keys asked of the uplink itself', () => {
    const without = (): void => { tuf.update({ [KEYS]: undefined }) }
    it('are not asked where TUF has some', async () => {
      own = rotated.registryKeys()
      await open()
      assert.equal(asked, 0)
      assert.equal(pinned.size, 0)
    })
    it('are pinned on first use where TUF has none, and said to be no more than that', async () => {
      without()
      own = sigstore.registryKeys()
      const keeper = await open()
      const material = keeper.material('fake')
      assert.equal(material.registryKeys.length, 2)
      assert.equal(material.keysArePinned, true)
      assert.match(material.source.registryKeys, /pinned on first use/)
      assert.deepEqual(pinned.get(REGISTRY)?.document, own)
    })
    it('stay when the uplink names others, with a warning', async () => {
      without()
      own = sigstore.registryKeys()
      const keeper = await open()
      const { revision } = keeper.material('fake')
      own = rotated.registryKeys()
      warnings = []
      await keeper.refresh()
      assert.equal(keeper.material('fake').revision, revision)
      assert.match(warnings.join('\n'), /names other keys/)
    })
    it('are not asked of a registry whose keys TUF took back, nor after a restart', async () => {
      let keeper = await open()
      without()
      own = rotated.registryKeys()
      await keeper.refresh()
      assert.equal(keyCount(keeper), 0)
      keeper = await open()
      await keeper.refresh()
      assert.deepEqual([keyCount(keeper), asked, pinned.size], [0, 0, 0])
    })
    it('give way to those of TUF', async () => {
      without()
      own = rotated.registryKeys()
      const keeper = await open()
      tuf.update({ [KEYS]: sigstore.registryKeysTarget() })
      await keeper.refresh()
      assert.equal(keeper.material('fake').revision, revisionOf(sigstore))
      assert.equal(keeper.material('fake').keysArePinned, undefined)
    })
    it('are not asked before TUF has said that it has none', async () => {
      own = rotated.registryKeys()
      tuf.down = true
      const keeper = await open({ trustedRootFile: file('trusted.json', sigstore.trustedRoot()) })
      await keeper.refresh()
      assert.deepEqual([keyCount(keeper), asked], [0, 0])
    })
    for (const [name, answer] of [
      ['that fails', new Error('down')],
      ['of garbage', { keys: 'x' }],
      ['that there are none', 'absent'],
    ] as const)
      it(`an answer ${name} pins nothing`, async () => {
        without()
        own = answer
        const keeper = await open()
        assert.equal(keyCount(keeper), 0)
        assert.equal(pinned.size, 0)
      })
    it('offline, the seeds know no other: an unknown key asks the uplink, once', async () => {
      const keeper = await open({ tuf: undefined, offline: true })
      own = sigstore.registryKeys()
      assert.equal(keeper.isRenewing('fake', 'registry-key', keeper.material('fake').revision), true)
      await keeper.settled()
      assert.equal(keyCount(keeper), 2)
      assert.equal(keeper.isRenewing('fake', 'registry-key', keeper.material('fake').revision), false)
      assert.equal(keeper.isRenewing('fake', 'sigstore', keeper.material('fake').revision), false)
    })
  })
})
