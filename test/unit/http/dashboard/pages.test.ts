import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { assetFile, indexPage, readPages, type BuiltPages } from '../../../../plugin/http/dashboard/pages.ts'
import { pageForBrowsers } from '../../../../plugin/http/dashboard/to-page.ts'
import { Behind, type Answer } from './support.ts'

const SCRIPT = 'export const answer = 42\n'.repeat(50)

describe('pages of the dashboard', () => {
  let dir: string
  let pages: BuiltPages | undefined
  let base: string
  before(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'pages-'))
    mkdirSync(path.join(dir, 'assets'))
    writeFileSync(path.join(dir, 'index.html'), '<base href="%BASE%"><meta name="csp-nonce" content="%NONCE%"><script src="./assets/index-1a.js"></script>')
    writeFileSync(path.join(dir, 'assets', 'index-1a.js'), SCRIPT)
    writeFileSync(path.join(dir, 'assets', 'index-1a.js.map'), '{}')
    writeFileSync(path.join(dir, 'manifest.json'), '{}')
    writeFileSync(path.join(dir, 'icon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>')
  })
  after(() => { rmSync(dir, { recursive: true }) })
  beforeEach(() => {
    pages = readPages(dir)
    base = 'https://npm.acme.test/npm'
  })

  describe('the page', () => {
    let server: Behind
    beforeEach(async () => {
      server = new Behind('/*', indexPage(() => pages, () => base))
      await server.start()
    })
    afterEach(() => { server.stop() })
    const nonceOf = ({ text }: Answer): string => /content="([^"]+)"/.exec(text)?.[1] ?? ''

    it('names the folder of the public address, so that it works in a sub-path and behind a proxy', async () => {
      assert.ok((await server.ask('/-/provenance/policy')).text.startsWith('<base href="/npm/-/provenance/">'))
      base = 'http://localhost:4873'
      assert.ok((await server.ask('/')).text.startsWith('<base href="/-/provenance/">'))
    })

    it('lets nothing in but what it came with', async () => {
      const { headers, text } = await server.ask('/')
      const nonce = nonceOf({ text } as Answer)
      assert.equal(
        headers['content-security-policy'],
        `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'`,
      )
      assert.deepEqual(
        ['x-content-type-options', 'referrer-policy', 'cross-origin-opener-policy', 'cache-control', 'access-control-allow-origin'].map((name) => headers[name]),
        ['nosniff', 'no-referrer', 'same-origin', 'no-store', undefined],
      )
    })

    it('has another nonce each time', async () => {
      const nonces = await Promise.all([1, 2].map(async () => nonceOf(await server.ask('/'))))
      assert.equal(new Set(nonces).size, 2)
      assert.ok(nonces.every((nonce) => nonce.length >= 22))
    })

    it('says how it is built, where it is not', async () => {
      pages = readPages(path.join(dir, 'nowhere'))
      const { status, text, headers } = await server.ask('/')
      assert.deepEqual([status, text.includes('npm run build'), headers['content-security-policy']?.slice(0, 18)], [200, true, "default-src 'none'"])
    })
  })

  describe('its files', () => {
    let server: Behind
    beforeEach(async () => {
      server = new Behind('/assets/:file', assetFile(() => pages, 'assets'))
      await server.start()
    })
    afterEach(() => { server.stop() })

    it('stay in caches, folded where that is asked for', async () => {
      const plain = await server.ask('/assets/index-1a.js')
      assert.deepEqual([plain.text, plain.headers['content-type'], plain.headers['cache-control']], [SCRIPT, 'text/javascript; charset=utf-8', 'public, max-age=31536000, immutable'])
      const folded = await server.ask('/assets/index-1a.js', { headers: { 'accept-encoding': 'gzip' } })
      assert.equal(gunzipSync(folded.bytes).toString(), SCRIPT)
      assert.notEqual(folded.headers.etag, plain.headers.etag)
      assert.equal((await server.ask('/assets/index-1a.js', { headers: { 'if-none-match': plain.headers.etag ?? '' } })).status, 304)
    })

    for (const [what, name] of [
      ['a way out', '..%2findex.html'],
      ['a way out, encoded twice', '..%252f..%252fpackage.json'],
      ['an absolute path', '%2fetc%2fpasswd'],
      ['a name that every object has', 'constructor'],
      ['a file that is no part of it', 'index-1a.js.map'],
      ['a file that is not there', 'index-2b.js'],
    ] as const)
      it(`${what} leads nowhere`, async () => assert.equal((await server.ask(`/assets/${name}`)).status, 404))

    it('beside the page are images alone', () => assert.deepEqual([...(pages?.others.keys() ?? [])], ['icon.svg']))
  })

  describe('the address that a refused install prints', () => {
    let server: Behind
    const serve = async (enabled: boolean): Promise<void> => {
      server = new Behind('/:package/:version?', (_request, response) => void response.json({ outcome: 'deny' }), pageForBrowsers({ enabled, pages: () => pages }, () => base))
      await server.start()
    }
    beforeEach(() => serve(true))
    afterEach(() => { server.stop() })
    const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8'
    const asked = async (accept: string | undefined, where = '/left-pad/1.0.0'): Promise<readonly [number, string | undefined]> => {
      const { status, headers } = await server.ask(where, { headers: accept === undefined ? {} : { accept } })
      assert.match(headers.vary ?? '', /Accept/)
      return [status, headers.location]
    }

    it('shows a browser the page', async () => {
      assert.deepEqual(await asked(BROWSER), [303, 'https://npm.acme.test/npm/-/provenance/packages/left-pad/v/1.0.0'])
      assert.deepEqual(await asked(BROWSER, '/@acme%2fui'), [303, 'https://npm.acme.test/npm/-/provenance/packages/@acme/ui'])
    })
    it('leads nowhere else, whatever the name', async () => {
      const [, location = ''] = await asked(BROWSER, '/..%2f..%2f%2fevil.test%3f%23/1%0d%0a')
      assert.equal(new URL(location).host, 'npm.acme.test')
    })
    for (const accept of [undefined, '*/*', 'application/json', 'application/json, text/html;q=0.5'])
      it(`gives the document to a program that asks for ${accept ?? 'nothing'}`, async () => assert.equal((await asked(accept))[0], 200))
    it('is the document where there are no pages', async () => {
      server.stop()
      await serve(false)
      assert.equal((await asked(BROWSER))[0], 200)
      server.stop()
      await serve(true)
      pages = undefined
      assert.equal((await asked(BROWSER))[0], 200)
    })
  })
})
