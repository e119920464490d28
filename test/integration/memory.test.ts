/** What the mirror remembers: sequences of upstream answers, restarts and outages. */
import assert from 'node:assert/strict'
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { isObject } from '../../plugin/domain/json.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { settableClock, startTestMirror, type TestMirror } from '../support/mirror.ts'
import { EXPIRED_KEY_END, PrivateSigstore, githubIdentity } from '../support/private-sigstore.ts'

const DAY = 86_400_000
const STRICT_EVIDENCE = {
  version: 1,
  extends: 'recommended',
  defaults: { minimumReleaseAge: '0', registrySignature: 'required', provenance: 'required', manifestRepository: 'ignore' },
}

describe('memory: what the mirror has seen', function () {
  this.timeout(20_000)
  const name = 'widget'
  const tarball = `/${name}/-/${name}-1.0.0.tgz`
  let registry: FakeRegistry
  let mirror: TestMirror

  beforeEach(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
  })
  afterEach(async () => {
    await mirror.close()
    await registry.close()
  })

  const publish = (version = '1.0.0', more: object = {}) =>
    registry.publish({ name, version, provenance: githubIdentity({ ref: `refs/tags/v${version}` }), ...more })
  const versions = async (): Promise<string[]> => {
    const document = await mirror.json(`/${name}`)
    return Object.keys(isObject(document.versions) ? document.versions : {})
  }
  const codes = async (where: string): Promise<string[]> => {
    const body = (await (await mirror.get(where)).json()) as { reasons?: { code: string }[] }
    return (body.reasons ?? []).map(({ code }) => code)
  }
  const forgetTarballs = (): void => {
    rmSync(path.join(mirror.dir, 'cache', 'tarballs'), { recursive: true })
  }

  it('[1i] a key that expired before the version can have existed, though its time is backdated', async () => {
    const clock = settableClock(new Date(Date.now()))
    mirror = await startTestMirror({ registry, clock })
    registry.publish({ name, version: '1.0.0' })
    await versions()
    clock.advance(DAY)
    registry.publish({ name, version: '1.1.0', fault: '1i', provenance: false })
    assert.deepEqual(await versions(), ['1.0.0'])
    assert.deepEqual(await codes(`/${name}/-/${name}-1.1.0.tgz`), ['signature-key-expired'])
  })

  it('serves what an expired key signed while it was valid', async () => {
    mirror = await startTestMirror({ registry })
    const before = new Date(new Date(EXPIRED_KEY_END).getTime() - DAY)
    registry.publish({ name, version: '1.0.0', time: before, fault: '1i', provenance: false })
    assert.equal((await mirror.get(tarball)).status, 200)
  })

  it('[3c] good first answer, bad second', async () => {
    mirror = await startTestMirror({ registry })
    publish('1.0.0', { fault: '3c' })
    assert.equal((await mirror.get(tarball)).status, 200)
    assert.equal((await mirror.get(tarball)).status, 200)
    await mirror.close({ keep: true })
    forgetTarballs()
    mirror = await startTestMirror({ registry, dir: mirror.dir })
    assert.deepEqual(await codes(tarball), ['integrity-mismatch'])
  })

  it('an upstream that sent wrong bytes once has not spoiled the version', async () => {
    mirror = await startTestMirror({ registry })
    publish()
    const lie = registry.garbage(tarball, 'other bytes')
    assert.deepEqual(await codes(tarball), ['integrity-mismatch'])
    assert.deepEqual((await mirror.get(`/${name}`)).status, 403)
    lie.off()
    assert.equal((await mirror.get(tarball)).status, 200)
    assert.deepEqual(await versions(), ['1.0.0'])
  })

  it('[3d] other bytes under a known version', async () => {
    mirror = await startTestMirror({ registry })
    publish()
    assert.equal((await mirror.get(tarball)).status, 200)
    publish('1.0.0', { fault: '3d' })
    assert.deepEqual(await codes(tarball), ['integrity-changed'])
    assert.equal((await mirror.get(`/${name}`)).status, 403)
  })

  it('[3d] other bytes under a version whose signature was verified and whose tarball never was asked for', async () => {
    mirror = await startTestMirror({ registry })
    publish()
    await versions()
    publish('1.0.0', { fault: '3d' })
    assert.deepEqual(await codes(tarball), ['integrity-changed'])
  })

  it('an unsigned integrity that nobody was served does not stick', async () => {
    mirror = await startTestMirror({ registry })
    registry.publish({ name, version: '1.0.0', signed: false })
    await versions()
    registry.publish({ name, version: '1.0.0', signed: false, files: { 'package/other.js': '1' } })
    assert.equal((await mirror.get(tarball)).status, 200)
  })

  it('[6h] evidence verified before and now gone for the same bytes: still served, with a warning', async () => {
    mirror = await startTestMirror({ registry, policy: STRICT_EVIDENCE })
    publish()
    assert.equal((await mirror.get(tarball)).status, 200)
    registry.serveAttestations(name, '1.0.0', undefined)
    registry.edit(name, (packument) => {
      const entry = (packument.versions as Record<string, { dist: object }>)['1.0.0']!
      const { signatures: _s, attestations: _a, ...dist } = entry.dist as Record<string, object>
      return { ...packument, versions: { '1.0.0': { ...entry, dist } } } as typeof packument
    })
    const response = await mirror.get(tarball)
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('npm-policy-warning'), 'evidence-withdrawn')
    const dist = ((await mirror.json(`/${name}/1.0.0`)).dist ?? {}) as { signatures?: unknown[]; attestations?: { provenance?: object } }
    assert.equal(dist.signatures?.length, 1)
    assert.deepEqual(dist.attestations?.provenance, { predicateType: 'https://slsa.dev/provenance/v1' })
    assert.equal(((await mirror.json(`/-/npm/v1/attestations/${name}@1.0.0`)).attestations as unknown[]).length, 2)
  })

  it('serves what was verified, from a restarted mirror, while the upstream is down', async () => {
    mirror = await startTestMirror({ registry, policy: STRICT_EVIDENCE })
    publish()
    assert.equal((await mirror.get(tarball)).status, 200)
    await mirror.close({ keep: true })
    registry.down = true
    mirror = await startTestMirror({ registry, policy: STRICT_EVIDENCE, dir: mirror.dir })
    assert.deepEqual(await versions(), ['1.0.0'])
    assert.equal((await mirror.get(tarball)).status, 200)
  })

  it('answers 503, never 404, for a package it does not know while the upstream is down', async () => {
    mirror = await startTestMirror({ registry })
    registry.down = true
    const response = await mirror.get('/never-seen')
    assert.equal(response.status, 503)
    assert.equal(response.headers.get('retry-after'), '1')
    assert.equal((await mirror.get('/never-seen/-/never-seen-1.0.0.tgz')).status, 503)
  })

  it('an outage longer than maxStale is 503', async () => {
    const clock = settableClock(new Date())
    mirror = await startTestMirror({ registry, clock, uplink: { maxStale: '1d' } })
    publish()
    assert.deepEqual(await versions(), ['1.0.0'])
    registry.down = true
    clock.advance(DAY - 60_000)
    assert.equal((await mirror.get(`/${name}`)).status, 200)
    clock.advance(120_000)
    assert.equal((await mirror.get(`/${name}`)).status, 503)
  })

  it('a version that is gone upstream is refused by name, one that never was is 404', async () => {
    mirror = await startTestMirror({ registry })
    publish()
    publish('1.1.0')
    await versions()
    registry.unpublish(name, '1.1.0')
    assert.deepEqual(await codes(`/${name}/-/${name}-1.1.0.tgz`), ['version-withdrawn'])
    assert.equal((await mirror.get(`/${name}/-/${name}-9.9.9.tgz`)).status, 404)
    const { explain } = await mirror.json(`/${name}/-/${name}-1.1.0.tgz`)
    const explained = (await (await fetch(explain as string)).json()) as { outcome: string; reasons: { code: string }[] }
    assert.deepEqual([explained.outcome, explained.reasons[0]?.code], ['deny', 'version-withdrawn'])
    assert.equal((await mirror.get(`/-/provenance/v1/packages/${name}/9.9.9`)).status, 404)
  })

  it('takes a fresh version out until it is old enough, and lists it when only the clock has moved', async () => {
    const clock = settableClock(new Date())
    mirror = await startTestMirror({ registry, clock, policy: { version: 1, extends: 'recommended' }, uplink: { maxage: '1h' } })
    publish('1.0.0')
    publish('1.1.0', { time: new Date(clock.now().getTime() - DAY + 60_000) })
    assert.deepEqual(await versions(), ['1.0.0'])
    assert.deepEqual(await codes(`/${name}/-/${name}-1.1.0.tgz`), ['release-too-young'])
    clock.advance(61_000)
    assert.deepEqual(await versions(), ['1.0.0', '1.1.0'])
  })

  it('asks the upstream once for a tarball that many want at once', async () => {
    mirror = await startTestMirror({ registry })
    publish()
    const answers = await Promise.all(Array.from({ length: 20 }, () => mirror.get(tarball)))
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
    assert.equal(registry.hits(tarball), 1)
  })

  it('serves a tarball again after its file was altered on disk', async () => {
    mirror = await startTestMirror({ registry })
    const { tarball: bytes } = publish()
    assert.equal((await mirror.get(tarball)).status, 200)
    const root = path.join(mirror.dir, 'cache', 'tarballs')
    const file = readdirSync(root, { recursive: true, withFileTypes: true }).find((entry) => entry.isFile())
    assert.ok(file)
    writeFileSync(path.join(file.parentPath, file.name), 'altered')
    const again = await mirror.get(tarball)
    assert.deepEqual(Buffer.from(await again.arrayBuffer()), bytes)
  })
})
