/** The list of packages, the secret of tokens and the tokens of users: what mirrors over one bucket must agree on. */
import assert from 'node:assert/strict'
import type { PackageLocks } from '../../../plugin/domain/package-locks.ts'
import { PackageList } from '../../../plugin/s3/package-list.ts'
import { isConditional } from '../../../plugin/s3/conditional.ts'
import { SharedSecret } from '../../../plugin/s3/secret.ts'
import { Tokens, type Token } from '../../../plugin/s3/tokens.ts'
import { ProcessLocks } from '../../../plugin/store/package-locks.ts'
import { FakeS3 } from '../../support/s3.ts'
import { bucketOf, documentsOf, KEY } from './support.ts'

const NEXT = { id: 'next', secret: Buffer.alloc(48, 'n') }

describe('what mirrors over one bucket share', () => {
  let s3: FakeS3
  before(async () => { s3 = await FakeS3.start() })
  after(() => s3.stop())
  beforeEach(() => {
    s3.objects.clear()
    s3.fault = undefined
  })

  describe('the list of packages', () => {
    const list = (fresh = 0, onChange = (): void => undefined): PackageList => new PackageList({ documents: documentsOf(s3).documents, fresh, locks: undefined, onChange })

    it('names that two add at one time are there', async () => {
      const [one, two] = [list(), list()]
      await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((name, index) => (index % 2 === 0 ? one : two).add(name)))
      assert.deepEqual([...(await one.names())], ['a', 'b', 'c', 'd', 'e', 'f'])
      await two.remove('c')
      assert.deepEqual([...(await one.names())], ['a', 'b', 'd', 'e', 'f'])
    })
    it('whoever adds a name waits until nobody goes by the list before', async () => {
      const fresh = 60
      const [one, two] = [list(fresh), list(fresh)]
      assert.deepEqual([...(await two.names())], [])
      await one.add('acme')
      assert.deepEqual([...(await two.names())], ['acme'])
    })
    it('a name that is there is not written again', async () => {
      const one = list()
      await one.add('acme')
      s3.requests.length = 0
      await one.add('acme')
      assert.deepEqual(s3.requests.filter(({ method }) => method === 'PUT'), [])
    })
    it('it is asked for once in a while, however many ask', async () => {
      const one = list(10_000)
      await one.names()
      s3.requests.length = 0
      await Promise.all(Array.from({ length: 100 }, () => one.names()))
      assert.equal(s3.requests.length, 0)
    })
    it('what changed elsewhere is told', async () => {
      let told = 0
      const [one, two] = [list(), list(0, () => { told++ })]
      await two.names()
      await one.add('acme')
      await two.refresh()
      await two.refresh()
      assert.equal(told, 1)
    })
    it('it goes as it was while the bucket is away, and when somebody took it away', async () => {
      const one = list()
      await one.add('acme')
      s3.fault = () => 500
      assert.deepEqual([...(await one.names())], ['acme'])
      s3.fault = undefined
      s3.objects.clear()
      assert.deepEqual([...(await one.names())], ['acme'])
    })
    it('[18a] who took it away has not set a name free: the next one who publishes puts it back', async () => {
      const one = list()
      await one.add('acme')
      s3.objects.clear()
      await one.add('other')
      assert.deepEqual([...(await list().names())], ['acme', 'other'])
    })
    it('who never had it cannot say that a name is free', async () => {
      s3.fault = () => 500
      await assert.rejects(list().names())
    })
  })

  describe('the secret of tokens', () => {
    const secret = (keys: readonly [typeof KEY, ...(typeof KEY)[]] = [KEY]): SharedSecret => new SharedSecret(documentsOf(s3, { keys }).documents, keys, undefined)
    const stored = (): string => s3.text('.mirror/secret.json')

    it('is one for all who ask at one time, and cannot be read in the bucket', async () => {
      const secrets = await Promise.all(Array.from({ length: 5 }, () => secret().get()))
      assert.equal(new Set(secrets).size, 1)
      assert.match(secrets[0] ?? '', /^[0-9a-f]{32}$/)
      assert.equal(stored().includes(secrets[0] ?? ''), false)
    })
    it('another can be set, the same is not written again', async () => {
      await secret().set('x'.repeat(32))
      const before = stored()
      await secret().set('x'.repeat(32))
      assert.deepEqual([await secret().get(), stored()], ['x'.repeat(32), before])
    })
    it('stays when the key is rotated, sealed by the new one from then on', async () => {
      const first = await secret().get()
      assert.equal(await secret([NEXT, KEY]).get(), first)
      assert.equal((JSON.parse(stored()) as { keyid: string }).keyid, 'next')
      assert.equal(await secret([NEXT]).get(), first)
      await assert.rejects(secret().get())
    })
  })

  describe('tokens of users', () => {
    const tokens = (): Tokens => new Tokens(documentsOf(s3).documents, undefined)
    const token = (key: string, user = 'alice'): Token => ({ user, key, token: 'xxx', readonly: false, created: 1 })

    it('made at one, known at the other; revoked at one, refused at the other', async () => {
      const [one, two] = [tokens(), tokens()]
      await one.save(token('a'))
      await two.save(token('b'))
      assert.deepEqual((await one.of('alice')).map(({ key }) => key), ['a', 'b'])
      await two.delete('alice', 'a')
      assert.deepEqual((await one.of('alice')).map(({ key }) => key), ['b'])
    })
    it('those that two make at one time are all there', async () => {
      const [one, two] = [tokens(), tokens()]
      await Promise.all(['a', 'b', 'c', 'd'].map((key, index) => (index % 2 === 0 ? one : two).save(token(key))))
      assert.deepEqual((await one.of('alice')).map(({ key }) => key).toSorted(), ['a', 'b', 'c', 'd'])
    })
    it('a user whose name is a path, or a property, has his own', async () => {
      const one = tokens()
      for (const user of ['../secret', '__proto__', 'constructor']) {
        await one.save(token('a', user))
        assert.deepEqual((await one.of(user)).map((found) => found.user), [user])
      }
    })
    it('nobody can say that a token is good while the bucket is away', async () => {
      const one = tokens()
      await one.save(token('a'))
      s3.fault = () => 500
      await assert.rejects(one.of('alice'))
    })
  })

  describe('a bucket that lets writers overwrite each other', () => {
    for (const [conditions, isKept] of [['kept', true], ['bare', true], ['only-match', false], ['only-none-match', false], ['ignored', false]] as const)
      it(`is told from one that does not (${conditions}), and nothing of the trial stays`, async () => {
        const tried = await FakeS3.start({ conditions })
        try {
          assert.equal(await isConditional(bucketOf(tried)), isKept)
          assert.equal(tried.objects.size, 0)
        } finally {
          await tried.stop()
        }
      })
    it('keeps all that is written under a lock', async () => {
      const loose = await FakeS3.start({ conditions: 'ignored' })
      const locks: PackageLocks = new ProcessLocks()
      try {
        const list = (): PackageList => new PackageList({ documents: documentsOf(loose, { isConditional: false }).documents, fresh: 0, locks, onChange: () => undefined })
        const [one, two] = [list(), list()]
        await Promise.all(['a', 'b', 'c', 'd'].map((name, index) => (index % 2 === 0 ? one : two).add(name)))
        assert.deepEqual([...(await one.names())], ['a', 'b', 'c', 'd'])
      } finally {
        await loose.stop()
      }
    })
  })

  describe('requests to the bucket', () => {
    it('are signed, and refused by the wrong secret; that is no "there is none"', async () => {
      const bucket = bucketOf(s3, { credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'another' } })
      await assert.rejects(bucket.get('a'), /403 SignatureDoesNotMatch/)
    })
    it('a bucket that is not there is no empty one', async () => {
      await assert.rejects(bucketOf(s3, { bucket: 'nothing' }).get('a'), /NoSuchBucket/)
    })
    it('ask for encryption where that is configured', async () => {
      await bucketOf(s3, { encryption: { kind: 'aws:kms', keyId: 'key' }, prefix: 'npm/' }).put('a', 'text', { condition: undefined, contentType: 'text/plain' })
      const { headers } = s3.objects.get('npm/a') ?? {}
      assert.deepEqual([headers?.['x-amz-server-side-encryption'], headers?.['x-amz-server-side-encryption-aws-kms-key-id']], ['aws:kms', 'key'])
    })
    it('keys of any name are found again, page by page', async () => {
      const bucket = bucketOf(s3, { prefix: 'npm/' })
      const keys = ['@acme/a b.tgz', '@acme/a&b.tgz', "@acme/it's.tgz", '@acme/ü.tgz', '@acme/x+y.tgz']
      for (const key of keys) await bucket.put(key, key, { condition: undefined, contentType: 'text/plain' })
      assert.deepEqual((await bucket.list('@acme/')).toSorted(), keys.toSorted())
      for (const key of keys) assert.equal(((await bucket.get(key)) as { text: string }).text, key)
    })
  })
})
