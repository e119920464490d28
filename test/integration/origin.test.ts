/** Several uplinks: the first that has a name owns it, its versions are never mixed with another's, and a change of owner is refused. */
import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { isObject, type JsonObject } from '../../plugin/domain/json.ts'
import { SqliteLedger } from '../../plugin/store/ledger.ts'
import { FakeRegistry, type PublishOptions } from '../support/fake-registry.ts'
import { settableClock, startTestMirror, type TestMirror, type TestMirrorOptions } from '../support/mirror.ts'
import { PrivateSigstore, REGISTRY } from '../support/private-sigstore.ts'

const PAST_ABSENT = 31_000
const PUBLIC_FIRST = { '**': ['public', 'fake'] }

describe('origin: one name, one registry', function () {
  this.timeout(20_000)
  const name = 'widget'
  const tarball = `/${name}/-/${name}-1.0.0.tgz`
  let ours: FakeRegistry
  let open: FakeRegistry
  let clock: ReturnType<typeof settableClock>
  let mirror: TestMirror

  beforeEach(async () => {
    clock = settableClock(new Date())
    ours = await FakeRegistry.start({ sigstore: PrivateSigstore.create(), name: 'ours' })
    open = await FakeRegistry.start({ sigstore: PrivateSigstore.create({ name: 'public' }), name: 'public' })
  })
  afterEach(async () => {
    await mirror.close()
    await Promise.all([ours.close(), open.close()])
  })

  /** `fake` is the private registry, `public` everybody's; the private one is asked first. */
  const start = async (options: Partial<TestMirrorOptions> = {}): Promise<void> => {
    mirror = await startTestMirror({ registry: ours, registries: { public: open }, clock, ...options })
  }
  const publish = (registry: FakeRegistry, version: string, more: Partial<PublishOptions> = {}): void => {
    registry.publish({ name, version, ...more })
  }
  const versions = async (): Promise<readonly string[] | number> => {
    const response = await mirror.get(`/${name}`)
    if (response.status !== 200) return response.status
    const { versions: listed } = (await response.json()) as JsonObject
    return Object.keys(isObject(listed) ? listed : {})
  }
  const codes = async (where: string): Promise<readonly unknown[]> => {
    const response = await mirror.get(where)
    const { reasons = [] } = (await response.json()) as { reasons?: { code: string }[] }
    return [response.status, ...reasons.map(({ code }) => code)]
  }
  const reset = (): void => {
    const ledger = new SqliteLedger({ file: path.join(mirror.dir, 'provenance.db') })
    ledger.reset({ name, version: undefined, reason: 'moved', at: clock.now() })
    ledger.close()
  }

  describe('who is asked', () => {
    const FAILURES: readonly (readonly [string, () => unknown])[] = [
      ['times out', () => ours.hang(`/${name}`)],
      ['breaks the connection', () => { ours.down = true }],
      ...[401, 403, 429, 500, 503].map((code) => [`answers ${code}`, () => ours.status(`/${name}`, code)] as const),
      ['sends garbage', () => ours.garbage(`/${name}`, '<html>busy</html>')],
      ['sends a packument of another package', () => ours.garbage(`/${name}`, '{"name":"gadget","versions":{}}')],
      ['sends half of it', () => ours.cut(`/${name}`)],
    ]
    for (const [what, fail] of FAILURES)
      it(`[21a] the private one ${what}: 503, and the public one is not asked`, async () => {
        await start({ uplinks: { fake: { timeout: '250ms' } } })
        publish(ours, '1.0.0')
        publish(open, '9.9.9')
        fail()
        assert.deepEqual(await codes(`/${name}`), [503, 'evidence-unavailable'])
        assert.deepEqual(await codes(`/${name}/-/${name}-9.9.9.tgz`), [503, 'evidence-unavailable'])
        assert.equal(open.requests.length, 0)
      })

    it('404 moves on', async () => {
      await start()
      publish(open, '1.0.0')
      assert.deepEqual(await versions(), ['1.0.0'])
      assert.equal((await mirror.get(tarball)).status, 200)
    })

    it('[21d] versions of two origins are never merged', async () => {
      await start()
      publish(ours, '1.0.0')
      publish(open, '9.9.9')
      assert.deepEqual(await versions(), ['1.0.0'])
      assert.deepEqual(await codes(`/${name}/-/${name}-9.9.9.tgz`), [404])
      assert.equal((await mirror.get(tarball)).status, 200)
      assert.equal(open.requests.length, 0)
    })

    it('a name that no glob gives to an uplink is asked of nobody', async () => {
      await start({ packages: { 'other-*': ['public'] } })
      publish(ours, '1.0.0')
      assert.equal(await versions(), 404)
      assert.equal(ours.requests.length, 0)
    })
  })

  describe('whose keys', () => {
    const withKeyOf = (registry: FakeRegistry, keyid: string): JsonObject => {
      const { keys } = registry.sigstore.registryKeys() as { keys: JsonObject[] }
      return { keys: keys.map((key) => (key.keyid === registry.sigstore.registryKey.keyid ? { ...key, keyid } : key)) }
    }
    /** Both registries have a key of this id, and the keys are others. */
    const startWithOneKeyid = async (): Promise<string> => {
      const { keyid } = ours.sigstore.registryKey
      const dir = mkdtempSync(path.join(tmpdir(), 'mirror-'))
      writeFileSync(path.join(dir, 'same.json'), JSON.stringify(withKeyOf(open, keyid)))
      const policy = { version: 1, extends: 'recommended', defaults: { minimumReleaseAge: '0', registrySignature: 'required' } }
      await start({ dir, policy, uplinks: { public: { trust: { registry: 'https://public.example', registryKeys: './same.json' } } } })
      return keyid
    }
    const resigned = (registry: FakeRegistry, signer: FakeRegistry, keyid: string, of: string): void => {
      const { integrity } = registry.publish({ name: of, version: '1.0.0' })
      registry.edit(of, (packument) => {
        const entry = (packument.versions as Record<string, { dist: JsonObject }>)['1.0.0']!
        const { sig } = signer.sigstore.signRegistry(of, '1.0.0', integrity)
        return { ...packument, versions: { '1.0.0': { ...entry, dist: { ...entry.dist, signatures: [{ keyid, sig }] } } } }
      })
    }

    it('each uplink is verified with its own keys, also where ids collide', async () => {
      const keyid = await startWithOneKeyid()
      resigned(ours, ours, keyid, 'private-one')
      resigned(open, open, keyid, 'public-one')
      assert.equal((await mirror.get('/private-one/-/private-one-1.0.0.tgz')).status, 200)
      assert.equal((await mirror.get('/public-one/-/public-one-1.0.0.tgz')).status, 200)
    })

    it('[1e] the other uplink\'s key signs nothing here', async () => {
      const keyid = await startWithOneKeyid()
      resigned(open, ours, keyid, name)
      assert.deepEqual(await codes(tarball), [403, 'signature-invalid'])
    })

    it('[5c] nor is a publish attestation of another registry', async () => {
      await start({ policy: { version: 1, extends: 'recommended', defaults: { minimumReleaseAge: '0', publishAttestation: 'required' } } })
      // Its publish attestation names the private registry.
      publish(open, '1.0.0', { publishAttestation: true })
      assert.equal((await codes(tarball))[0], 403)
    })
  })

  describe('another owner than before', () => {
    it('[21b] a public name appears later above a private one that was verified', async () => {
      await start({ packages: PUBLIC_FIRST })
      publish(ours, '1.0.0')
      assert.deepEqual(await versions(), ['1.0.0'])
      publish(open, '9.9.9')
      clock.advance(PAST_ABSENT)
      assert.deepEqual(await codes(`/${name}`), [403, 'origin-changed'])
      assert.deepEqual(await codes(`/${name}/-/${name}-9.9.9.tgz`), [403, 'origin-changed'])
    })

    it('[21b] and above one that was served though nothing signed it', async () => {
      await start({ packages: PUBLIC_FIRST })
      publish(ours, '1.0.0', { signed: false })
      assert.equal((await mirror.get(tarball)).status, 200)
      publish(open, '9.9.9')
      clock.advance(PAST_ABSENT)
      assert.deepEqual(await codes(`/${name}`), [403, 'origin-changed'])
    })

    it('[21b] the private one answers 404 for a while: nothing of the public one, and then everything as before', async () => {
      await start()
      publish(ours, '1.0.0')
      publish(open, '1.0.0', { files: { 'package/evil.js': '1' } })
      assert.deepEqual(await versions(), ['1.0.0'])
      const lie = ours.status(`/${name}`, 404)
      assert.deepEqual(await codes(`/${name}`), [403, 'origin-changed'])
      assert.deepEqual(await codes(tarball), [403, 'origin-changed'])
      lie.off()
      clock.advance(PAST_ABSENT)
      assert.deepEqual(await versions(), ['1.0.0'])
      assert.equal((await mirror.get(tarball)).status, 200)
    })

    it('[21b] is remembered over a restart', async () => {
      await start()
      publish(ours, '1.0.0')
      await versions()
      await mirror.close({ keep: true })
      publish(open, '9.9.9')
      ours.unpublish(name)
      await start({ dir: mirror.dir })
      assert.deepEqual(await codes(`/${name}`), [403, 'origin-changed'])
    })

    it('a mere answer makes nobody the owner', async () => {
      await start()
      publish(open, '9.9.9', { signed: false })
      assert.deepEqual(await versions(), ['9.9.9'])
      publish(ours, '1.0.0')
      clock.advance(PAST_ABSENT)
      assert.deepEqual(await versions(), ['1.0.0'])
      assert.equal((await mirror.get(tarball)).status, 200)
    })

    it('nor does an answer that was refused', async () => {
      const sourceRepository = 'https://github.com/acme/*'
      await start({ policy: { version: 1, extends: 'recommended', defaults: { minimumReleaseAge: '0' }, rules: [
        { name: 'signed by nobody', packages: ['**'], require: { registrySignature: 'ignore', provenance: { sourceRepository } } },
      ] } })
      publish(open, '9.9.9', { signed: false })
      assert.equal((await mirror.get(`/${name}/-/${name}-9.9.9.tgz`)).status, 403)
      assert.deepEqual(new SqliteLedger({ file: path.join(mirror.dir, 'provenance.db') }).origin(name), undefined)
    })

    it('an uplink by another name, for the same registry, is no change', async () => {
      await start()
      publish(ours, '1.0.0')
      await versions()
      await mirror.close({ keep: true })
      const trust = { registry: REGISTRY, registryKeys: './keys.json' }
      await start({ dir: mirror.dir, registries: { renamed: ours }, packages: { '**': ['renamed'] }, uplinks: { renamed: { trust } } })
      assert.deepEqual(await versions(), ['1.0.0'])
      assert.equal((await mirror.get(tarball)).status, 200)
    })

    it('a package that an operator moved is refused until he says so, and says from where to where', async () => {
      await start({ packages: { '**': ['fake'] } })
      publish(ours, '1.0.0')
      await versions()
      await mirror.close({ keep: true })
      publish(open, '2.0.0')
      await start({ dir: mirror.dir, packages: { '**': ['public'] } })
      const { reasons } = (await mirror.json(`/${name}`)) as unknown as { reasons: { code: string; detail: JsonObject }[] }
      assert.deepEqual(reasons[0]?.detail, { expected: new URL(REGISTRY).host, actual: 'public.example' })
      reset()
      assert.deepEqual(await versions(), ['2.0.0'])
      assert.equal((await mirror.get(`/${name}/-/${name}-2.0.0.tgz`)).status, 200)
    })

    it('[21b] what the new owner has is then the owner\'s: the old one is refused in turn', async () => {
      await start({ packages: PUBLIC_FIRST })
      publish(ours, '1.0.0')
      await versions()
      publish(open, '2.0.0')
      clock.advance(PAST_ABSENT)
      await versions()
      reset()
      assert.deepEqual(await versions(), ['2.0.0'])
      open.unpublish(name)
      assert.deepEqual(await codes(`/${name}`), [403, 'origin-changed'])
    })
  })
})
