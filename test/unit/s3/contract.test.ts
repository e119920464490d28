/** One suite over every storage of packages published here, as Verdaccio's core uses it; what several mirrors share, over those that they can. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { BucketStorage } from '../../../plugin/s3/storage.ts'
import { SharedKeys } from '../../../plugin/store/shared-keys.ts'
import { CoreStorage, fileOf } from '../../support/core-storage.ts'
import { hasRadosGateway, startRadosGateway } from '../../support/radosgw.ts'
import { ACCESS, BUCKET, FakeS3, REGION } from '../../support/s3.ts'
import { integrityOf } from '../../support/tarball.ts'

const KEY = { id: 'one', secret: Buffer.alloc(48, 'k') }

interface World {
  /** Another mirror over the same packages. */
  replica(): Promise<CoreStorage>
  close(): Promise<void>
}

const localDisk = (): Promise<World> => {
  const dir = mkdtempSync(path.join(tmpdir(), 'local-'))
  const { default: LocalDatabase } = createRequire(createRequire(import.meta.url).resolve('verdaccio/package.json'))('@verdaccio/local-storage-legacy') as { default: new (config: unknown, logger: unknown) => ConstructorParameters<typeof CoreStorage>[0] }
  const config = { self_path: path.join(dir, 'config.yaml'), storage: path.join(dir, 'storage'), getMatchedPackagesSpec: () => undefined, packages: {} }
  return Promise.resolve({ replica: () => Promise.resolve(new CoreStorage(new LocalDatabase(config, console))), close: () => { rmSync(dir, { recursive: true }); return Promise.resolve() } })
}

let prefixes = 0
function bucketAt(url: string, close: () => Promise<void>): World {
  const open: BucketStorage[] = []
  const prefix = `run-${String(++prefixes)}/`
  return {
    replica: async () => {
      const storage = new BucketStorage({
        bucket: { bucket: BUCKET, prefix, endpoint: url, region: REGION, forcePathStyle: true, timeout: 5000, credentials: ACCESS },
        authenticator: new SharedKeys([KEY]),
        keys: [KEY],
        locks: undefined,
        clock: { now: () => new Date() },
        memory: 1_000_000,
        fresh: 0,
        patience: 10_000,
        onTampering: ({ kind, key }) => { throw new Error(`${kind}: ${key}`) },
        warn: () => undefined,
      })
      open.push(storage)
      await storage.getSecret()
      return new CoreStorage(storage)
    },
    close: async () => {
      for (const storage of open) await storage.close()
      await close()
    },
  }
}

const WORLDS: readonly { readonly name: string; readonly isShared: boolean; readonly has?: () => boolean; readonly open: () => Promise<World> }[] = [
  { name: "Verdaccio's own on disk", isShared: false, open: localDisk },
  { name: 'a bucket', isShared: true, open: async () => { const s3 = await FakeS3.start(); return bucketAt(s3.url, () => s3.stop()) } },
  { name: "a bucket of Ceph's gateway", isShared: true, has: hasRadosGateway, open: async () => { const s3 = await startRadosGateway(); return bucketAt(s3.url, () => s3.close()) } },
]

for (const { name: title, isShared, has, open } of WORLDS)
  describe(`packages published here, in ${title}`, function () {
    this.timeout(30_000)
    let world: World
    let mirror: CoreStorage
    let other: CoreStorage
    let count = 0
    let NAME: string
    before(async function () {
      if (has?.() === false) return this.skip()
      world = await open()
      mirror = await world.replica()
      other = isShared ? await world.replica() : mirror
    })
    after(() => (world as World | undefined)?.close())
    beforeEach(() => { NAME = `@acme/one-${String(++count)}` })

    it('a version is there with its bytes, its tag and its name in the list, at the other mirror too', async () => {
      const bytes = Buffer.alloc(300_000, 'x')
      await mirror.publish(NAME, '1.0.0', bytes)
      const manifest = await other.manifest(NAME)
      assert.equal(manifest.versions['1.0.0']?.dist.integrity, integrityOf(bytes))
      assert.deepEqual(manifest['dist-tags'], { latest: '1.0.0' })
      assert.deepEqual(await other.tarball(NAME, fileOf(NAME, '1.0.0')), bytes)
      assert.equal((await other.names()).includes(NAME), true)
      assert.equal((await other.found()).includes(NAME), true)
    })
    it('the next version stands beside the first, and tags move', async () => {
      await mirror.publish(NAME, '1.0.0', Buffer.from('one'))
      await other.publish(NAME, '2.0.0', Buffer.from('two'), 'next')
      assert.deepEqual(await mirror.versions(NAME), ['1.0.0', '2.0.0'])
      await mirror.tag(NAME, { next: null, stable: '1.0.0', latest: '2.0.0' })
      assert.deepEqual((await other.manifest(NAME))['dist-tags'], { latest: '2.0.0', stable: '1.0.0' })
    })
    it('a version is published once: other bytes are a conflict and change nothing', async () => {
      await mirror.publish(NAME, '1.0.0', Buffer.from('one'))
      await assert.rejects(other.publish(NAME, '1.0.0', Buffer.from('another')), { status: 409 })
      assert.deepEqual(await mirror.tarball(NAME, fileOf(NAME, '1.0.0')), Buffer.from('one'))
      assert.deepEqual(await mirror.versions(NAME), ['1.0.0'])
    })
    it('what was unpublished is gone, and the rest stays', async () => {
      await mirror.publish(NAME, '1.0.0', Buffer.from('one'))
      await mirror.publish(NAME, '1.1.0', Buffer.from('two'))
      await other.unpublish(NAME, '1.0.0')
      assert.deepEqual(await mirror.versions(NAME), ['1.1.0'])
      await assert.rejects(mirror.tarball(NAME, fileOf(NAME, '1.0.0')), { status: 404 })
      assert.deepEqual(await mirror.tarball(NAME, fileOf(NAME, '1.1.0')), Buffer.from('two'))
    })
    it('a package that was removed is absent, and may be published again', async () => {
      await mirror.publish(NAME, '1.0.0', Buffer.from('one'))
      await other.remove(NAME)
      await assert.rejects(mirror.manifest(NAME), { status: 404 })
      assert.equal((await mirror.names()).includes(NAME), false)
      await mirror.publish(NAME, '1.0.0', Buffer.from('anew'))
      assert.deepEqual(await other.tarball(NAME, fileOf(NAME, '1.0.0')), Buffer.from('anew'))
    })
    it('what nobody published is absent', async () => {
      await assert.rejects(mirror.manifest(NAME), { status: 404 })
      await assert.rejects(mirror.tarball(NAME, 'one.tgz'), { status: 404 })
      await assert.rejects(mirror.remove(NAME), { status: 404 })
    })
    it('a tarball without a byte is refused and leaves no file', async () => {
      await mirror.publish(NAME, '1.0.0', Buffer.from('one'))
      await assert.rejects(mirror.upload(NAME, fileOf(NAME, '2.0.0'), Buffer.alloc(0)))
      await assert.rejects(mirror.tarball(NAME, fileOf(NAME, '2.0.0')), { status: 404 })
    })

    if (!isShared) return

    it('ten versions that two mirrors publish at one time are all there', async () => {
      const versions = Array.from({ length: 10 }, (_, index) => `1.${String(index)}.0`)
      await Promise.all(versions.map((version, index) => (index % 2 === 0 ? mirror : other).publish(NAME, version, Buffer.from(version))))
      assert.deepEqual(await mirror.versions(NAME), versions)
      assert.deepEqual(await Promise.all(versions.map((version) => other.tarball(NAME, fileOf(NAME, version)))), versions.map((version) => Buffer.from(version)))
      assert.equal(Object.keys((await other.manifest(NAME))._attachments).length, 10)
    })
    it('one version that two mirrors publish at one time is published once', async () => {
      await mirror.publish(NAME, '1.0.0', Buffer.from('one'))
      const outcomes = await Promise.allSettled([mirror, other].map((one, index) => one.publish(NAME, '2.0.0', Buffer.from(`two of ${String(index)}`))))
      assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
      const winner = Buffer.from(`two of ${String(outcomes.findIndex(({ status }) => status === 'fulfilled'))}`)
      assert.deepEqual(await mirror.tarball(NAME, fileOf(NAME, '2.0.0')), winner)
      assert.equal((await other.manifest(NAME)).versions['2.0.0']?.dist.integrity, integrityOf(winner))
    })
    it('packages that two mirrors publish for the first time are all in the list', async () => {
      const names = Array.from({ length: 6 }, (_, index) => `${NAME}-${String(index)}`)
      await Promise.all(names.map((name, index) => (index % 2 === 0 ? mirror : other).publish(name, '1.0.0', Buffer.from(name))))
      const list = await mirror.names()
      assert.deepEqual(names.filter((name) => !list.includes(name)), [])
    })
    it('a version published while another is taken away stays', async () => {
      await mirror.publish(NAME, '1.0.0', Buffer.from('one'))
      await mirror.publish(NAME, '1.1.0', Buffer.from('two'))
      await Promise.all([mirror.unpublish(NAME, '1.0.0'), other.publish(NAME, '1.2.0', Buffer.from('three'))])
      assert.deepEqual(await mirror.versions(NAME), ['1.1.0', '1.2.0'])
    })
  })
