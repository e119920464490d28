/** An upstream that lies for a while: nothing wrong is served meanwhile, and nothing it said sticks. */
import assert from 'node:assert/strict'
import { isObject, type JsonObject } from '../../plugin/domain/json.ts'
import { SqliteLedger } from '../../plugin/store/ledger.ts'
import { FakeRegistry, type PackumentEdit, type Published, type Switch } from '../support/fake-registry.ts'
import { settableClock, startTestMirror, type TestMirror } from '../support/mirror.ts'
import { EXPIRED_KEY_END, PrivateSigstore, githubIdentity } from '../support/private-sigstore.ts'

const DAY = 86_400_000
const STRICT_EVIDENCE = {
  version: 1,
  extends: 'recommended',
  defaults: { minimumReleaseAge: '0', registrySignature: 'required', provenance: 'required' },
}
const foreign = PrivateSigstore.create({ name: 'foreign-registry' })

/** Begins to lie about `name`, whose newest version is 1.1.0; returns what ends it. */
type Lie = (registry: FakeRegistry, name: string) => () => void

const behaving =
  (begin: (registry: FakeRegistry, name: string) => Switch): Lie =>
  (registry, name) => {
    const lie = begin(registry, name)
    return () => { lie.off() }
  }
/** A lie in the packument. */
const packument =
  (change: PackumentEdit): Lie =>
  (registry, name) => {
    let lying = true
    registry.edit(name, (document) => (lying ? change(document) : document))
    return () => {
      lying = false
      registry.retag(name, 'latest', '1.1.0')
    }
  }
/** A lie in the entry of 1.1.0. */
const entry = (change: (manifest: JsonObject, name: string) => JsonObject): Lie =>
  packument((document) => {
    const versions = document.versions as Readonly<Record<string, JsonObject>>
    return { ...document, versions: { ...versions, '1.1.0': change(versions['1.1.0']!, document.name as string) } }
  })
const dist = (change: (dist: JsonObject, name: string) => JsonObject): Lie =>
  entry((manifest, name) => ({ ...manifest, dist: change(manifest.dist as JsonObject, name) }))
const attestationsOf = (name: string): string => `/-/npm/v1/attestations/${name}@1.1.0`
const tarballOf = (name: string, version: string): string => `/${name}/-/${name}-${version}.tgz`

const LIES: Readonly<Record<string, Lie>> = {
  'the package is 404': behaving((registry, name) => registry.status(`/${name}`, 404)),
  'the package is garbage': behaving((registry, name) => registry.garbage(`/${name}`, '<html>')),
  'the package is another one': behaving((registry, name) => registry.garbage(`/${name}`, '{"name":"other","versions":{},"dist-tags":{}}')),
  'no versions at all': packument((document) => ({ ...document, versions: {}, time: {}, 'dist-tags': {} })),
  'a version is not in the packument': packument((document) => {
    const { '1.1.0': _gone, ...versions } = document.versions as JsonObject
    return { ...document, versions, 'dist-tags': { latest: '1.0.0' } }
  }),
  'another integrity': dist((own) => ({ ...own, integrity: `sha512-${Buffer.alloc(64, 1).toString('base64')}` })),
  'no integrity': dist(({ integrity: _integrity, ...own }) => own),
  'signatures of an unknown key': dist((own, name) => ({
    ...own,
    signatures: [{ ...foreign.signRegistry(name, '1.1.0', own.integrity as string) }],
  })),
  'signatures of another version': (registry, name) =>
    dist((own) => ({ ...own, signatures: [{ ...registry.sigstore.signRegistry(name, '1.0.0', own.integrity as string) }] }))(registry, name),
  'no signatures': dist(({ signatures: _signatures, ...own }) => own),
  'no evidence': dist(({ signatures: _signatures, attestations: _attestations, ...own }) => own),
  'provenance of an unknown type': dist((own) => ({
    ...own,
    attestations: { ...(own.attestations as JsonObject), provenance: { predicateType: 'https://example.test/none' } },
  })),
  'attestations are 404': behaving((registry, name) => registry.status(attestationsOf(name), 404)),
  'attestations are 500': behaving((registry, name) => registry.status(attestationsOf(name), 500)),
  'attestations are garbage': behaving((registry, name) => registry.garbage(attestationsOf(name), 'null')),
  'attestations are an empty list': behaving((registry, name) => registry.garbage(attestationsOf(name), '{"attestations":[]}')),
  'attestations of another version': behaving((registry, name) => registry.behave(attestationsOf(name), (response) => {
    void fetch(`${registry.url}${attestationsOf(name).replace('1.1.0', '1.0.0')}`)
      .then((answer) => answer.text())
      .then((body) => { response.writeHead(200, { 'content-type': 'application/json' }).end(body) })
  })),
  'other bytes': behaving((registry, name) => registry.garbage(tarballOf(name, '1.1.0'), 'other bytes')),
  'no bytes': behaving((registry, name) => registry.status(tarballOf(name, '1.1.0'), 404)),
  'half of the bytes': behaving((registry, name) => registry.cut(tarballOf(name, '1.1.0'))),
  'a dependency more': entry((manifest) => ({ ...manifest, dependencies: { 'evil-package': '^1.0.0' } })),
  'another name in the entry': entry((manifest) => ({ ...manifest, name: 'other' })),
  'the tarball elsewhere': dist((own) => ({ ...own, tarball: 'https://evil.test/widget-1.1.0.tgz' })),
}

describe('lies: nothing an upstream says for a while sticks', function () {
  this.timeout(20_000)
  let registry: FakeRegistry
  let mirror: TestMirror
  const start = new Date()

  const publishBoth = (name: string): readonly Published[] =>
    ['1.0.0', '1.1.0'].map((version) => registry.publish({ name, version, provenance: githubIdentity({ ref: `refs/tags/v${version}` }) }))
  const versions = async (name: string): Promise<string[]> => {
    const document = await mirror.json(`/${name}`)
    return Object.keys(isObject(document.versions) ? document.versions : {})
  }
  const codes = async (where: string): Promise<string[]> => {
    const body = (await (await mirror.get(where)).json()) as { reasons?: { code: string }[] }
    return (body.reasons ?? []).map(({ code }) => code)
  }
  /** The status; whatever is served is what was published. */
  const fetched = async ({ name, version, tarball }: Published): Promise<number> => {
    const response = await mirror.get(tarballOf(name, version))
    const body = Buffer.from(await response.arrayBuffer())
    if (response.status === 200) assert.deepEqual(body, tarball)
    return response.status
  }

  describe('each kind of lie', () => {
    const clock = settableClock(start)
    before(async () => {
      registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
      mirror = await startTestMirror({ registry, clock, policy: STRICT_EVIDENCE })
    })
    after(async () => {
      await mirror.close()
      await registry.close()
    })
    for (const [index, [title, lie]] of Object.entries(LIES).entries())
      for (const known of [false, true])
        it(`${title}, ${known ? 'of a package known before' : 'on first contact'}: installable when it is over`, async () => {
          const name = `lie-${String(index)}-${known ? 'known' : 'new'}`
          const published = publishBoth(name)
          if (known) assert.deepEqual(await versions(name), ['1.0.0', '1.1.0'])
          const end = lie(registry, name)
          await mirror.get(`/${name}`)
          const [older, newer] = await Promise.all(published.map(fetched))
          assert.ok([200, 403, 404, 503].includes(older!) && [200, 403, 404, 503].includes(newer!))
          await mirror.get(`/${name}`)
          end()
          // As long as any answer that is not a document is kept (30 s), and as a suspicion (5 min).
          clock.advance(5 * 60_000)
          assert.deepEqual(await versions(name), ['1.0.0', '1.1.0'])
          assert.deepEqual(await Promise.all(published.map(fetched)), [200, 200])
        })
  })

  describe('one mirror each', () => {
    beforeEach(async () => {
      registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    })
    afterEach(async () => {
      await mirror.close()
      await registry.close()
    })

    it('attestations that were missing once are asked for again, though the packument stays the same', async () => {
      const clock = settableClock(start)
      mirror = await startTestMirror({ registry, clock, policy: STRICT_EVIDENCE })
      publishBoth('widget')
      const lie = registry.status(/attestations/, 404)
      // Twice: the first one also finds that the registry signs, which alone makes a new listing.
      for (let time = 0; time < 2; time++) assert.deepEqual(await codes('/widget'), ['attestation-missing'])
      lie.off()
      clock.advance(30_000)
      assert.deepEqual(await versions('widget'), ['1.0.0', '1.1.0'])
    })

    it('[20a] a manifest that lied is listed again with the first honest answer', async () => {
      mirror = await startTestMirror({ registry, policy: STRICT_EVIDENCE })
      const [, newer] = publishBoth('widget')
      const end = LIES['a dependency more']!(registry, 'widget')
      assert.equal(await fetched(newer!), 403)
      assert.deepEqual(await versions('widget'), ['1.0.0'])
      end()
      assert.deepEqual(await versions('widget'), ['1.0.0', '1.1.0'])
    })

    const origins = {
      'a signature verified': { policy: STRICT_EVIDENCE, ask: '/widget', options: {} },
      'an attestation verified': {
        policy: { version: 1, extends: 'recommended', defaults: { minimumReleaseAge: '0', registrySignature: 'ignore' } },
        ask: '/widget',
        options: { signed: false },
      },
      'the bytes were served': {
        policy: { version: 1, extends: 'recommended', defaults: { minimumReleaseAge: '0' } },
        ask: '/widget/-/widget-1.0.0.tgz',
        options: { signed: false, provenance: false },
      },
    } as const
    for (const [title, { policy, ask, options }] of Object.entries(origins))
      it(`[3d] the first integrity stays, whatever comes: ${title}`, async () => {
        mirror = await startTestMirror({ registry, policy })
        const identity = githubIdentity({ ref: 'refs/tags/v1.0.0' })
        const first = { name: 'widget', version: '1.0.0', provenance: identity, ...options } as const
        const genuine = registry.publish(first)
        assert.equal((await mirror.get(ask)).status, 200)
        for (let attempt = 0; attempt < 2; attempt++) {
          registry.publish({ name: 'widget', version: '1.0.0', provenance: identity, files: { 'package/other.js': String(attempt) } })
          assert.deepEqual(await codes('/widget/-/widget-1.0.0.tgz'), ['integrity-changed'])
          assert.deepEqual(await codes('/widget'), ['integrity-changed'])
        }
        await mirror.close({ keep: true })
        mirror = await startTestMirror({ registry, policy, dir: mirror.dir })
        assert.deepEqual(await codes('/widget/-/widget-1.0.0.tgz'), ['integrity-changed'])
        registry.publish(first)
        assert.equal(await fetched(genuine), 200)
      })

    it('what an operator resets while the mirror runs is judged anew, and remembered anew', async () => {
      mirror = await startTestMirror({ registry, policy: STRICT_EVIDENCE })
      const publish = (more: object = {}) =>
        registry.publish({ name: 'widget', version: '1.0.0', provenance: githubIdentity({ ref: 'refs/tags/v1.0.0' }), ...more })
      publish()
      assert.deepEqual(await versions('widget'), ['1.0.0'])
      publish({ files: { 'package/other.js': '1' } })
      assert.deepEqual(await codes('/widget'), ['integrity-changed'])
      forget('widget', '1.0.0')
      assert.deepEqual(await versions('widget'), ['1.0.0'])
      assert.equal((await mirror.get('/widget/-/widget-1.0.0.tgz')).status, 200)
      publish()
      assert.deepEqual(await codes('/widget/-/widget-1.0.0.tgz'), ['integrity-changed'])
    })

    it('after a reset, evidence whose facts were kept enters the ledger again', async () => {
      mirror = await startTestMirror({ registry, policy: STRICT_EVIDENCE })
      const [, newer] = publishBoth('widget')
      assert.equal(await fetched(newer!), 200)
      forget('widget')
      assert.equal(await fetched(newer!), 200)
      const end = LIES['no evidence']!(registry, 'widget')
      const missing = registry.status(/attestations/, 404)
      assert.equal(await fetched(newer!), 200)
      missing.off()
      end()
    })

    it('[1i] an omission makes what an expired key signed look new; only an operator can tell, and a reset mends it', async () => {
      mirror = await startTestMirror({ registry })
      const before = new Date(new Date(EXPIRED_KEY_END).getTime() - DAY)
      for (const version of ['1.0.0', '1.1.0']) registry.publish({ name: 'widget', version, time: before, fault: '1i', provenance: false })
      const end = LIES['a version is not in the packument']!(registry, 'widget')
      await versions('widget')
      end()
      assert.deepEqual(await codes('/widget/-/widget-1.1.0.tgz'), ['signature-key-expired'])
      forget('widget', '1.1.0')
      assert.equal((await mirror.get('/widget/-/widget-1.1.0.tgz')).status, 200)
    })
  })

  /** As `ledger reset` does it: another connection to the same file. */
  function forget(name: string, version?: string): void {
    const ledger = new SqliteLedger({ file: mirror.engine.configuration.database })
    assert.equal(ledger.reset({ name, version, reason: 'a test', at: new Date() }).length, 1)
    ledger.close()
  }
})
