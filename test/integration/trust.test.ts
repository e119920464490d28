/** Trust material over time, through a whole mirror: keys, CAs and logs come and go while it runs. */
import assert from 'node:assert/strict'
import { isObject, type Json } from '../../plugin/domain/json.ts'
import { startUpText } from '../../plugin/cli/start-up-text.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { settableClock, startTestMirror, type TestMirror, type TestMirrorOptions } from '../support/mirror.ts'
import { githubIdentity, mergeTrustedRoots, PrivateSigstore, REGISTRY, type TufServer } from '../support/private-sigstore.ts'
import { draftOf, type Draft, type PublishOptions } from '../support/registry/draft.ts'

const KEYS = `${new URL(REGISTRY).host}/keys.json`
const HOUR = 3_600_000
const ALL_EVIDENCE = {
  version: 1,
  extends: 'recommended',
  defaults: { minimumReleaseAge: '0', registrySignature: 'required', provenance: 'required' },
}
const SIGNED = { version: 1, extends: 'recommended', defaults: { minimumReleaseAge: '0', registrySignature: 'required', trustDowngrade: 'allow' } }

describe('trust material over time', function () {
  this.timeout(20_000)
  const name = 'widget'
  const sigstore = PrivateSigstore.create()
  const rotated = PrivateSigstore.create({ name: 'rotated' })
  const bothKeys = { keys: [sigstore, rotated].flatMap((instance) => instance.registryKeysTarget().keys as readonly Json[]) }
  const bothRoots = mergeTrustedRoots(sigstore.trustedRoot(), rotated.trustedRoot())
  let tuf: TufServer
  let registry: FakeRegistry
  let mirror: TestMirror | undefined
  let clock: ReturnType<typeof settableClock>

  beforeEach(async () => {
    tuf = await sigstore.serveTUF()
    registry = await FakeRegistry.start({ sigstore })
    clock = settableClock(new Date())
  })
  afterEach(async () => {
    await mirror?.close()
    mirror = undefined
    await registry.close()
    await tuf.close()
  })

  /** A mirror whose last refresh was an hour ago. */
  const start = async (options: Partial<TestMirrorOptions> = {}): Promise<TestMirror> => {
    const trust = { tuf: { mirror: tuf.url, root: tuf.rootPath } }
    const uplink = { trust: { registry: REGISTRY } }
    mirror = await startTestMirror({ registry, clock, policy: ALL_EVIDENCE, uplink, section: { trust }, ...options })
    clock.advance(HOUR)
    return mirror
  }
  /** Signed, logged and certified by another generation of keys than the registry's first. */
  const publish = (instance: PrivateSigstore, version: string, more: Partial<PublishOptions> = {}): void => {
    const provenance = githubIdentity({ ref: `refs/tags/v${version}` })
    registry.add(draftOf({ name, version, provenance, ...more }, registry.url, instance))
  }
  /** Signed by the registry's key in force; built under another Sigstore instance. */
  const publishWithForeignProvenance = (): void => {
    const options = { name, version: '1.0.0', publishAttestation: false, provenance: githubIdentity({ ref: 'refs/tags/v1.0.0' }) }
    const { document } = draftOf(options, registry.url, rotated)
    registry.add({ ...draftOf(options, registry.url, sigstore), document })
  }
  const tarball = (version: string): string => `/${name}/-/${name}-${version}.tgz`
  const outcome = async (version: string): Promise<string> => {
    const response = await mirror!.get(tarball(version))
    const body = response.status === 200 ? {} : ((await response.json()) as { reasons?: { code: string }[] })
    return [response.status, ...new Set((body.reasons ?? []).map(({ code }) => code).sort())].join(' ')
  }
  const versions = async (): Promise<string[]> => {
    const document = await mirror!.json(`/${name}`)
    return Object.keys(isObject(document.versions) ? document.versions : {})
  }
  const refreshed = async (): Promise<void> => mirror!.engine.trustKeeper.settled()
  const timestamps = (): number => tuf.hits.filter((hit) => hit === '/timestamp.json').length

  it('a private Sigstore by its TUF repository alone: installable, ready, and said at start', async () => {
    const { url, engine } = await start()
    publish(sigstore, '1.0.0')
    assert.equal(await outcome('1.0.0'), '200')
    assert.equal((await mirror!.get('/-/provenance/ready')).status, 200)
    const text = startUpText({ url, engine, notes: [], drain: () => undefined, close: () => Promise.resolve() }, { file: 'config.yaml', created: false }).join('\n')
    assert.ok(text.includes(`the Sigstore of ${tuf.url} over TUF`), text)
    assert.match(text, /as of 2\d{3}-/)
  })

  describe('rotation while it runs', () => {
    it('a version by a new registry key is undecided at first, then installable, without a restart', async () => {
      await start()
      publish(sigstore, '1.0.0')
      assert.deepEqual(await versions(), ['1.0.0'])
      tuf.update({ [KEYS]: bothKeys })
      const [before, after] = [sigstore, rotated].map((instance) =>
        draftOf({ name, version: '1.1.0', provenance: githubIdentity({ ref: 'refs/tags/v1.1.0' }) }, registry.url, instance),
      ) as [Draft, Draft]
      registry.add({ ...before, manifest: after.manifest })
      publish(sigstore, '1.2.0')
      assert.equal(await outcome('1.1.0'), '503 trust-material-stale')
      await refreshed()
      assert.equal(await outcome('1.1.0'), '200')
      assert.equal(await outcome('1.2.0'), '200')
    })
    it('a clock that was set back keeps no new key away', async () => {
      await start({ policy: SIGNED })
      publish(sigstore, '1.0.0')
      assert.equal(await outcome('1.0.0'), '200')
      tuf.update({ [KEYS]: bothKeys })
      publish(rotated, '1.1.0', { provenance: false })
      clock.advance(-365 * 24 * HOUR)
      assert.equal(await outcome('1.1.0'), '503 trust-material-stale')
      await refreshed()
      assert.equal(await outcome('1.1.0'), '200')
    })
    it('a version by a new Fulcio, Rekor and CT log', async () => {
      await start()
      tuf.update({ [KEYS]: bothKeys, 'trusted_root.json': bothRoots })
      publish(rotated, '1.0.0')
      assert.equal(await outcome('1.0.0'), '503 trust-material-stale')
      await refreshed()
      assert.equal(await outcome('1.0.0'), '200')
      publish(sigstore, '1.1.0')
      assert.equal(await outcome('1.1.0'), '200')
    })
    it('provenance alone by a new Sigstore', async () => {
      await start()
      tuf.update({ 'trusted_root.json': bothRoots })
      publishWithForeignProvenance()
      assert.equal(await outcome('1.0.0'), '503 trust-material-stale')
      await refreshed()
      assert.equal(await outcome('1.0.0'), '200')
    })
    it('stays listed while undecided, and in a packument that does not change afterwards', async () => {
      await start()
      tuf.update({ [KEYS]: bothKeys, 'trusted_root.json': bothRoots })
      publish(rotated, '1.0.0')
      assert.deepEqual(await versions(), ['1.0.0'])
      await refreshed()
      const listing = (await mirror!.json(`/-/provenance/v1/packages/${name}/1.0.0`)).outcome
      assert.equal(listing, 'allow')
      assert.deepEqual(await versions(), ['1.0.0'])
    })
    it('a key, CA and logs that are taken away: what rested on them is refused at once', async () => {
      await start()
      publish(sigstore, '1.0.0')
      assert.equal(await outcome('1.0.0'), '200')
      assert.deepEqual(await versions(), ['1.0.0'])
      tuf.update({ [KEYS]: rotated.registryKeysTarget(), 'trusted_root.json': rotated.trustedRoot() })
      await mirror!.engine.trustKeeper.refresh()
      assert.equal(await outcome('1.0.0'), '403 provenance-invalid publish-attestation-invalid signature-key-unknown')
      assert.equal((await mirror!.get(`/${name}`)).status, 403)
    })
    it('a CA alone that is taken away', async () => {
      await start()
      publish(sigstore, '1.0.0')
      assert.equal(await outcome('1.0.0'), '200')
      tuf.update({ 'trusted_root.json': { ...sigstore.trustedRoot(), certificateAuthorities: rotated.trustedRoot().certificateAuthorities! } })
      await mirror!.engine.trustKeeper.refresh()
      assert.equal(await outcome('1.0.0'), '403 provenance-invalid')
    })
    it('is no longer offered to clients in /-/npm/v1/keys either', async () => {
      await start()
      tuf.update({ [KEYS]: rotated.registryKeysTarget() })
      await mirror!.engine.trustKeeper.refresh()
      const { keys } = (await mirror!.json('/-/npm/v1/keys')) as { keys: { keyid: string }[] }
      assert.deepEqual(keys.map(({ keyid }) => keyid).includes(sigstore.registryKey.keyid), false)
    })
  })

  describe('what nobody knows', () => {
    it('[1d] an unknown key: undecided while asked for, then refused; never stored as undecided', async () => {
      await start({ policy: SIGNED })
      publish(rotated, '1.0.0', { provenance: false })
      assert.equal(await outcome('1.0.0'), '503 trust-material-stale')
      await refreshed()
      assert.equal(await outcome('1.0.0'), '403 signature-key-unknown')
      assert.equal((await mirror!.get(`/${name}`)).status, 403)
    })
    it('[12j] another Sigstore instance: the same', async () => {
      await start()
      publishWithForeignProvenance()
      assert.equal(await outcome('1.0.0'), '503 trust-material-stale')
      await refreshed()
      assert.equal(await outcome('1.0.0'), '403 provenance-invalid')
    })
    it('a flood of made-up keys: one refresh in ten minutes, then refusals', async () => {
      await start({ policy: SIGNED })
      const made = Array.from({ length: 20 }, (_, index) => `1.0.${String(index)}`)
      for (const version of made) publish(PrivateSigstore.create({ name: `made-up-${version}` }), version, { provenance: false })
      const before = timestamps()
      const first = await Promise.all(made.map(outcome))
      assert.deepEqual([...new Set(first)], ['503 trust-material-stale'])
      await refreshed()
      for (let minute = 0; minute < 9; minute++) {
        clock.advance(60_000)
        assert.deepEqual([...new Set(await Promise.all(made.map(outcome)))], ['403 signature-key-unknown'])
      }
      assert.equal(timestamps() - before, 1)
      clock.advance(60_001)
      assert.equal(await outcome('1.0.0'), '503 trust-material-stale')
      await refreshed()
      assert.equal(timestamps() - before, 2)
    })
    it('with TUF out of reach is refused, as offline', async () => {
      await start({ policy: SIGNED })
      tuf.down = true
      publish(rotated, '1.0.0', { provenance: false })
      assert.equal(await outcome('1.0.0'), '503 trust-material-stale')
      await refreshed()
      assert.equal(await outcome('1.0.0'), '403 signature-key-unknown')
    })
    it('with files of the operator is refused at once', async () => {
      mirror = await startTestMirror({ registry, clock, policy: SIGNED })
      publish(rotated, '1.0.0', { provenance: false })
      assert.equal(await outcome('1.0.0'), '403 signature-key-unknown')
      assert.deepEqual(tuf.hits, [])
    })
    it('a new key that comes minutes after a refresh is found once the ten minutes are over', async () => {
      await start({ policy: SIGNED })
      await mirror!.engine.trustKeeper.refresh()
      publish(sigstore, '1.0.0')
      publish(rotated, '1.1.0', { provenance: false })
      // The second time with the registry known to sign: from here on nothing but the clock changes.
      for (let time = 0; time < 2; time++) assert.deepEqual(await versions(), ['1.0.0'])
      tuf.update({ [KEYS]: bothKeys })
      clock.advance(600_001)
      assert.deepEqual(await versions(), ['1.0.0', '1.1.0'])
      await refreshed()
      assert.equal(await outcome('1.1.0'), '200')
    })
  })

  describe('without TUF', () => {
    it('at the first start nothing is decided and the mirror is not ready; then it is', async () => {
      tuf.down = true
      await start()
      publish(sigstore, '1.0.0')
      assert.equal(await outcome('1.0.0'), '503 trust-material-stale')
      assert.equal((await mirror!.get('/-/provenance/ready')).status, 503)
      tuf.down = false
      await mirror!.engine.trustKeeper.refresh()
      assert.equal(await outcome('1.0.0'), '200')
      assert.equal((await mirror!.get('/-/provenance/ready')).status, 200)
    })
    it('at a later start goes on with what was kept, and old material alone makes nobody unready', async () => {
      const { dir } = await start()
      publish(sigstore, '1.0.0')
      assert.equal(await outcome('1.0.0'), '200')
      await mirror!.close({ keep: true })
      tuf.down = true
      clock.advance(90 * 24 * HOUR)
      await start({ dir })
      assert.equal(await outcome('1.0.0'), '200')
      assert.equal((await mirror!.get('/-/provenance/ready')).status, 200)
    })
    it('a forged root is refused, and what is trusted stays', async () => {
      await start({ policy: SIGNED })
      tuf.rotate({ forged: true })
      tuf.update({ [KEYS]: bothKeys, 'trusted_root.json': bothRoots })
      publish(sigstore, '1.0.0')
      publish(rotated, '1.1.0', { provenance: false })
      assert.equal(await outcome('1.1.0'), '503 trust-material-stale')
      await refreshed()
      assert.equal(await outcome('1.1.0'), '403 signature-key-unknown')
      assert.equal(await outcome('1.0.0'), '200')
    })
  })

  describe('keys of the registry\'s own', () => {
    const trust = { trustedRoot: './root.json', offline: true }
    const uplink = { trust: { registry: REGISTRY } }
    const startPinned = async (options: Partial<TestMirrorOptions> = {}): Promise<void> => {
      mirror = await startTestMirror({ registry, clock, uplink, section: { trust }, schedule: () => () => undefined, ...options })
      await mirror.engine.trustKeeper.refresh()
    }
    it('are pinned on first use, verify, and never oblige the registry to sign', async () => {
      await startPinned()
      publish(sigstore, '1.0.0')
      publish(sigstore, '1.1.0', { signed: false, provenance: false })
      assert.equal(await outcome('1.0.0'), '200')
      assert.equal(await outcome('1.1.0'), '200')
      assert.deepEqual(await versions(), ['1.0.0', '1.1.0'])
    })
    it('stay over a restart, whatever the registry says then', async () => {
      await startPinned({ policy: SIGNED })
      publish(sigstore, '1.0.0')
      assert.equal(await outcome('1.0.0'), '200')
      await mirror!.close({ keep: true })
      registry.keys = rotated.registryKeys()
      await startPinned({ policy: SIGNED, dir: mirror!.dir })
      publish(rotated, '1.1.0', { provenance: false })
      assert.equal(await outcome('1.0.0'), '200')
      assert.equal(await outcome('1.1.0'), '403 signature-key-unknown')
    })
    it('are not looked at with a file of keys', async () => {
      registry.keys = rotated.registryKeys()
      mirror = await startTestMirror({ registry, clock, policy: SIGNED })
      await mirror.engine.trustKeeper.refresh()
      publish(rotated, '1.0.0', { provenance: false })
      assert.equal(await outcome('1.0.0'), '403 signature-key-unknown')
      assert.equal(registry.hits('/-/npm/v1/keys'), 0)
    })
  })
})
