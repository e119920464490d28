/** From a mirror that reaches its registry to one that never does: what an archive brings is verified again, and what is not is refused. */
import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Header } from 'tar'
import { ARCHIVE_TYPE, MANIFEST_NAME, type ArchiveManifest } from '../../plugin/archive/manifest.ts'
import { withStage } from '../../plugin/archive/stage.ts'
import { ArchiveError, exportArchive, ImportRunning, importArchive, type ImportReport } from '../../plugin/compose-archive.ts'
import type { VerdaccioConfiguration } from '../../plugin/config/configuration.ts'
import { ConfigurationError } from '../../plugin/domain/errors.ts'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { preAuthEncoding, readPrivateKey, signEnvelope } from '../../plugin/keys/dsse.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { NO_AGE, startTestMirror, type TestMirror } from '../support/mirror.ts'
import { githubIdentity, PrivateSigstore } from '../support/private-sigstore.ts'
import { sectionFor } from '../support/stored.ts'

const BLOCK = 512
const SILENT = { warn: () => undefined, info: () => undefined, debug: () => undefined, error: () => undefined }
const REFS = [{ name: 'widget', version: '1.0.0' }, { name: '@acme/ui', version: '2.0.0' }]
const newKey = (): { readonly pem: string; readonly publicPem: string } => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { pem: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(), publicPem: publicKey.export({ format: 'pem', type: 'spki' }).toString() }
}

describe('archives', function () {
  this.timeout(30_000)
  const key = newKey()
  let dir: string
  let registry: FakeRegistry
  let exporter: TestMirror
  let archive: string
  let count = 0

  before(async () => {
    dir = mkdtempSync(path.join(tmpdir(), 'archive-'))
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    registry.publish({ name: 'widget', version: '1.0.0', provenance: githubIdentity({ ref: 'refs/tags/v1.0.0' }) })
    registry.publish({ name: 'widget', version: '1.1.0', provenance: githubIdentity({ ref: 'refs/tags/v1.1.0' }) })
    registry.publish({ name: '@acme/ui', version: '2.0.0' })
    exporter = await startTestMirror({ registry })
    archive = await exported(REFS)
  })
  after(async () => {
    await exporter.close()
    await registry.close()
    rmSync(dir, { recursive: true, force: true })
  })

  async function exported(wanted: readonly { name: string; version: string }[], pem = key.pem): Promise<string> {
    const output = path.join(dir, `${String(++count)}.tar`)
    const { leftOut } = await exportArchive(exporter.engine, { wanted, output, key: pem, now: new Date() })
    assert.deepEqual(leftOut, [])
    return output
  }

  /** A mirror behind an air gap: its uplink is an address where nobody is. */
  function gapped(more: JsonObject = {}, uplink: JsonObject = {}): { readonly dir: string; readonly core: VerdaccioConfiguration; readonly section: JsonObject } {
    const home = path.join(dir, `gap-${String(++count)}`)
    mkdirSync(home)
    writeFileSync(path.join(home, 'exporter.pem'), key.publicPem)
    const base = sectionFor(home, registry)
    const fake = { ...(base.uplinks as { fake: JsonObject }).fake, offline: true, ...uplink }
    const section = { ...base, uplinks: { fake }, import: { keys: ['./exporter.pem'] }, ...more }
    return { dir: home, section, core: { configPath: path.join(home, 'config.yaml'), packages: {}, middlewares: { provenance: section } } }
  }
  const take = (core: VerdaccioConfiguration, file = archive): Promise<ImportReport> => importArchive(core, { file, logger: SILENT })
  async function served(gap: ReturnType<typeof gapped>): Promise<TestMirror> {
    const { fake } = gap.section.uplinks as { fake: JsonObject }
    return startTestMirror({ registry, dir: gap.dir, uplink: fake, section: { ...gap.section, uplinks: { fake } } })
  }

  /** The manifest of an archive and the offsets of its entries. */
  function opened(file: string): { readonly bytes: Buffer; readonly manifest: ArchiveManifest; readonly entries: readonly { readonly path: string; readonly at: number; readonly size: number }[] } {
    const bytes = readFileSync(file)
    const entries: { path: string; at: number; size: number }[] = []
    for (let at = 0; bytes[at] !== 0;) {
      const { path: name = '', size = 0 } = new Header(bytes, at)
      entries.push({ path: name, at, size })
      at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
    }
    const envelope = JSON.parse(bytes.toString('utf8', BLOCK, BLOCK + (entries[0]?.size ?? 0))) as { payload: string }
    return { bytes, entries, manifest: JSON.parse(Buffer.from(envelope.payload, 'base64').toString()) as ArchiveManifest }
  }
  const entryOf = (name: string, body: Buffer, mtime: Date, more: object = {}): Buffer => {
    const block = Buffer.alloc(BLOCK)
    new Header({ path: name, size: body.length, mode: 0o644, uid: 0, gid: 0, mtime, type: 'File', ...more }).encode(block, 0)
    return Buffer.concat([block, body, Buffer.alloc((BLOCK - (body.length % BLOCK)) % BLOCK)])
  }
  /** An archive whose signer is known, with another manifest and other blobs than `export` would write. */
  function forged(change: (manifest: ArchiveManifest, blobs: Map<string, Buffer>) => ArchiveManifest, signedBy = key.pem, type = ARCHIVE_TYPE): string {
    const { bytes, manifest, entries } = opened(archive)
    const blobs = new Map(entries.slice(1).map(({ path: name, at, size }) => [name.slice(-64), bytes.subarray(at + BLOCK, at + BLOCK + size)]))
    const changed = change(manifest, blobs)
    const listed = { ...changed, blobs: [...blobs].map(([sha256, blob]) => ({ sha256, size: blob.length })) }
    const envelope = signEnvelope(readPrivateKey(signedBy), type, Buffer.from(JSON.stringify(listed)))
    const at = new Date(manifest.created)
    const file = path.join(dir, `${String(++count)}.tar`)
    writeFileSync(file, Buffer.concat([entryOf(MANIFEST_NAME, Buffer.from(JSON.stringify(envelope)), at), ...[...blobs].map(([sha256, blob]) => entryOf(`blobs/sha256/${sha256}`, blob, at)), Buffer.alloc(2 * BLOCK)]))
    return file
  }
  const replaced = (blobs: Map<string, Buffer>, old: string, by: Buffer): string => {
    const digest = createHash('sha256').update(by).digest('hex')
    blobs.delete(old)
    blobs.set(digest, by)
    return digest
  }
  const altered = (change: (bytes: Buffer) => Buffer): string => {
    const file = path.join(dir, `${String(++count)}.tar`)
    writeFileSync(file, change(Buffer.from(readFileSync(archive))))
    return file
  }
  /** Refused with these words, and nothing of it is there afterwards. */
  async function refuses(file: string, words: RegExp, gap = gapped()): Promise<void> {
    await assert.rejects(take(gap.core, file), (error: unknown) => error instanceof ArchiveError && words.test(error.message))
    const left = existsSync(path.join(gap.dir, 'cache')) ? readdirSync(path.join(gap.dir, 'cache'), { recursive: true, withFileTypes: true }).filter((one) => one.isFile()) : []
    // The lock is of the mirror, and has nothing of an archive in it.
    assert.deepEqual(left.map(({ name }) => name).filter((name) => name !== 'import.lock'), [])
  }

  it('a mirror that reaches nobody serves what was imported, and clients can verify it again', async () => {
    const gap = gapped()
    const report = await take(gap.core)
    assert.deepEqual(report.imported, REFS)
    assert.deepEqual(report.notAdmitted, [])
    registry.requests.length = 0
    const mirror = await served(gap)
    try {
      const packument = (await mirror.json('/widget')) as { versions: Record<string, { dist: { integrity: string } }>; 'dist-tags': JsonObject }
      assert.deepEqual([Object.keys(packument.versions), packument['dist-tags']], [['1.0.0'], { latest: '1.0.0' }])
      const tarball = await mirror.get('/widget/-/widget-1.0.0.tgz')
      assert.equal(`sha512-${createHash('sha512').update(Buffer.from(await tarball.arrayBuffer())).digest('base64')}`, packument.versions['1.0.0']?.dist.integrity)
      assert.equal((await mirror.get('/@acme%2fui/-/ui-2.0.0.tgz')).status, 200)
      assert.equal(((await mirror.json('/-/npm/v1/attestations/widget@1.0.0')).attestations as readonly unknown[]).length, 2)
      assert.equal((await mirror.get('/nobody-brought-it')).status, 503)
      assert.deepEqual(registry.requests, [])
    } finally {
      await mirror.close({ keep: true })
    }
  })

  it('a second archive adds versions, and the same one again changes nothing', async () => {
    const gap = gapped()
    await take(gap.core)
    await take(gap.core, await exported([{ name: 'widget', version: '1.1.0' }]))
    await take(gap.core, await exported([{ name: 'widget', version: '1.1.0' }]))
    const mirror = await served(gap)
    try {
      assert.deepEqual(Object.keys((await mirror.json('/widget')).versions as JsonObject), ['1.0.0', '1.1.0'])
    } finally {
      await mirror.close({ keep: true })
    }
  })

  it('a mirror that runs takes what is imported beside it', async () => {
    const gap = gapped()
    const mirror = await served(gap)
    try {
      assert.equal((await mirror.get('/widget')).status, 503)
      await take(gap.core)
      assert.equal((await mirror.get('/widget')).status, 200)
    } finally {
      await mirror.close({ keep: true })
    }
  })

  it('what is older than what is here is refused, also when the cache was deleted', async () => {
    const gap = gapped()
    const newer = await exported(REFS)
    await take(gap.core, newer)
    rmSync(path.join(gap.dir, 'cache'), { recursive: true })
    const older = forged((manifest) => ({ ...manifest, packages: manifest.packages.map((one) => ({ ...one, confirmedAt: '2020-01-01T00:00:00.000Z' })) }))
    await refuses(older, /older than what this mirror has/, gap)
    await take(gap.core, newer)
  })

  it('no key is configured: nothing is believed', async () => {
    await assert.rejects(take(gapped({ import: { keys: [] } }).core), (error: unknown) => error instanceof ConfigurationError && error.message.includes('import.keys'))
  })

  it('a signer that is not known, and a signature over something else, are refused before anything is unpacked', async () => {
    await refuses(await exported(REFS, newKey().pem), /no key that is trusted here/)
    await refuses(forged((manifest) => manifest, key.pem, 'application/vnd.in-toto+json'), /another type/)
    const bare = path.join(dir, 'bare.tar')
    const payload = Buffer.from('{}')
    const sig = sign('sha256', preAuthEncoding(ARCHIVE_TYPE, Buffer.from('[]')), key.pem).toString('base64')
    writeFileSync(bare, entryOf(MANIFEST_NAME, Buffer.from(JSON.stringify({ payloadType: ARCHIVE_TYPE, payload: payload.toString('base64'), signatures: [{ keyid: 'x', sig }] })), new Date(0)))
    await refuses(bare, /no key that is trusted here/)
  })

  it('one altered byte anywhere is refused: of headers, of the manifest, of files, between them and behind', async () => {
    const { bytes, entries } = opened(archive)
    const places = entries.flatMap(({ at, size }) => [at, at + 136, at + BLOCK + Math.floor(size / 2), at + BLOCK + Math.ceil(size / BLOCK) * BLOCK - 1])
    const gap = gapped()
    for (const place of [...places, bytes.length - 1, bytes.length - BLOCK])
      await refuses(altered((copy) => { copy[place] = (copy[place] ?? 0) ^ 1; return copy }), /./, gap)
  })

  it('cut short, gone on, compressed or no archive at all is refused', async () => {
    const { bytes } = opened(archive)
    for (const length of [0, 100, BLOCK, bytes.length - 2 * BLOCK, bytes.length - 1]) await refuses(altered((copy) => copy.subarray(0, length)), /cut short|begin/)
    await refuses(altered((copy) => Buffer.concat([copy, Buffer.from('x')])), /goes on/)
    await refuses(altered(() => Buffer.from([0x1f, 0x8b, ...Buffer.alloc(1000)])), /compressed/)
    await refuses(altered(() => Buffer.alloc(4 * BLOCK)), /begin/)
  })

  const STRANGERS: Readonly<Record<string, (digest: string, at: Date) => Buffer>> = {
    'a path that is no digest': (_digest, at) => entryOf('../../keys/registry-signing.json', Buffer.from('x'), at),
    'a link': (digest, at) => entryOf(`blobs/sha256/${digest}`, Buffer.alloc(0), at, { type: 'SymbolicLink', linkpath: '/etc/passwd' }),
    'a folder': (_digest, at) => entryOf('blobs/', Buffer.alloc(0), at, { type: 'Directory' }),
    'a file that the manifest does not list': (_digest, at) => entryOf(`blobs/sha256/${'0'.repeat(64)}`, Buffer.from('x'), at),
  }
  for (const [title, stranger] of Object.entries(STRANGERS))
    it(`${title} is refused`, async () => {
      const { entries, manifest } = opened(archive)
      const [, second] = entries
      assert.ok(second !== undefined)
      const words = { 'a path that is no digest': /no digest/, 'a link': /no file/, 'a folder': /no file/ }[title] ?? /does not list/
      await refuses(altered((copy) => Buffer.concat([copy.subarray(0, second.at), stranger(second.path.slice(-64), new Date(manifest.created)), copy.subarray(second.at)])), words)
    })

  it('a file twice, or one that is missing, is refused', async () => {
    const [, second, third] = opened(archive).entries
    assert.ok(second !== undefined && third !== undefined)
    await refuses(altered((copy) => Buffer.concat([copy.subarray(0, third.at), copy.subarray(second.at)])), /twice/)
    await refuses(altered((copy) => Buffer.concat([copy.subarray(0, second.at), copy.subarray(third.at)])), /lacks a file/)
  })

  it('more than the cache may take is refused by the manifest alone', async () => {
    await refuses(archive, /cache\.disk/, gapped({ cache: { disk: '100b' } }))
  })

  it('an exporter that is trusted and lies is found out: other bytes, other attestations, a packument without the version, the future', async () => {
    const widget = (manifest: ArchiveManifest): ArchiveManifest['packages'][number] => manifest.packages.find(({ name }) => name === 'widget') ?? assert.fail()
    const withWidget = (manifest: ArchiveManifest, more: Partial<ArchiveManifest['packages'][number]>): ArchiveManifest => ({ ...manifest, packages: [{ ...widget(manifest), ...more }, ...manifest.packages.filter(({ name }) => name !== 'widget')] })
    await refuses(forged((manifest, blobs) => {
      const [version] = widget(manifest).versions
      return withWidget(manifest, { versions: [{ ...version!, tarball: replaced(blobs, version!.tarball, Buffer.from('other bytes')) }] })
    }), /integrity-mismatch/)
    await refuses(forged((manifest, blobs) => {
      const { packument } = widget(manifest)
      const text = blobs.get(packument)?.toString() ?? ''
      return withWidget(manifest, { packument: replaced(blobs, packument, Buffer.from(text.replace(/sha512-...../g, 'sha512-AAAAA'))) })
    }), /signature-invalid|another tarball/)
    await refuses(forged((manifest) => withWidget(manifest, { versions: widget(manifest).versions.map((one) => ({ ...one, version: '9.9.9' })) })), /does not have 9\.9\.9/)
    await refuses(forged((manifest) => withWidget(manifest, { confirmedAt: '2999-01-01T00:00:00.000Z' })), /not yet/)
    await refuses(forged((manifest) => withWidget(manifest, { registry: 'https://other.example' })), /no uplink/)
    await refuses(forged((manifest, blobs) => {
      const [first, second] = widget(manifest).attestations
      assert.ok(first !== undefined && second !== undefined)
      blobs.delete(first.document)
      return withWidget(manifest, { attestations: [{ version: first.version, document: second.document }, second] })
    }), /subject-mismatch|provenance-invalid|publish-attestation-invalid/)
  })

  it('the archive brings no trust: keys and roots of its own vouch for nothing', async () => {
    const stranger = PrivateSigstore.create({ name: 'stranger' })
    const gap = gapped()
    writeFileSync(path.join(gap.dir, 'root.json'), JSON.stringify(stranger.trustedRoot()))
    writeFileSync(path.join(gap.dir, 'keys.json'), JSON.stringify(stranger.registryKeys()))
    const outcome = await take(gap.core).then(({ imported }) => imported, (error: unknown) => error)
    if (outcome instanceof Error) assert.ok(outcome instanceof ArchiveError, String(outcome))
    else assert.deepEqual(outcome, [])
  })

  it('Sigstore instances that the exporter knows go along, are compared, and are never trusted', async () => {
    const [acme, other] = ['acme', 'other'].map((name) => PrivateSigstore.create({ name }).trustedRoot())
    const home = mkdtempSync(path.join(tmpdir(), 'instances-'))
    for (const name of ['acme', 'shared']) writeFileSync(path.join(home, `${name}.json`), JSON.stringify(acme))
    const instance = (name: string): JsonObject => ({ name, trustedRoot: `./${name}.json`, packages: ['@none/*'] })
    const from = await startTestMirror({ registry, dir: home, section: { trust: { trustedRoot: './root.json', instances: [instance('acme'), instance('shared')] } } })
    const file = path.join(dir, `${String(++count)}.tar`)
    await exportArchive(from.engine, { wanted: REFS.slice(0, 1), output: file, key: key.pem, now: new Date() })
    await from.close()
    assert.deepEqual(opened(file).manifest.instances?.map(({ name }) => name), ['acme', 'shared'])
    assert.equal(opened(archive).manifest.instances, undefined)

    const gap = gapped({ trust: { trustedRoot: './root.json', offline: true, instances: [instance('acme'), instance('shared')] } })
    writeFileSync(path.join(gap.dir, 'acme.json'), JSON.stringify(other))
    writeFileSync(path.join(gap.dir, 'shared.json'), JSON.stringify(acme))
    assert.deepEqual((await take(gap.core, file)).notes, ['its root of the Sigstore instance acme is not the one trusted here'])
    assert.deepEqual((await take(gapped().core, file)).notes, ['acme', 'shared'].map((name) => `the mirror that exported knows a Sigstore instance that this one does not: ${name}`))
  })

  it('what the policy there refuses is not taken, and the rest is', async () => {
    const gap = gapped({ policy: { ...NO_AGE, rules: [{ packages: ['@acme/*'], verdict: 'deny', reason: 'not here' }] } })
    const { imported, notAdmitted } = await take(gap.core)
    assert.deepEqual([imported, notAdmitted.map(({ ref, reasons }) => [ref.name, reasons[0]?.code])], [[REFS[0]], [['@acme/ui', 'denied-by-rule']]])
  })

  it('one import at a time; what a killed one left is removed', async () => {
    const gap = gapped()
    const stage = path.join(gap.dir, 'cache/import')
    await withStage(path.dirname(stage), () => assert.rejects(take(gap.core), ImportRunning))
    mkdirSync(stage, { recursive: true })
    appendFileSync(path.join(stage, 'left'), 'half')
    await take(gap.core)
    assert.equal(existsSync(stage), false)
  })

  it('an offline uplink cannot be followed by another, nor probed', () => {
    const two = (packages: JsonObject, trust: JsonObject = {}): Promise<unknown> => {
      const { core, section } = gapped({ packages })
      const { fake } = section.uplinks as { fake: JsonObject }
      const uplinks = { fake: { ...fake, trust: { ...(fake.trust as JsonObject), ...trust } }, other: { url: 'http://127.0.0.1:9/' } }
      return take({ ...core, middlewares: { provenance: { ...section, uplinks } } })
    }
    return Promise.all([
      assert.rejects(two({ '**': ['fake', 'other'] }), /after one that is offline/),
      assert.rejects(two({ '**': ['other', 'fake'] }, { attestations: 'probe' }), /cannot be probed/),
    ])
  })

  it('maxStale ends what was imported, where it is set', async () => {
    const gap = gapped({}, { maxStale: '1s' })
    await take(gap.core, forged((manifest) => ({ ...manifest, packages: manifest.packages.map((one) => ({ ...one, confirmedAt: '2026-01-01T00:00:00.000Z' })) })))
    const mirror = await served(gap)
    try {
      assert.equal((await mirror.get('/widget')).status, 503)
    } finally {
      await mirror.close({ keep: true })
    }
  })
})
