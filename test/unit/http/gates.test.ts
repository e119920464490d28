import assert from 'node:assert/strict'
import { Unavailable } from '../../../plugin/domain/errors.ts'
import { isLocal, onlyPackages, type VerdaccioStorage } from '../../../plugin/http/access.ts'
import { publicBase, type PublicAddresses } from '../../../plugin/http/host.ts'
import { publishGuard } from '../../../plugin/http/publish.ts'
import { Served } from './support.ts'

type Get = VerdaccioStorage['localStorage']['storagePlugin']['get']
const storageOf = (get: Get): VerdaccioStorage => ({ localStorage: { storagePlugin: { get } } }) as never
const listing = (...names: readonly string[]): VerdaccioStorage => storageOf(() => Promise.resolve(names))

describe('whether a package was published here', () => {
  it('by a storage that returns a promise', async () => {
    assert.deepEqual([await isLocal(listing('ours'), 'ours'), await isLocal(listing('ours'), 'theirs')], [true, false])
  })
  it('by a storage that takes a callback', async () => {
    const storage = storageOf((callback) => {
      callback(null, ['ours'])
      return undefined
    })
    assert.deepEqual([await isLocal(storage, 'ours'), await isLocal(storage, 'theirs')], [true, false])
  })
  it('a list that cannot be read is an error, not an empty list: by callback', async () => {
    await assert.rejects(isLocal(storageOf((callback) => {
      callback(new Error('x'), ['ours'])
      return undefined
    }), 'ours'))
  })
  it('and by promise', async () => {
    await assert.rejects(isLocal(storageOf(() => Promise.reject(new Error('x'))), 'ours'))
  })
  it('a prefix of a name is another name', async () => assert.equal(await isLocal(listing('ours-too'), 'ours'), false))
})

describe('names of packages', () => {
  const answered = (name: string | undefined): string => {
    let answer = 'nothing'
    onlyPackages({ params: name === undefined ? {} : { package: name } } as never, {} as never, ((next?: string) => { answer = next ?? 'goes on' }) as never)
    return answer
  }
  for (const name of ['widget', '@acme/widget', 'constructor']) it(`${name} is one`, () => assert.equal(answered(name), 'goes on'))
  for (const name of ['-', '../x', '.hidden', 'node_modules', '', undefined]) it(`${String(name)} is none`, () => assert.equal(answered(name), 'router'))
})

describe('the address a client used', () => {
  const ADDRESSES: PublicAddresses = { urls: [new URL('https://npm.acme.example/mirror/'), new URL('https://other.example:8443')], prefix: '/npm' }
  const base = (host: string | undefined, headers: object = {}, socket: object = {}, addresses = ADDRESSES) =>
    publicBase({ headers: { ...(host === undefined ? {} : { host }), ...headers }, socket } as never, addresses)

  for (const [host, expected] of [
    ['npm.acme.example', 'https://npm.acme.example/mirror'],
    ['NPM.acme.example', 'https://npm.acme.example/mirror'],
    ['other.example:8443', 'https://other.example:8443'],
    ['localhost:4873', 'http://localhost:4873/npm'],
    ['127.0.0.1:4873', 'http://127.0.0.1:4873/npm'],
    ['127.1.2.3', 'http://127.1.2.3/npm'],
    ['[::1]:4873', 'http://[::1]:4873/npm'],
  ] as const)
    it(`${host} is one of the mirror's`, () => assert.equal(base(host), expected))
  for (const host of [
    undefined, '', 'evil.example', 'npm.acme.example.evil.example', 'evil-npm.acme.example', 'other.example', 'other.example:80', 'localhost.evil.example',
    'localhost@evil.example', 'localhost/x', 'a b', 'localhost:99999', '0.0.0.0:4873', '10.0.0.1', '[::2]', 'x127.0.0.1', '127.0.0.1.evil.example', 'localhost\\evil',
  ])
    it(`[15g] ${String(host)} is not`, () => assert.equal(base(host), undefined))
  it('over TLS the loopback address is https', () => assert.equal(base('localhost:4873', {}, { encrypted: true }), 'https://localhost:4873/npm'))
  it('[15g] forwarded headers are not read', () => {
    assert.equal(base('localhost:1', { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', forwarded: 'host=evil.example' }), 'http://localhost:1/npm')
  })
  it('without a publicUrl only loopback', () => assert.equal(base('npm.acme.example', {}, {}, { urls: [], prefix: '' }), undefined))
})

describe('publishing a name', () => {
  const served = new Served()
  before(() => served.start())
  after(() => served.stop())

  /** 404 is what stands behind the guard: the publish went on to the core. */
  const publish = async (exists: () => Promise<boolean>, { storage = listing(), shadow = false, before = false, may = true, known = false } = {}): Promise<number> => {
    const auth = { allow_publish: (_pkg: object, _user: object, done: (error: null, allowed: boolean) => void) => { done(null, may) } } as never
    const publishedHere = { has: () => before, note: () => undefined }
    served.handler = publishGuard({ pipeline: { exists, knew: () => known } as never, auth, storage, mayShadow: () => shadow, publishedHere }) as never
    return (await served.ask({ method: 'PUT' })).status
  }
  const taken = (): Promise<boolean> => Promise.resolve(true)

  it('that is free', async () => assert.equal(await publish(() => Promise.resolve(false)), 404))
  it('[21c] that an uplink serves', async () => assert.equal(await publish(taken), 403))
  it('that an uplink serves and the operator gave away', async () => assert.equal(await publish(taken, { shadow: true }), 404))
  it('that was published here before, whatever uplinks say now', async () => assert.equal(await publish(taken, { storage: listing('widget') }), 404))
  it('[21c] that an uplink had and has no more', async () => assert.equal(await publish(() => Promise.resolve(false), { known: true }), 403))
  it('that was published here once and is no more', async () => assert.equal(await publish(taken, { before: true }), 404))
  it('asks no uplink for somebody who may not publish it', async () => {
    let asked = 0
    const exists = (): Promise<boolean> => Promise.resolve(++asked > 0)
    assert.equal(await publish(exists, { may: false }), 500)
    assert.equal(asked, 0)
  })
  it('[21a] that nobody knows to be free', async () => {
    assert.equal(await publish(() => Promise.reject(new Unavailable('evidence-unavailable', 'x'))), 500)
  })
  it('while the list of local names cannot be read', async () => {
    assert.equal(await publish(() => Promise.resolve(false), { storage: storageOf(() => Promise.reject(new Error('x'))) }), 500)
  })
})
