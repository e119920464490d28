import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import type { VerdaccioAuth, VerdaccioStorage } from '../../../plugin/http/access.ts'
import { searchRoutes } from '../../../plugin/http/search.ts'

const PEOPLE: Readonly<Record<string, unknown>> = {
  'as-object': { name: 'Alice', email: 'alice@example.org', url: 'https://example.org' },
  'as-text': 'Bob <bob@example.org> (https://example.org)',
  'address-alone': 'carol@example.org',
  'address-as-name': { name: 'dave@example.org' },
  'cut-short': 'Eve <eve@example.org',
}
const latest = Object.entries(PEOPLE).map(([name, author]) => ({ name, version: '1.0.0', author, maintainers: [author] }))
const auth: VerdaccioAuth = {
  allow_access: (_pkg, _user, callback) => { callback(null, true) },
  allow_publish: (_pkg, _user, callback) => { callback(null, false) },
  webUIJWTmiddleware: () => (_request, _response, next) => { next() },
}

describe('search: people of a package', () => {
  let server: Server
  let url: string
  before(async () => {
    const app = express()
    const router = express.Router()
    const storage = { getLocalDatabase: (callback: (error: null, found: typeof latest) => void) => { callback(null, latest) } }
    searchRoutes(router, { auth, storage: storage as unknown as VerdaccioStorage }, (handler) => (request, response, next) => {
      handler(request, response).catch(next)
    })
    server = createServer(app.use(router))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`
  })
  after(() => { server.close() })

  const found = async (query: string): Promise<readonly { readonly package: { readonly name: string; readonly author?: unknown; readonly maintainers: unknown } }[]> =>
    ((await (await fetch(`${url}/-/v1/search?${query}`)).json()) as { objects: never[] }).objects

  it('are shown by name, and no address of theirs', async () => {
    const shown = Object.fromEntries((await found('text=')).map((one) => [one.package.name, [one.package.author, one.package.maintainers]]))
    assert.deepEqual(shown, {
      'address-alone': [undefined, []],
      'address-as-name': [undefined, []],
      'as-object': [{ name: 'Alice' }, [{ username: 'Alice' }]],
      'as-text': [{ name: 'Bob' }, []],
      'cut-short': [{ name: 'Eve' }, []],
    })
  })
  it('are found by name, and by no address of theirs', async () => {
    assert.deepEqual((await found('text=author:bob')).map((one) => one.package.name), ['as-text'])
    assert.deepEqual(await found('text=author:example.org'), [])
  })
  it('a name of a megabyte takes no time', async () => {
    latest.push({ name: 'long', version: '1.0.0', author: 'x'.repeat(1_000_000), maintainers: [] })
    assert.equal((await found('text=author:xx')).length, 1)
  })
})
