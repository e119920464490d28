/** The mirror's own key: what it signs, where it lies, and what it never vouches for. */
import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ConfigurationError } from '../../plugin/domain/errors.ts'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { KeyRing, rotateKeys } from '../../plugin/keys/key-ring.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { startTestMirror, type TestMirror } from '../support/mirror.ts'
import { PrivateSigstore } from '../support/private-sigstore.ts'
import { register } from '../support/raw.ts'
import { publishTo, startStock, stockConfig } from '../support/stored.ts'
import { shasumOf, tarballOf } from '../support/tarball.ts'

const ABBREVIATED = 'application/vnd.npm.install-v1+json'
interface Key { readonly keyid: string; readonly key: string; readonly expires: string | null }
interface Dist { readonly integrity: string; readonly signatures?: readonly { readonly keyid: string; readonly sig: string }[] }

describe('the mirror\'s own key', function () {
  this.timeout(20_000)
  let dir: string
  let registry: FakeRegistry
  let mirror: TestMirror

  before(async () => {
    dir = mkdtempSync(path.join(tmpdir(), 'own-key-'))
    mkdirSync(path.join(dir, 'storage'))
    // Published before there was this mirror.
    const before = await startStock(stockConfig(dir))
    assert.equal((await publishTo(before.url, await register(before.url, 'ann'), '@home/old', '1.0.0')).status, 201)
    await before.close()
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    registry.publish({ name: 'widget', version: '1.0.0' })
    mirror = await startTestMirror({ registry, dir })
  })
  after(async () => {
    await mirror.close()
    await registry.close()
  })

  const keys = async (): Promise<readonly Key[]> => (await mirror.json('/-/npm/v1/keys')).keys as unknown as readonly Key[]
  const distOf = async (where: string, accept = 'application/json'): Promise<Dist> => {
    const document = (await mirror.json(where, { accept })) as { versions?: Record<string, { dist: Dist }>; dist?: Dist }
    return document.dist ?? document.versions!['1.0.0']!.dist
  }
  /** As npm verifies: the first listed key of the id. */
  async function assertSigned(name: string, where: string, accept?: string): Promise<string> {
    const { integrity, signatures = [] } = await distOf(where, accept)
    const [signature] = signatures
    const key = (await keys()).find(({ keyid }) => keyid === signature?.keyid)
    assert.ok(signature !== undefined && key !== undefined, where)
    const publicKey = createPublicKey({ key: Buffer.from(key.key, 'base64'), format: 'der', type: 'spki' })
    assert.ok(verify('sha256', Buffer.from(`${name}@1.0.0:${integrity}`), publicKey, Buffer.from(signature.sig, 'base64')), where)
    return signature.keyid
  }

  it('is made with the first list of keys that needs it, in a directory of its own beside the configuration', async () => {
    assert.equal(existsSync(path.join(dir, 'keys/registry-signing.json')), false)
    const listed = await keys()
    assert.equal(listed.length, (registry.sigstore.registryKeys() as { keys: readonly unknown[] }).keys.length + 1)
    assert.equal(statSync(path.join(dir, 'keys/registry-signing.json')).mode & 0o777, 0o600)
  })
  for (const [what, where, accept] of [
    ['the packument', '/@home%2fold', undefined],
    ['the abbreviated packument', '/@home%2fold', ABBREVIATED],
    ['one version', '/@home%2fold/1.0.0', undefined],
    ['a tag', '/@home%2fold/latest', undefined],
  ] as const)
    it(`signs ${what} of a package that was published here before`, async () => {
      await assertSigned('@home/old', where, accept)
    })
  it('signs what is published now, and the signature stays the same', async () => {
    const token = await register(mirror.url, 'alice')
    assert.equal((await publishTo(mirror.url, token, 'home-made', '1.0.0')).status, 201)
    await assertSigned('home-made', '/home-made')
    const [one, other] = [await distOf('/home-made'), await distOf('/home-made/1.0.0')]
    assert.deepEqual(one.signatures, other.signatures)
  })
  it('what a publisher says of signatures is not served', async () => {
    const token = await register(mirror.url, 'bob')
    const signatures = [{ keyid: (await keys()).at(-1)!.keyid, sig: 'Zm9yZ2Vk' }]
    const manifest = { name: 'forged', version: '1.0.0' }
    const bytes = tarballOf({ 'package/package.json': manifest })
    const dist = { shasum: shasumOf(bytes), tarball: `${mirror.url}/forged/-/forged-1.0.0.tgz`, signatures }
    assert.equal((await publishTo(mirror.url, token, 'forged', '1.0.0', { dist }, bytes)).status, 201)
    await assertSigned('forged', '/forged')
    assert.equal((await distOf('/forged')).signatures?.length, 1)
  })
  it('[1d] never vouches for an uplink\'s package, though it made the signature', async () => {
    const own = new KeyRing({ dir: path.join(dir, 'keys'), clock: { now: () => new Date() }, warn: () => undefined })
    const { integrity } = registry.publish({ name: 'signed-here', version: '1.0.0', signed: false })
    registry.edit('signed-here', (packument) => {
      const { '1.0.0': version } = packument.versions as Record<string, { dist: JsonObject }>
      const signatures = [own.sign(Buffer.from(`signed-here@1.0.0:${integrity}`))] as unknown as JsonObject[]
      return { ...packument, versions: { '1.0.0': { ...version!, dist: { ...version!.dist, signatures } } } }
    })
    const response = await mirror.get('/signed-here/-/signed-here-1.0.0.tgz')
    const { reasons } = (await response.json()) as { reasons: readonly { code: string }[] }
    assert.deepEqual([response.status, reasons[0]?.code], [403, 'signature-key-unknown'])
  })
  it('adds nothing to an uplink\'s package', async () => {
    const own = (await keys()).at(-1)!.keyid
    assert.equal((await distOf('/widget')).signatures?.some(({ keyid }) => keyid === own), false)
  })
  it('rotated while the mirror runs: what is signed stays, what comes is signed by the new key, both are listed', async () => {
    const old = await assertSigned('home-made', '/home-made')
    rotateKeys(path.join(dir, 'keys'), new Date(), { overlap: 0, revoke: false })
    assert.equal(await assertSigned('home-made', '/home-made'), old)
    assert.equal((await publishTo(mirror.url, await register(mirror.url, 'carol'), 'newcomer', '1.0.0')).status, 201)
    assert.notEqual(await assertSigned('newcomer', '/newcomer'), old)
    assert.notEqual((await keys()).find(({ keyid }) => keyid === old)?.expires, null)
  })
  it('revoked while the mirror runs: what it signed is signed anew at once', async () => {
    const old = await assertSigned('home-made', '/home-made')
    rotateKeys(path.join(dir, 'keys'), new Date(), { overlap: 0, revoke: true })
    assert.notEqual(await assertSigned('home-made', '/home-made'), old)
    assert.notEqual(await assertSigned('home-made', '/home-made/1.0.0'), old)
  })
  it('survives a restart, and is not used when others could read it', async () => {
    const old = await assertSigned('home-made', '/home-made')
    const { signatures } = await distOf('/home-made')
    await mirror.close({ keep: true })
    const file = path.join(dir, 'keys/registry-signing.json')
    const kept = readFileSync(file)
    rmSync(file)
    writeFileSync(file, kept, { mode: 0o644 })
    const started = startTestMirror({ registry, dir }).then((wrong) => wrong.close({ keep: true }))
    await assert.rejects(started, (error) => error instanceof ConfigurationError && error.message.startsWith(file))
    rmSync(file)
    writeFileSync(file, kept, { mode: 0o600 })
    mirror = await startTestMirror({ registry, dir })
    assert.equal(await assertSigned('home-made', '/home-made'), old)
    assert.deepEqual((await distOf('/home-made')).signatures, signatures)
  })
})

describe('a mirror where nothing is published', function () {
  this.timeout(20_000)
  it('makes no key and lists none of its own', async () => {
    const registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    const mirror = await startTestMirror({ registry })
    registry.publish({ name: 'widget', version: '1.0.0' })
    await mirror.json('/widget')
    const { keys } = await mirror.json('/-/npm/v1/keys')
    assert.deepEqual((keys as unknown as Key[]).map(({ keyid }) => keyid), (registry.sigstore.registryKeys() as unknown as { keys: Key[] }).keys.map(({ keyid }) => keyid))
    assert.equal(existsSync(path.join(mirror.dir, 'keys/registry-signing.json')), false)
    await mirror.close()
    await registry.close()
  })
})
