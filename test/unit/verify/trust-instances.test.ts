/** Who may vouch for which package, and instances that are kept fresh each by itself. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ConfigurationError, Unavailable } from '../../../plugin/domain/errors.ts'
import { PUBLISHED_HERE, type TrustMaterial } from '../../../plugin/domain/ports.ts'
import { publicGoodOf, readTrustBasis, TrustKeeper, type TrustConfiguration, type TrustKeeperOptions } from '../../../plugin/verify/index.ts'
import { instancesOf } from '../../../plugin/verify/trust-material.ts'
import { mergeTrustedRoots, PrivateSigstore, REGISTRY, type TufServer } from '../../support/private-sigstore.ts'

const sigstore = PrivateSigstore.create()
const acme = PrivateSigstore.create({ name: 'acme' })
const next = PrivateSigstore.create({ name: 'acme-next' })
const HOUR = 3_600_000

type InstanceConfiguration = NonNullable<TrustConfiguration['instances']>[number]

describe('verify: several Sigstore instances over time', function () {
  this.timeout(20_000)
  let dir: string
  let tuf: TufServer
  let now: Date
  let warnings: string[]
  let alarms: string[]
  let scheduled: { readonly run: () => void; readonly wait: number }[]

  beforeEach(async () => {
    dir = mkdtempSync(path.join(tmpdir(), 'instances-'))
    tuf = await acme.serveTUF()
    now = new Date()
    ;[warnings, alarms, scheduled] = [[], [], []]
  })
  afterEach(async () => {
    await tuf.close()
    rmSync(dir, { recursive: true, force: true })
  })

  const file = (name: string, content: object): string => {
    const target = path.join(dir, name)
    writeFileSync(target, JSON.stringify(content))
    return target
  }
  const inScope = (_uplink: string, name: string): boolean => name.startsWith('@acme/')
  const ofFile = (more: Partial<InstanceConfiguration> = {}): InstanceConfiguration =>
    ({ name: 'acme', trustedRootFile: file('acme.json', acme.trustedRoot()), tuf: undefined, vouchesFor: inScope, exclusive: true, ...more })
  const ofTuf = (more: Partial<InstanceConfiguration> = {}): InstanceConfiguration =>
    ({ name: 'acme', trustedRootFile: undefined, tuf: { mirror: tuf.url, rootFile: tuf.rootPath }, vouchesFor: inScope, exclusive: true, ...more })
  const open = (instances: readonly InstanceConfiguration[], changes: Partial<TrustConfiguration> = {}, options: Partial<TrustKeeperOptions> = {}): Promise<TrustKeeper> =>
    TrustKeeper.open({
      basis: readTrustBasis({
        uplinks: [{ name: 'fake', registry: REGISTRY, registryKeysFile: file('keys.json', sigstore.registryKeys()) }],
        trustedRootFile: file('root.json', sigstore.trustedRoot()),
        tuf: undefined,
        offline: false,
        instances,
        ...changes,
      }),
      dir: path.join(dir, 'tuf'),
      pins: { pinnedKeys: () => undefined, pinKeys: (_registry, first) => first },
      askKeys: () => Promise.resolve('absent'),
      clock: { now: () => now },
      schedule: (run, wait) => {
        scheduled.push({ run, wait })
        return () => undefined
      },
      warn: (message) => warnings.push(message),
      ...options,
    })
  const vouching = (material: TrustMaterial): readonly (string | undefined)[] => instancesOf(material).map(({ instance }) => instance)
  const known = ({ elsewhere = [] }: TrustMaterial): readonly (string | undefined)[] => elsewhere.map(({ instance }) => instance)
  const refreshes = (): number => tuf.hits.filter((hit) => hit === '/timestamp.json').length
  const isStale = (error: unknown): boolean => error instanceof Unavailable && error.reason.code === 'trust-material-stale'

  describe('who may vouch', () => {
    it('for its packages an instance alone, for all others the default one alone', async () => {
      const keeper = await open([ofFile()])
      assert.deepEqual(vouching(keeper.material('fake', '@acme/x')), ['acme'])
      assert.deepEqual(known(keeper.material('fake', '@acme/x')), [undefined])
      assert.deepEqual(vouching(keeper.material('fake', 'lodash')), [undefined])
      assert.deepEqual(known(keeper.material('fake', 'lodash')), ['acme'])
    })
    it('both, where it is not exclusive', async () => {
      const keeper = await open([ofFile({ exclusive: false })])
      assert.deepEqual(vouching(keeper.material('fake', '@acme/x')), [undefined, 'acme'])
    })
    it('two of a package, without the default one when either is exclusive', async () => {
      const keeper = await open([ofFile({ exclusive: false }), ofFile({ name: 'next', trustedRootFile: file('next.json', next.trustedRoot()) })])
      assert.deepEqual(vouching(keeper.material('fake', '@acme/x')), ['acme', 'next'])
    })
    it('of what is published here, and of which uplink, as it says', async () => {
      const keeper = await open([ofFile({ vouchesFor: (uplink, name) => uplink === PUBLISHED_HERE && inScope(uplink, name) })])
      assert.deepEqual(vouching(keeper.material(PUBLISHED_HERE, '@acme/x')), ['acme'])
      assert.deepEqual(vouching(keeper.material('fake', '@acme/x')), [undefined])
    })
    it('the registry\'s keys are the same for all', async () => {
      const keeper = await open([ofFile()])
      assert.deepEqual(keeper.material('fake', '@acme/x').registryKeys, keeper.material('fake').registryKeys)
    })
    it('none but the default one where none is named, and its material is what it was', async () => {
      const keeper = await open([])
      assert.equal(keeper.material('fake', '@acme/x'), keeper.material('fake'))
    })
    it('asked again, the same material: nothing is put together twice', async () => {
      const keeper = await open([ofFile()])
      assert.equal(keeper.material('fake', '@acme/x'), keeper.material('fake', '@acme/y'))
    })
    it('only what rests on the public-good instance is shown to clients that verify by it', async () => {
      const { basis } = { basis: readTrustBasis({ uplinks: [], trustedRootFile: undefined, tuf: undefined, offline: true, instances: [ofFile()] }) }
      const isPublic = publicGoodOf(basis)
      const keeper = await open([ofFile()])
      const ofAcme = [...keeper.material('fake', '@acme/x').anchors].filter((anchor) => anchor.endsWith('@acme'))
      assert.equal(ofAcme.length, 5)
      assert.deepEqual([isPublic(ofAcme), isPublic(['ca:x']), isPublic(['ca:x', ...ofAcme])], [false, true, false])
    })
    it('the public-good instance by name, beside a default one of the organisation: from its seeds, offline', async () => {
      const named = ofFile({ name: 'public', trustedRootFile: undefined, exclusive: true })
      const keeper = await open([named], { offline: true })
      assert.match(String(keeper.instances[1]?.source), /^public-good Sigstore/)
      const anchors = [...keeper.material('fake', '@acme/x').anchors].filter((anchor) => anchor.endsWith('@public'))
      const isPublic = publicGoodOf(readTrustBasis({ uplinks: [], trustedRootFile: file('root.json', sigstore.trustedRoot()), tuf: undefined, offline: true, instances: [named] }))
      assert.deepEqual([anchors.length > 4, isPublic(anchors), isPublic([...keeper.material('fake').anchors])], [true, true, false])
    })
    it('a root that cannot be used stops the start, by its file', () => {
      assert.throws(() => readTrustBasis({ uplinks: [], trustedRootFile: undefined, tuf: undefined, offline: true, instances: [ofFile({ trustedRootFile: file('bad.json', {}) })] }), ConfigurationError)
    })
  })

  describe('one that fails', () => {
    it('takes away its packages and nothing else, says so, and comes back by itself', async () => {
      tuf.down = true
      const keeper = await open([ofTuf()])
      assert.throws(() => keeper.material('fake', '@acme/x'), isStale)
      assert.deepEqual(vouching(keeper.material('fake', 'lodash')), [undefined])
      assert.deepEqual([keeper.problems, keeper.warnings.length, keeper.instances.map(({ source }) => source !== undefined)], [[], 1, [true, false]])
      assert.match(warnings.join(), /^Sigstore instance acme: NOTHING CAN BE VERIFIED/)
      keeper.start()
      tuf.down = false
      assert.deepEqual(scheduled.map(({ wait }) => wait), [60_000])
      scheduled[0]?.run()
      await keeper.settled()
      assert.deepEqual(vouching(keeper.material('fake', '@acme/x')), ['acme'])
      assert.deepEqual([keeper.warnings, keeper.instances[1]?.refreshes], [[], { succeeded: 1, failed: 1 }])
    })
    it('and never answers: what it does not vouch for is not kept waiting', async () => {
      const silent = net.createServer(() => undefined)
      const connections = new Set<net.Socket>()
      silent.on('connection', (socket) => connections.add(socket))
      await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
      const mirror = `http://127.0.0.1:${String((silent.address() as net.AddressInfo).port)}`
      const keeper = await open([ofTuf({ tuf: { mirror, rootFile: tuf.rootPath } })], {}, { firstAnswer: 0 })
      assert.deepEqual(vouching(keeper.material('fake', 'lodash')), [undefined])
      assert.throws(() => keeper.material('fake', '@acme/x'), isStale)
      silent.on('connection', (socket) => socket.destroy())
      for (const socket of connections) socket.destroy()
      await keeper.settled()
      keeper.close()
      await new Promise((resolve) => silent.close(resolve))
    })
    it('where it vouches beside the default one, takes both: what it certified would be taken for forged', async () => {
      tuf.down = true
      const keeper = await open([ofTuf({ exclusive: false })])
      assert.throws(() => keeper.material('fake', '@acme/x'), isStale)
    })
    it('the default one: packages of a named one go on', async () => {
      tuf.down = true
      const keeper = await open([ofFile()], { trustedRootFile: undefined, tuf: { mirror: tuf.url, rootFile: tuf.rootPath } })
      assert.throws(() => keeper.material('fake', 'lodash'), isStale)
      assert.deepEqual(vouching(keeper.material('fake', '@acme/x')), ['acme'])
      assert.equal(keeper.material('fake', '@acme/x').registryKeys.length, 2)
    })
    it('the default one, of which the registry\'s keys would come: nothing is judged without them', async () => {
      tuf.down = true
      const uplinks = [{ name: 'fake', registry: REGISTRY, registryKeysFile: undefined }]
      const keeper = await open([ofFile()], { uplinks, trustedRootFile: undefined, tuf: { mirror: tuf.url, rootFile: tuf.rootPath } })
      assert.throws(() => keeper.material('fake', '@acme/x'), isStale)
    })
    it('forged metadata of one changes nothing, there or elsewhere', async () => {
      const keeper = await open([ofTuf()])
      const before = keeper.material('fake', '@acme/x').revision
      tuf.update({ 'trusted_root.json': next.trustedRoot() })
      tuf.forge('timestamp')
      assert.equal(await keeper.refresh(), false)
      assert.equal(keeper.material('fake', '@acme/x').revision, before)
    })
  })

  describe('a rotation', () => {
    it('of one is in force for its packages at once, and is no news elsewhere but in what is not allowed', async () => {
      const keeper = await open([ofTuf()])
      const [own, other] = [keeper.material('fake', '@acme/x'), keeper.material('fake')]
      tuf.update({ 'trusted_root.json': mergeTrustedRoots(acme.trustedRoot(), next.trustedRoot()) })
      assert.equal(await keeper.refresh(), true)
      const after = keeper.material('fake', '@acme/x')
      assert.ok([...own.anchors].every((anchor) => after.anchors.has(anchor)))
      assert.equal(after.anchors.size, own.anchors.size + 5)
      assert.deepEqual(keeper.material('fake'), other)
    })
    it('something unknown asks the instance that would know, and no other', async () => {
      const keeper = await open([ofTuf()])
      now = new Date(now.getTime() + HOUR)
      const before = refreshes()
      const lodash = keeper.material('fake', 'lodash')
      assert.equal(keeper.isRenewing('fake', 'sigstore', lodash.revision), false)
      assert.equal(refreshes(), before)
      const { revision } = keeper.material('fake', '@acme/x')
      assert.equal(keeper.isRenewing('fake', 'registry-key', revision), false)
      assert.equal(keeper.isRenewing('fake', 'sigstore', revision), true)
      await keeper.settled()
      assert.equal(refreshes(), before + 1)
      assert.equal(keeper.isRenewing('fake', 'sigstore', keeper.material('fake', '@acme/x').revision), false)
      assert.deepEqual(keeper.nextRenewal('fake', keeper.material('fake', '@acme/x').revision), new Date(now.getTime() + 600_000))
    })
    it('what was judged by material that is no longer in force is judged again', async () => {
      const keeper = await open([ofTuf()])
      const { revision } = keeper.material('fake', '@acme/x')
      tuf.update({ 'trusted_root.json': next.trustedRoot() })
      await keeper.refresh()
      assert.equal(keeper.isRenewing('fake', 'sigstore', revision), true)
    })
    it('survives a restart without the network, each in a file of its own', async () => {
      const first = await open([ofTuf()], { trustedRootFile: undefined, tuf: { mirror: tuf.url, rootFile: tuf.rootPath } })
      tuf.down = true
      const again = await open([ofTuf()], { trustedRootFile: undefined, tuf: { mirror: tuf.url, rootFile: tuf.rootPath } })
      assert.equal(again.material('fake', '@acme/x').revision, first.material('fake', '@acme/x').revision)
      assert.deepEqual(readdirSync(path.join(dir, 'tuf')).map((name) => name.replace(/-[0-9a-f]+\.json$/, '')).sort(), ['instance-acme', 'kept'])
    })
  })

  it('says at start, and once a day, what ends', async () => {
    const ended = new Date(now.getTime() + 20 * 24 * HOUR)
    const root = acme.trustedRoot()
    const certificateAuthorities = (root.certificateAuthorities as readonly object[]).map((one) => ({ ...one, validFor: { start: '2020-01-01T00:00:00.000Z', end: ended.toISOString() } }))
    const keeper = await open([ofFile({ trustedRootFile: file('ending.json', { ...root, certificateAuthorities }) })], {}, { alarm: (message) => alarms.push(message) })
    keeper.start()
    assert.deepEqual(alarms.map((text) => /^Sigstore instance acme: its last certificate authority ends on .*, in 20 days/.test(text)), [true])
    assert.deepEqual(scheduled.map(({ wait }) => wait), [24 * HOUR])
    now = new Date(ended.getTime() + 1)
    scheduled[0]?.run()
    assert.match(String(alarms[1]), /ended on/)
    keeper.close()
  })
})
