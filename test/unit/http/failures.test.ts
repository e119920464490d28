/** Auth plugins and storages are other people's code: whatever they do, the answer is JSON and the process stays. */
import assert from 'node:assert/strict'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type NextFunction, type Request, type Response } from 'express'
import type { JsonObject } from '../../../plugin/domain/json.ts'
import { Unavailable } from '../../../plugin/domain/errors.ts'
import type { VerdaccioAuth, VerdaccioStorage } from '../../../plugin/http/access.ts'
import { answerOf } from '../../../plugin/http/patience.ts'
import { LocalRegistry } from '../../../plugin/http/local-registry.ts'
import { createRouter, type RouterDeps } from '../../../plugin/http/router.ts'
import { raw, rawJson } from '../../support/raw.ts'
import { plainPolicy } from '../pipeline/support.ts'

type Permission = VerdaccioAuth['allow_access']

const failure = new Error('broken')
const refusal = Object.assign(new Error('not you'), { status: 403 })
const allow: Permission = (_pkg, _user, callback) => { callback(null, true) }
const throwing = (): never => {
  throw failure
}

describe('what fails in Verdaccio\'s plugins', () => {
  const unhandled: unknown[] = []
  const note = (error: unknown): void => { unhandled.push(error) }
  let server: http.Server
  let url: string
  let deps: Record<string, unknown>
  let auth: Record<string, unknown>
  let storage: Record<string, unknown>
  let logged: string[]

  before(async () => {
    process.on('unhandledRejection', note)
    process.on('uncaughtExceptionMonitor', note)
    const app = express()
    app.use((request: Request, _response: Response, next: NextFunction) => {
      Object.assign(request, { remote_user: { name: 'alice', token: { key: 'k' } } })
      next()
    })
    app.use((request: Request, response: Response, next: NextFunction) => {
      createRouter({ ...deps, auth, storage } as unknown as RouterDeps)(request, response, next)
    })
    app.use((_request: Request, response: Response) => { response.json({ core: true }) })
    app.use((error: Error & { status?: number }, _request: Request, response: Response, _next: NextFunction) => {
      response.status(error.status ?? 500).json({ error: error.message })
    })
    server = http.createServer(app)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`
  })
  after(async () => {
    await new Promise((resolve) => server.close(resolve))
    process.off('unhandledRejection', note)
    process.off('uncaughtExceptionMonitor', note)
    assert.deepEqual(unhandled, [])
  })
  beforeEach(() => {
    logged = []
    const log = (...args: readonly unknown[]): void => { logged.push(String(args.at(-1))) }
    auth = { allow_access: allow, allow_publish: allow, webUIJWTmiddleware: () => (_request: Request, _response: Response, next: NextFunction) => { next() } }
    storage = {
      readTokens: () => Promise.resolve([{ key: 'k' }]),
      getLocalDatabase: (callback: (error: null, all: readonly unknown[]) => void) => { callback(null, [{ name: 'mine', version: '1.0.0' }]) },
      getPackage: ({ callback }: Parameters<VerdaccioStorage['getPackage']>[0]) => { callback(null, { name: 'mine' }) },
      localStorage: { storagePlugin: { get: (callback: (error: null, names: readonly string[]) => void) => { callback(null, ['mine']) } } },
    }
    deps = {
      pipeline: { listing: throwing, tarball: throwing, judge: throwing, attestations: throwing, exists: throwing, knew: throwing, recalled: throwing },
      policy: throwing,
      registryKeys: throwing,
      addresses: { urls: [], prefix: '' },
      mayShadow: () => false,
      builders: (name: string) => ({ package: name, pins: [], pending: [], decisions: [] }),
      publishedHere: { has: () => false, note: () => undefined },
      local: localOf(),
      notReady: () => [],
      dashboard: { enabled: true, groups: { read: ['$authenticated'], write: [] }, pages: () => undefined },
      unfiltered: (run: () => void) => { run() },
      serverId: 'here',
      logger: { warn: log, error: log },
    }
  })

  /** The real reading of the storage, behind a pipeline that does nothing else. */
  const localOf = (): unknown => {
    const registry = new LocalRegistry({ get storage() { return storage as never }, unjudged: (run) => { run() }, ledger: {} as never, evidence: {} as never, maintainers: { maintainersOf: () => undefined, setMaintainers: () => undefined }, clock: { now: () => new Date(0) } })
    const read = (name: string): Promise<unknown> => registry.packument(name).then(() => ({ kind: 'absent' }))
    return { registry, pipeline: { tarball: read, listing: throwing, knew: () => false } }
  }
  const storagePlugin = (get: unknown): void => { storage.localStorage = { storagePlugin: { get } } }
  const codes = async (where: string): Promise<readonly string[]> => {
    const { status, headers, body } = await raw(url, where)
    assert.equal(status, 503, `${where}: ${body.toString()}`)
    assert.equal(headers['retry-after'], '1')
    return ((JSON.parse(body.toString()) as JsonObject).reasons as readonly { readonly code: string }[]).map(({ code }) => code)
  }

  const PACKAGE_ROUTES = ['/widget', '/widget/1.0.0', '/widget/-/widget-1.0.0.tgz', '/-/package/widget/dist-tags', '/-/npm/v1/attestations/widget@1.0.0', '/-/provenance/v1/packages/widget', '/-/provenance/v1/packages/widget/1.0.0']

  it('a pipeline that throws', async () => {
    for (const where of [...PACKAGE_ROUTES, '/-/npm/v1/keys']) assert.deepEqual(await codes(where), ['internal-error'], where)
    assert.ok(logged.length > 0)
  })
  it('a pipeline that does not answer is told from one that fails', async () => {
    deps.pipeline = { listing: () => Promise.reject(new Unavailable('evidence-unavailable', 'the uplink does not answer')) }
    deps.policy = () => plainPolicy()
    assert.deepEqual(await codes('/widget'), ['evidence-unavailable'])
  })

  const BROKEN: Readonly<Record<string, Permission>> = {
    throws: throwing,
    'answers with an error that is no refusal': (_pkg, _user, callback) => { callback(failure) },
    'answers late with such an error': (_pkg, _user, callback) => { setImmediate(() => { callback(failure) }) },
    'answers with a status that is no refusal': (_pkg, _user, callback) => { callback(Object.assign(new Error('down'), { status: 502 })) },
  }
  for (const [what, permission] of Object.entries(BROKEN))
    it(`an auth plugin that ${what}`, async () => {
      auth.allow_access = permission
      for (const where of [...PACKAGE_ROUTES, '/mine', '/mine/-/mine-1.0.0.tgz', '/-/v1/search', '/-/all', '/-/verdaccio/data/search/x'])
        assert.deepEqual(await codes(where), ['internal-error'], where)
    })
  it('an auth plugin that answers neither yes nor no', async () => {
    auth.allow_access = ((_pkg, _user, callback) => { callback(null) }) satisfies Permission
    for (const where of PACKAGE_ROUTES) assert.equal((await raw(url, where)).status, 403, where)
  })
  it('an auth plugin that answers twice', async () => {
    auth.allow_access = ((_pkg, _user, callback) => {
      callback(refusal)
      callback(null, true)
    }) satisfies Permission
    assert.equal((await raw(url, '/widget')).status, 403)
  })
  it('a refusal is Verdaccio\'s to word', async () => {
    auth.allow_access = ((_pkg, _user, callback) => { callback(refusal) }) satisfies Permission
    assert.deepEqual(await rawJson(url, '/widget'), { error: 'not you' })
    assert.deepEqual((await rawJson(url, '/-/v1/search')).objects, [])
  })
  it('an auth plugin that throws when asked who may publish', async () => {
    auth.allow_publish = throwing
    assert.deepEqual(await codes('/mine?write=true'), ['internal-error'])
    deps.policy = () => plainPolicy()
    deps.local = { pipeline: { listing: () => Promise.resolve('absent'), knew: () => false } }
    assert.equal((await raw(url, '/mine')).status, 404)
  })

  const LISTS: Readonly<Record<string, unknown>> = {
    throws: throwing,
    rejects: () => Promise.reject(failure),
    'calls back with an error': (callback: (error: Error) => void) => { callback(failure) },
    'has no list': (callback: (error: null) => void) => { callback(null) },
  }
  for (const [what, get] of Object.entries(LISTS))
    it(`a storage whose list of packages ${what}`, async () => {
      storagePlugin(get)
      for (const where of [...PACKAGE_ROUTES, '/mine', '/mine/-/mine-1.0.0.tgz']) assert.deepEqual(await codes(where), ['internal-error'], where)
      const { status } = await raw(url, '/widget', { method: 'PUT', body: '{}' })
      assert.equal(status, 503)
    })
  it('a storage that cannot read its packages', async () => {
    for (const getLocalDatabase of [throwing, (callback: (error: Error) => void) => { callback(failure) }]) {
      storage.getLocalDatabase = getLocalDatabase
      for (const where of ['/-/v1/search', '/-/all', '/-/all/since', '/-/verdaccio/data/search/x', '/-/verdaccio/data/packages', '/-/_view/starredByUser?key=x'])
        assert.deepEqual(await codes(where), ['internal-error'], where)
    }
  })
  it('a storage that cannot read a manifest serves no file of it', async () => {
    deps.policy = () => plainPolicy()
    for (const getPackage of [throwing, ({ callback }: { callback: (error: Error) => void }) => { callback(failure) }]) {
      storage.getPackage = getPackage
      assert.deepEqual(await codes('/mine/-/mine-1.0.0.tgz'), ['internal-error'])
    }
    storage.getPackage = ({ callback }: { callback: (error: Error) => void }): void => { callback(Object.assign(new Error('none'), { status: 404 })) }
    assert.equal((await raw(url, '/mine/-/mine-1.0.0.tgz')).status, 404)
  })
  it('a storage that cannot read tokens lets nobody in with one', async () => {
    for (const readTokens of [throwing, () => Promise.reject(failure), () => Promise.resolve([])]) {
      storage.readTokens = readTokens
      for (const where of [...PACKAGE_ROUTES, '/mine', '/-/v1/search']) assert.ok((await raw(url, where)).status >= 400, where)
    }
  })

  it('who never answers is waited for so long and no longer', async () => {
    await assert.rejects(answerOf('a plugin', () => undefined, 5), (error) => error instanceof Unavailable && error.reason.code === 'internal-error')
  })
})
