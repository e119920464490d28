/**
 * Size and time, through a whole mirror with small bounds: each fault ends in the right answer, leaves nothing behind, and the
 * next request is served.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import path from 'node:path'
import { FakeRegistry, type FaultId, type PublishOptions } from '../support/fake-registry.ts'
import { startTestMirror, type TestMirror } from '../support/mirror.ts'
import { githubIdentity, PrivateSigstore } from '../support/private-sigstore.ts'
import { gzipBomb, slow } from '../support/registry/behaviour.ts'

const MIB = 1024 ** 2
const LIMITS = {
  packument: 8 * MIB,
  tarball: MIB,
  tarballDeadline: 400,
  inspection: { unpacked: 4 * MIB },
  verification: { size: 1, jobLimitMs: 300, script: new URL('./busy-worker.ts', import.meta.url) },
}

/** A registry and a mirror for one suite, and after each test: nothing half-written is left, and the next request is served. */
function suite(timeout: string) {
  let registry: FakeRegistry
  let mirror: TestMirror
  let packages = 0

  before(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    mirror = await startTestMirror({ registry, limits: LIMITS, uplink: { timeout } })
    registry.publish({ name: 'good', version: '1.0.0', provenance: githubIdentity({ ref: 'refs/tags/v1.0.0' }) })
  })
  after(async () => {
    await mirror.close()
    await registry.close()
  })
  afterEach(async () => {
    assert.deepEqual(files('tmp'), [], 'a half-written file was left')
    rmSync(path.join(mirror.dir, 'cache', 'tarballs', path.sep), { recursive: true, force: true })
    assert.equal((await mirror.get('/good/-/good-1.0.0.tgz')).status, 200)
  })

  const files = (folder: string): string[] => {
    if (!existsSync(path.join(mirror.dir, 'cache', folder))) return []
    const found = readdirSync(path.join(mirror.dir, 'cache', folder), { recursive: true, withFileTypes: true })
    return found.filter((entry) => entry.isFile()).map(({ name }) => name)
  }
  const publish = (options: Partial<PublishOptions> = {}) => {
    const name = options.name ?? `sized-${++packages}`
    return registry.publish({ name, version: '1.0.0', provenance: githubIdentity({ ref: 'refs/tags/v1.0.0' }), ...options })
  }
  const codes = async (response: Response): Promise<unknown[]> =>
    ((await response.json()) as { reasons: { code: string }[] }).reasons.map(({ code }) => code)
  const assertAnswer = async (where: string, status: 403 | 503, code: string): Promise<void> => {
    const response = await mirror.get(where)
    assert.equal(response.status, status)
    assert.deepEqual(await codes(response), [code])
  }

  return { listing: (name: string) => mirror.engine.pipeline.listing(name), get: (where: string) => mirror.get(where), json: (where: string) => mirror.json(where), registry: () => registry, files, publish, codes, assertAnswer }
}
const secondsSince = (start: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1e6
}
const tarballOf = (name: string): string => `/${name}/-/${name}-1.0.0.tgz`
const attestationsOf = (name: string): string => `/-/npm/v1/attestations/${name}@1.0.0`

describe('limits: size, through a whole mirror', function () {
  this.timeout(30_000)
  const mirror = suite('20s')
  const { assertAnswer, codes, files, publish, registry } = mirror

  const PACKUMENTS: readonly (readonly [FaultId, string, number])[] = [
    ['17a', 'packument beyond the cap', 9 * MIB],
    ['17b', 'packument nested too deep', 201],
    ['17c', 'packument that is a gzip bomb', 9 * MIB],
    ['17d', 'packument of more than 100,000 versions', 100_001],
  ]
  for (const [fault, title, faultSize] of PACKUMENTS)
    it(`[${fault}] ${title}`, async () => {
      const { name, sha512 } = publish({ fault, faultSize })
      await assertAnswer(tarballOf(name), 503, 'evidence-unavailable')
      assert.equal(files('tarballs').includes(sha512), false)
      publish({ name })
      assert.equal((await mirror.get(tarballOf(name))).status, 200)
    })

  it('[17d] nearly 100,000 versions are served in bounded time, and the second answer comes of the first', async () => {
    const { name } = publish({ fault: '17d', faultSize: 99_990 })
    // Of the processor, since a busy machine takes its time.
    const started = process.cpuUsage()
    const first = await mirror.json(`/${name}`)
    assert.deepEqual(Object.keys(first.versions as object), ['1.0.0'])
    const took = secondsSince(started)
    assert.ok(took < 10, `took ${took} s`)
    const listing = await mirror.listing(name)
    assert.notEqual(listing, 'absent')
    assert.equal(await mirror.listing(name), listing, 'it was built again')
    assert.equal((await mirror.get(tarballOf(name))).status, 200)
  })

  it('[17c] attestations that are a gzip bomb', async () => {
    const { name } = publish()
    registry().behave(attestationsOf(name), gzipBomb(4 * MIB))
    await assertAnswer(tarballOf(name), 503, 'evidence-unavailable')
  })

  it('[17c] a tarball that unpacks beyond the cap is refused, and looked into once', async () => {
    const { name } = publish({ fault: '17c.tarball', faultSize: 5 * MIB })
    const answers = await Promise.all(Array.from({ length: 5 }, () => mirror.get(tarballOf(name))))
    for (const answer of answers) {
      assert.equal(answer.status, 403)
      assert.deepEqual(await codes(answer), ['manifest-mismatch'])
    }
    assert.equal((await mirror.get(`/${name}`)).status, 403)
  })

  it('[17h] a document with megabytes of proof is not read to its end', async () => {
    const before = files('documents').length
    const { name } = publish({ fault: '17h' })
    await assertAnswer(tarballOf(name), 503, 'evidence-unavailable')
    assert.equal(files('documents').length, before)
  })

  it('[17h] a bundle larger than any bundle', async () => {
    const { name } = publish()
    const document = await (await fetch(`${registry().url}${attestationsOf(name)}`)).json() as {
      attestations: { bundle: { verificationMaterial: { tlogEntries: { inclusionProof: { hashes: string[] } }[] } } }[]
    }
    const { hashes } = document.attestations[1]!.bundle.verificationMaterial.tlogEntries[0]!.inclusionProof
    hashes.push(...Array.from({ length: 7000 }, () => `${'A'.repeat(43)}=`))
    registry().serveAttestations(name, '1.0.0', document)
    const response = await mirror.get(tarballOf(name))
    const { reasons } = (await response.json()) as { reasons: { code: string; detail?: { cause?: string } }[] }
    assert.deepEqual([response.status, reasons[0]?.code, reasons[0]?.detail?.cause], [403, 'provenance-invalid', 'too-large'])
  })
})

describe('limits: time, through a whole mirror', function () {
  this.timeout(30_000)
  const mirror = suite('300ms')
  const { assertAnswer, codes, files, publish, registry } = mirror

  for (const [fault, title] of [
    ['17e', 'endless tarball'],
    ['17f', 'tarball of one byte a second'],
    ['17g', 'redirect loop'],
  ] as const)
    it(`[${fault}] ${title}`, async () => {
      const { name, sha512 } = publish({ fault })
      await assertAnswer(tarballOf(name), 503, 'evidence-unavailable')
      assert.equal(files('tarballs').includes(sha512), false)
    })

  for (const [what, pathOf] of [
    ['packument', (name: string) => `/${name}`],
    ['attestations', attestationsOf],
    ['tarball', tarballOf],
  ] as const)
    it(`[17f] ${what} that never stops coming, in pieces that are not late`, async () => {
      const { name } = publish()
      registry().behave(pathOf(name), slow(1, 100))
      await assertAnswer(tarballOf(name), 503, 'evidence-unavailable')
    })

  for (const [what, pathOf] of [
    ['packument', (name: string) => `/${name}`],
    ['attestations', attestationsOf],
  ] as const)
    it(`[17g] redirect loop of ${what}`, async () => {
      const { name } = publish()
      registry().redirect(pathOf(name), `${registry().url}${pathOf(name)}`)
      await assertAnswer(tarballOf(name), 503, 'evidence-unavailable')
      assert.ok(registry().hits(pathOf(name)) <= 4 * 3)
    })

  it('[17h] evidence that keeps a worker busy: the worker is ended, nothing is stored, and others go on', async () => {
    publish({ name: 'busy' })
    const before = files('documents').length
    const [busy, other] = [mirror.get(tarballOf('busy')), publish()]
    const meanwhile = mirror.get(tarballOf(other.name))
    assert.equal((await busy).status, 503)
    assert.deepEqual(await codes(await busy), ['evidence-unavailable'])
    assert.equal((await meanwhile).status, 200)
    assert.equal(files('documents').length, before + 1)
    await assertAnswer(tarballOf('busy'), 503, 'evidence-unavailable')
  })
})

describe('limits: of one client', () => {
  let registry: FakeRegistry
  let mirror: TestMirror
  afterEach(async () => {
    await mirror.close()
    await registry.close()
  })

  it('more requests than may wait are told to come again, and served when the others are gone', async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    mirror = await startTestMirror({ registry, limits: { inFlight: 2 } })
    registry.publish({ name: 'widget', version: '1.0.0' })
    const hang = registry.hang('/held')
    const agent = new http.Agent()
    const held = [1, 2].map(() => http.get(`${mirror.url}/held`, { agent }).on('error', () => undefined))
    while (registry.hits('/held') === 0) await mirror.get('/-/provenance/health')
    // Both share one question to the registry: the second is there when the third is turned away.
    let response = await mirror.get('/widget')
    while (response.status === 200) response = await mirror.get('/widget')
    assert.equal(response.status, 503)
    assert.equal(response.headers.get('retry-after'), '1')
    assert.equal((await mirror.get('/-/provenance/health')).status, 200)
    hang.off()
    for (const request of held) request.destroy()
    while (response.status !== 200) response = await mirror.get('/widget')
    agent.destroy()
  }).timeout(10_000)

  it('a full queue of questions leaves versions on their claim, and the gate verifies', async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    mirror = await startTestMirror({ registry, limits: { questions: 0 } })
    registry.publish({ name: 'widget', version: '1.0.0', provenance: githubIdentity({ ref: 'refs/tags/v1.0.0' }) })
    const hang = registry.hang('/-/npm/v1/attestations/widget@1.0.0')
    const started = performance.now()
    assert.equal((await mirror.get('/widget')).status, 200)
    assert.ok(performance.now() - started < 2000, 'the answer waited for a question that there was no place for')
    hang.off()
    assert.equal((await mirror.get('/widget/-/widget-1.0.0.tgz')).status, 200)
  }).timeout(10_000)

  it('a head of more fields than any client sends is refused', async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    mirror = await startTestMirror({ registry })
    const ask = (fields: number): Promise<string> =>
      new Promise((resolve, reject) => {
        const { port } = new URL(mirror.url)
        const socket = net.connect(Number(port), 'localhost', () => {
          socket.write(`GET /-/provenance/ready HTTP/1.1\r\n${'x-a: 1\r\n'.repeat(fields)}host: localhost\r\nconnection: close\r\n\r\n`)
        })
        let answer = ''
        socket.on('data', (data) => (answer += data.toString())).on('end', () => { resolve(answer.slice(9, 12)) }).on('error', reject)
      })
    assert.equal(await ask(50), '200')
    assert.equal(await ask(150), '431')
  }).timeout(10_000)
})
