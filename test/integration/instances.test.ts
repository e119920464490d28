/** Several Sigstore instances through a whole mirror: who may vouch for what, over restarts, rotations and failures. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { settableClock, startTestMirror, type TestMirror } from '../support/mirror.ts'
import { githubIdentity, mergeTrustedRoots, PrivateSigstore, REGISTRY, type TufServer } from '../support/private-sigstore.ts'
import { bundleFor, publishBody, sendPublish, withBundle } from '../support/publish.ts'
import { register } from '../support/raw.ts'
import { draftOf } from '../support/registry/draft.ts'

const HOUR = 3_600_000
const POLICY = { version: 1, extends: 'recommended', defaults: { minimumReleaseAge: '0', provenance: 'required', trustDowngrade: 'allow' } }
const OURS = '@acme/widget'
const THEIRS = 'left'

describe('several Sigstore instances', function () {
  this.timeout(20_000)
  const sigstore = PrivateSigstore.create()
  const acme = PrivateSigstore.create({ name: 'acme' })
  const next = PrivateSigstore.create({ name: 'acme-next' })
  let registry: FakeRegistry
  let mirror: TestMirror | undefined
  let dir: string
  let clock: ReturnType<typeof settableClock>

  beforeEach(async () => {
    registry = await FakeRegistry.start({ sigstore })
    dir = mkdtempSync(path.join(tmpdir(), 'instances-'))
    mkdirSync(dir, { recursive: true })
    clock = settableClock(new Date())
    rootIs(acme.trustedRoot())
  })
  afterEach(async () => {
    await mirror?.close()
    mirror = undefined
    await registry.close()
    rmSync(dir, { recursive: true, force: true })
  })

  const rootIs = (root: JsonObject): void => { writeFileSync(path.join(dir, 'acme.json'), JSON.stringify(root)) }
  const ACME = { name: 'acme', trustedRoot: './acme.json', packages: ['@acme/*'] }
  const start = async (instances: readonly JsonObject[] = [ACME]): Promise<TestMirror> => {
    await mirror?.close({ keep: true })
    return (mirror = await startTestMirror({ registry, clock, dir, policy: POLICY, section: { trust: { trustedRoot: './root.json', instances } } }))
  }
  /** Signed by the registry; built under an instance of Sigstore. */
  const publish = (by: PrivateSigstore, name: string, version = '1.0.0'): void => {
    const options = { name, version, publishAttestation: false, provenance: githubIdentity({ ref: `refs/tags/v${version}` }) }
    const { document } = draftOf(options, registry.url, by)
    registry.add({ ...draftOf(options, registry.url, sigstore), document })
  }
  const outcome = async (name: string, version = '1.0.0'): Promise<string> => {
    const response = await mirror!.get(`/${name}/-/${name.split('/').at(-1) ?? ''}-${version}.tgz`)
    const body = response.status === 200 ? {} : ((await response.json()) as { reasons?: { code: string; detail?: { cause?: string } }[] })
    return [response.status, ...new Set((body.reasons ?? []).map(({ code, detail }) => [code, detail?.cause].filter((part) => part !== undefined).join(' ')))].join(' ')
  }
  const NOT_HERE = '403 provenance-invalid instance-not-allowed'

  describe('each vouches for its packages', () => {
    it('[12j] and for no others, and is named in what is explained, recorded and logged', async () => {
      await start()
      publish(acme, OURS)
      publish(sigstore, THEIRS)
      publish(acme, 'right')
      publish(sigstore, '@acme/other')
      assert.deepEqual([await outcome(OURS), await outcome(THEIRS)], ['200', '200'])
      const factsOf = async (name: string): Promise<JsonObject> =>
        ((await mirror!.json(`/-/provenance/v1/packages/${name.replace('/', '%2f')}/1.0.0`)) as { evidence: { provenance: { facts: JsonObject } } }).evidence.provenance.facts
      assert.equal((await factsOf(OURS)).instance, 'acme')
      assert.equal('instance' in (await factsOf(THEIRS)), false)
      assert.deepEqual(mirror!.decisions.map(({ kind, ref, sigstore: by }) => [kind, ref.name, by]), [['warned', OURS, 'acme'], ['warned', THEIRS, undefined]])
      assert.deepEqual([await outcome('@acme/other'), await outcome('right')], [NOT_HERE, NOT_HERE])
    })
    it('beside the default one where it is not exclusive, during a migration', async () => {
      await start([{ ...ACME, exclusive: false }])
      publish(sigstore, OURS)
      publish(acme, OURS, '1.1.0')
      assert.deepEqual([await outcome(OURS), await outcome(OURS, '1.1.0')], ['200', '200'])
    })
    it('of its uplinks alone', async () => {
      await start([{ ...ACME, uplinks: [] }])
      publish(acme, OURS)
      assert.equal(await outcome(OURS), NOT_HERE)
    })
  })

  describe('[12j] what was verified before, by an instance that may not vouch any more', () => {
    it('of the organisation: does not count once it is gone, or is for other packages, and counts again', async () => {
      await start()
      publish(acme, OURS)
      assert.equal(await outcome(OURS), '200')
      await start([])
      assert.equal(await outcome(OURS), '403 provenance-invalid unknown-anchor')
      await start([{ ...ACME, packages: ['@acme/other'] }])
      assert.equal(await outcome(OURS), NOT_HERE)
      await start()
      assert.equal(await outcome(OURS), '200')
    })
    it('the default one: does not count for packages that only another may vouch for from then on', async () => {
      await start([])
      publish(sigstore, OURS)
      assert.equal(await outcome(OURS), '200')
      await start()
      assert.equal(await outcome(OURS), NOT_HERE)
    })
    it('under the same name with another root: does not count', async () => {
      await start()
      publish(acme, OURS)
      assert.equal(await outcome(OURS), '200')
      rootIs(next.trustedRoot())
      await start()
      assert.equal(await outcome(OURS), '403 provenance-invalid unknown-anchor')
    })
  })

  describe('a rotation with overlap', () => {
    it('old evidence verifies and new does too; once the old parts are gone, only the new', async () => {
      await start()
      publish(acme, OURS)
      assert.equal(await outcome(OURS), '200')
      rootIs(mergeTrustedRoots(acme.trustedRoot(), next.trustedRoot()))
      await start()
      publish(next, OURS, '1.1.0')
      assert.deepEqual([await outcome(OURS), await outcome(OURS, '1.1.0')], ['200', '200'])
      rootIs(next.trustedRoot())
      await start()
      assert.deepEqual([await outcome(OURS), await outcome(OURS, '1.1.0')], ['403 provenance-invalid unknown-anchor', '200'])
    })
    it('a part with an end goes on vouching for what was signed before it, and for nothing after', async () => {
      const root = acme.trustedRoot()
      const end = new Date(clock.now().getTime() - 24 * HOUR).toISOString()
      const ended = (root.certificateAuthorities as readonly JsonObject[]).map((one) => ({ ...one, validFor: { start: '2020-01-01T00:00:00.000Z', end } }))
      rootIs({ ...root, certificateAuthorities: ended })
      await start()
      publish(acme, OURS)
      assert.equal(await outcome(OURS), '200')
      registry.add(draftOf({ name: OURS, version: '1.1.0', publishAttestation: false, time: clock.now(), provenance: githubIdentity({ ref: 'refs/tags/v1.1.0' }) }, registry.url, acme))
      assert.match(await outcome(OURS, '1.1.0'), /^403 .*provenance-invalid/)
    })
  })

  describe('over TUF', () => {
    let tuf: TufServer
    beforeEach(async () => { tuf = await acme.serveTUF() })
    afterEach(() => tuf.close())
    const overTuf = (): JsonObject => ({ name: 'acme', tuf: { mirror: tuf.url, root: tuf.rootPath }, packages: ['@acme/*'] })
    const metric = async (series: string): Promise<string | undefined> => {
      const text = await (await mirror!.get('/-/provenance/metrics')).text()
      return text.split('\n').find((line) => line.startsWith(`${series} `))?.split(' ').at(-1)
    }

    it('one that cannot be reached takes away its packages alone: told, and the mirror stays ready', async () => {
      tuf.down = true
      await start([overTuf()])
      publish(acme, OURS)
      publish(sigstore, THEIRS)
      assert.deepEqual([await outcome(OURS), await outcome(THEIRS)], ['503 trust-material-stale', '200'])
      const ready = await mirror!.get('/-/provenance/ready')
      const { warnings, problems } = (await ready.json()) as { warnings: string[]; problems: string[] }
      assert.deepEqual([ready.status, problems, warnings.length], [200, [], 1])
      assert.match(String(warnings[0]), /^Sigstore instance acme: /)
      assert.deepEqual([await metric('provenance_sigstore_up{sigstore="default"}'), await metric('provenance_sigstore_up{sigstore="acme"}')], ['1', '0'])
      tuf.down = false
      await mirror!.engine.trustKeeper.refresh()
      assert.equal(await outcome(OURS), '200')
    })
    it('a new certificate authority is found without a restart, by the first version that it certified', async () => {
      await start([overTuf()])
      clock.advance(HOUR)
      tuf.update({ 'trusted_root.json': mergeTrustedRoots(acme.trustedRoot(), next.trustedRoot()) })
      publish(acme, OURS)
      publish(next, OURS, '1.1.0')
      assert.equal(await outcome(OURS, '1.1.0'), '503 trust-material-stale')
      await mirror!.engine.trustKeeper.settled()
      assert.deepEqual([await outcome(OURS, '1.1.0'), await outcome(OURS)], ['200', '200'])
    })
    it('provenance of an instance that is known and not allowed is refused at once: nobody is asked for newer', async () => {
      await start([overTuf()])
      clock.advance(HOUR)
      const before = tuf.hits.length
      publish(acme, THEIRS)
      assert.equal(await outcome(THEIRS), NOT_HERE)
      assert.equal(tuf.hits.length, before)
    })
  })

  describe('published here', () => {
    const send = async (by: PrivateSigstore, name: string): Promise<number> => {
      const token = await register(mirror!.url, `user${String(Math.random()).slice(2)}`)
      const options = { name, version: '1.0.0' }
      const plain = publishBody(options)
      const publication = withBundle(plain, bundleFor(by, options, plain.bytes, githubIdentity({ ref: 'refs/tags/v1.0.0' })))
      return (await sendPublish(mirror!.url, token, publication)).status
    }
    it('by the instance of its packages, and shown at the mirror\'s own address alone', async () => {
      await start()
      assert.equal(await send(acme, OURS), 201)
      const escaped = OURS.replace('/', '%2f')
      assert.equal((await mirror!.get(`/-/npm/v1/attestations/${escaped}@1.0.0`)).status, 404)
      assert.equal((await mirror!.get(`/-/provenance/v1/attestations/${escaped}@1.0.0`)).status, 200)
    })
    it('by another: refused', async () => {
      await start()
      assert.deepEqual([await send(sigstore, OURS), await send(acme, 'ours-too')], [403, 403])
    })
    it('not where the instance is for what comes from uplinks', async () => {
      await start([{ ...ACME, local: false }])
      assert.equal(await send(acme, OURS), 403)
    })
  })

  it('is said on the overview, with what ends', async () => {
    const root = acme.trustedRoot()
    const end = new Date(clock.now().getTime() + 20 * 24 * HOUR).toISOString()
    rootIs({ ...root, certificateAuthorities: (root.certificateAuthorities as readonly JsonObject[]).map((one) => ({ ...one, validFor: { start: '2020-01-01T00:00:00.000Z', end } })) })
    await start()
    const { engine } = mirror!
    assert.deepEqual(engine.trustKeeper.alarms.map(({ of, kind, stage }) => [of, kind, stage]), [['instance:acme', 'ca', 30]])
    assert.deepEqual(engine.configuration.uplinks.map(({ registry: of }) => of), [REGISTRY])
  })
})
