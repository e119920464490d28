/** Packages of a Verdaccio storage on disk, moved into a bucket; and every document of a bucket, signed anew. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Copied } from '../../../plugin/s3/from-disk.ts'
import { BucketStorage } from '../../../plugin/s3/storage.ts'
import { SharedKeys } from '../../../plugin/store/shared-keys.ts'
import { CoreStorage, fileOf } from '../../support/core-storage.ts'
import { ACCESS, BUCKET, FakeS3, REGION } from '../../support/s3.ts'
import { integrityOf } from '../../support/tarball.ts'
import { KEY } from './support.ts'

const NEXT = { id: 'next', secret: Buffer.alloc(48, 'n') }
const NAMES = ['plain', '@acme/ui'] as const

describe('packages moved from disk into a bucket', () => {
  let s3: FakeS3
  let dir: string
  let disk: string
  const open: BucketStorage[] = []
  before(async () => { s3 = await FakeS3.start() })
  after(() => s3.stop())
  beforeEach(async () => {
    s3.objects.clear()
    dir = mkdtempSync(path.join(tmpdir(), 'disk-'))
    disk = path.join(dir, 'storage')
    const { default: LocalDatabase } = createRequire(createRequire(import.meta.url).resolve('verdaccio/package.json'))('@verdaccio/local-storage-legacy') as { default: new (config: unknown, logger: unknown) => ConstructorParameters<typeof CoreStorage>[0] & { setSecret(secret: string): Promise<unknown> } }
    const local = new LocalDatabase({ self_path: path.join(dir, 'config.yaml'), storage: disk, getMatchedPackagesSpec: () => undefined, packages: {} }, console)
    await local.setSecret('s'.repeat(32))
    const core = new CoreStorage(local)
    for (const name of NAMES) for (const version of ['1.0.0', '1.1.0']) await core.publish(name, version, Buffer.from(`${name} ${version}`))
    writeFileSync(path.join(disk, '.token-db.json'), JSON.stringify({ alice: [{ user: 'alice', key: 'k1', token: 'xxx', readonly: true, created: 1 }] }))
  })
  afterEach(async () => {
    for (const storage of open.splice(0)) await storage.close()
    rmSync(dir, { recursive: true, force: true })
  })
  const storage = (...keys: readonly [typeof KEY, ...(typeof KEY)[]]): BucketStorage => {
    const made = new BucketStorage({
      bucket: { bucket: BUCKET, prefix: '', endpoint: s3.url, region: REGION, forcePathStyle: true, timeout: 1000, credentials: ACCESS },
      authenticator: new SharedKeys(keys),
      keys,
      locks: undefined,
      clock: { now: () => new Date() },
      memory: 100_000,
      fresh: 0,
      onTampering: () => undefined,
      warn: () => undefined,
    })
    open.push(made)
    return made
  }
  const copy = async (to = storage(KEY)): Promise<readonly Copied[]> => {
    const copied: Copied[] = []
    await to.copyFrom(disk, (one) => copied.push(one))
    return copied
  }

  it('are there with their bytes, their tokens and the secret, and are left alone the second time', async () => {
    assert.deepEqual(await copy(), NAMES.map((name) => ({ name, outcome: 'copied', versions: 2 })))
    const bucket = storage(KEY)
    const core = new CoreStorage(bucket)
    for (const name of NAMES) {
      assert.deepEqual(await core.versions(name), ['1.0.0', '1.1.0'])
      assert.deepEqual(await core.tarball(name, fileOf(name, '1.1.0')), Buffer.from(`${name} 1.1.0`))
    }
    assert.deepEqual((await core.names()).toSorted(), NAMES.toSorted())
    assert.equal(await bucket.getSecret(), 's'.repeat(32))
    assert.deepEqual((await bucket.readTokens({ user: 'alice' })).map(({ key, readonly }) => [key, readonly]), [['k1', true]])
    await core.publish('plain', '2.0.0', Buffer.from('new'))
    assert.deepEqual((await copy()).map(({ outcome }) => outcome), ['there-already', 'there-already'])
    assert.deepEqual(await core.versions('plain'), ['1.0.0', '1.1.0', '2.0.0'])
  })
  it('[3a] a tarball that is not the one that was published is not copied, nor its package', async () => {
    writeFileSync(path.join(disk, 'plain', 'plain-1.1.0.tgz'), 'altered')
    assert.deepEqual((await copy()).map(({ name, outcome }) => [name, outcome]), [['plain', 'failed'], ['@acme/ui', 'copied']])
    assert.equal(s3.objects.has('plain/package.json'), false)
  })
  it('a version that has only a shasum gets a sha512', async () => {
    const file = path.join(disk, 'plain', 'package.json')
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as { versions: Record<string, { dist: { integrity?: string } }> }
    delete manifest.versions['1.0.0']?.dist.integrity
    writeFileSync(file, JSON.stringify(manifest))
    await copy()
    assert.equal((await new CoreStorage(storage(KEY)).manifest('plain')).versions['1.0.0']?.dist.integrity, integrityOf(Buffer.from('plain 1.0.0')))
  })
  it('the secret of a bucket that has one stays', async () => {
    const secret = await storage(KEY).getSecret()
    await copy()
    assert.equal(await storage(KEY).getSecret(), secret)
  })
  it('what is no storage is said', async () => {
    await assert.rejects(storage(KEY).copyFrom(dir, () => undefined), { code: 'ENOENT' })
  })
  it('signed anew, all of it is believed by the new key alone', async () => {
    await copy()
    assert.equal(await storage(NEXT, KEY).signAll(), 5)
    const after = storage(NEXT)
    assert.equal(await after.getSecret(), 's'.repeat(32))
    const core = new CoreStorage(after)
    for (const name of NAMES) assert.deepEqual(await core.versions(name), ['1.0.0', '1.1.0'])
    assert.equal((await after.readTokens({ user: 'alice' })).length, 1)
  })
})
