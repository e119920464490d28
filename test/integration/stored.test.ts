/** A storage that an older Verdaccio filled from an uplink: what of it is shown, served and kept. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { startTestMirror } from '../support/mirror.ts'
import { PrivateSigstore } from '../support/private-sigstore.ts'
import { raw, register } from '../support/raw.ts'
import { fillStorage, pluginsFolder, publishTo, put, sectionFor, startPluginForm, stockConfig, type Stock } from '../support/stored.ts'

interface Start {
  readonly registry: FakeRegistry
  readonly dir: string
}

/** The policy refuses all that the old storage took from the uplink. */
const POLICY = { version: 1, extends: 'recommended', defaults: { minimumReleaseAge: '0', provenance: 'required' } }

const pluginForm =
  (filters: JsonObject) =>
  ({ registry, dir }: Start): Promise<Stock> =>
    startPluginForm(
      stockConfig(dir, { plugins: pluginsFolder(dir), middlewares: { provenance: sectionFor(dir, registry, { policy: POLICY }) }, filters }),
    )

const FORMS: Readonly<Record<string, (start: Start) => Promise<Stock>>> = {
  serve: async ({ registry, dir }) => {
    const mirror = await startTestMirror({ registry, dir, policy: POLICY, core: { web: { enable: true } } })
    return { url: mirror.url, close: () => mirror.close({ keep: true }) }
  },
  'the plugin form': pluginForm({ provenance: {} }),
  'the plugin form without its filter': pluginForm({}),
}

for (const [form, start] of Object.entries(FORMS))
  describe(`an older Verdaccio's storage: ${form}`, function () {
    this.timeout(20_000)
    let registry: FakeRegistry
    let dir: string
    let mirror: Stock
    let token: string

    before(async () => {
      registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
      for (const name of ['proxied', '@acme/proxied', 'mixed']) registry.publish({ name, version: '6.6.6', manifest: { description: 'foreign', author: { name: 'mallory' }, keywords: ['foreign'] } })
      registry.publish({ name: 'gone', version: '6.6.6' })
      // An address with a query, which does not belong to the file's name.
      registry.edit('mixed', (packument) => {
        const { '6.6.6': version } = packument.versions as Record<string, { dist: JsonObject }>
        const signed = { ...version!, dist: { ...version!.dist, tarball: `${version!.dist.tarball as string}?sig=1` } }
        return { ...packument, readme: 'FOREIGN README 6.6.6', versions: { '6.6.6': signed } }
      })
      dir = mkdtempSync(path.join(tmpdir(), 'stored-'))
      await fillStorage(dir, registry.url, {
        published: ['mixed', 'home-made', '@home/made'],
        asked: ['/proxied', '/proxied/-/proxied-6.6.6.tgz', '/@acme%2fproxied', '/@acme/proxied/-/proxied-6.6.6.tgz', '/gone', '/gone/-/gone-6.6.6.tgz', '/mixed', '/mixed/-/mixed-6.6.6.tgz'],
      })
      writeFileSync(path.join(dir, 'storage/home-made/left-over-6.6.6.tgz'), 'left over')
      registry.unpublish('gone')
      mirror = await start({ registry, dir })
      token = await register(mirror.url, 'alice')
    })
    after(async () => {
      await mirror.close()
      await registry.close()
      rmSync(dir, { recursive: true, force: true })
    })

    it('was filled as such a storage is', () => {
      const stored = JSON.parse(readFileSync(path.join(dir, 'storage/mixed/package.json'), 'utf8')) as { versions: JsonObject }
      assert.deepEqual(Object.keys(stored.versions), ['0.1.0', '6.6.6'])
      for (const file of ['proxied/proxied-6.6.6.tgz', 'mixed/mixed-6.6.6.tgz', '@acme/proxied/proxied-6.6.6.tgz']) assert.ok(existsSync(path.join(dir, 'storage', file)))
    })

    const WAYS = [
      '/-/v1/search?text=',
      '/-/v1/search?text=proxied',
      '/-/v1/search?text=foreign&size=250',
      '/-/v1/search?text=author:mallory',
      '/-/v1/search?text=a&text=b',
      '/-/V1/Search?text=',
      '/-/all',
      '/-/all/',
      '/-/all/since?stale=update_after&startkey=0',
      '/-/verdaccio/data/packages',
      '/-/verdaccio/data/search/proxied',
      '/-/verdaccio/data/search/foreign',
      '/-/_view/starredByUser?key=%22alice%22',
      ...['proxied', '@acme/proxied', '@acme%2fproxied', 'gone', 'mixed'].flatMap((name) => [
        `/${name}`,
        `/${name}?write=true`,
        `/${name}/latest`,
        `/${name}/6.6.6`,
        `/${name}/6.6.6?write=true`,
        `/${name}/-/package.json`,
        `/${name}/-/${name.replace(/^.*(\/|%2f)/, '')}-6.6.6.tgz`,
        `/${name}/-/${name.replace(/^.*(\/|%2f)/, '')}-6.6.6.tgz?write=true`,
        `/-/package/${name}/dist-tags`,
        `/-/package/${name}/collaborators`,
        `/-/package/${name}/access`,
        `/-/package/${name}/visibility`,
        `/-/verdaccio/data/package/readme/${name}`,
        `/-/verdaccio/data/package/readme/${name}/6.6.6`,
        `/-/verdaccio/data/sidebar/${name}`,
        `/-/verdaccio/data/sidebar/${name}?v=6.6.6`,
        `/-/web/detail/${name}`,
        `/-/web/detail/${name}/v/6.6.6`,
      ]),
      '/home-made/-/left-over-6.6.6.tgz',
      '/proxied/@x/y',
    ]
    for (const where of WAYS)
      it(`${where} shows nothing that came from the uplink`, async () => {
        for (const method of ['GET', 'HEAD']) {
          const { status, headers, body } = await raw(mirror.url, where, { method })
          const text = body.toString('latin1')
          assert.ok(status < 500, `${String(status)} ${text}`)
          if (status === 200) assert.doesNotMatch(text, /6\.6\.6|foreign|mallory|FOREIGN|"(@acme\/)?proxied"/, text)
          if (status === 200) assert.notEqual(headers['content-type'], 'application/octet-stream')
        }
      })

    it('packages published here are shown on each of them', async () => {
      const text = async (where: string): Promise<string> => (await raw(mirror.url, where)).body.toString()
      for (const where of ['/-/v1/search?text=home', '/-/v1/search?text=published%20HERE', '/-/all', '/-/all/since', '/-/verdaccio/data/packages', '/-/verdaccio/data/search/home-made'])
        assert.match(await text(where), /"home-made"/, where)
      assert.match(await text('/-/verdaccio/data/packages'), /@home\/made/)
      for (const name of ['home-made', '@home/made', '@home%2fmade', 'mixed']) {
        assert.match(await text(`/${name}`), /"0\.1\.0"/, name)
        assert.match(await text(`/-/verdaccio/data/sidebar/${name}`), /"0\.1\.0"/, name)
        assert.equal((await raw(mirror.url, `/-/verdaccio/data/package/readme/${name}`)).status, 200)
        assert.equal(await text(`/${name}/-/${name.replace(/^.*(\/|%2f)/, '')}-0.1.0.tgz`), 'published here')
      }
      assert.match(await text('/-/web/detail/home-made'), /^\s*<!DOCTYPE html>/)
    })
    it('search answers with pages', async () => {
      const objects = async (query: string): Promise<number> => {
        const { body } = await raw(mirror.url, `/-/v1/search?text=&${query}`)
        return (JSON.parse(body.toString()) as { objects: unknown[] }).objects.length
      }
      assert.equal(await objects('size=2'), 2)
      assert.equal(await objects('from=2'), 1)
      assert.equal(await objects('size=-1&from=x'), 3)
    })
    it('the uplink is never asked for a search', () => {
      assert.equal(registry.hits(/search|\/-\/all/), 0)
    })

    const storedVersions = (name: string): readonly string[] =>
      Object.keys((JSON.parse(readFileSync(path.join(dir, 'storage', name, 'package.json'), 'utf8')) as { versions: JsonObject }).versions)
    const asWriter = async (name: string): Promise<JsonObject & { versions: Record<string, JsonObject> }> => {
      const { body } = await raw(mirror.url, `/${name}?write=true`, { headers: { authorization: `Bearer ${token}` } })
      return JSON.parse(body.toString()) as JsonObject & { versions: Record<string, JsonObject> }
    }

    it('npm deprecate loses no hidden version', async () => {
      const manifest = await asWriter('mixed')
      const versions = { ...manifest.versions, '0.1.0': { ...manifest.versions['0.1.0'], deprecated: 'old' } }
      assert.equal((await put(mirror.url, '/mixed', token, { ...manifest, versions })).status, 201)
      assert.deepEqual(storedVersions('mixed'), ['0.1.0', '6.6.6'])
      assert.match((await raw(mirror.url, '/mixed')).body.toString(), /"deprecated":"old"/)
    })
    it('npm star loses no hidden version', async () => {
      assert.equal((await put(mirror.url, '/mixed', token, { _id: 'mixed', users: { alice: true } })).status, 200)
      assert.deepEqual(storedVersions('mixed'), ['0.1.0', '6.6.6'])
      assert.match((await raw(mirror.url, '/-/_view/starredByUser?key=%22alice%22')).body.toString(), /mixed/)
    })
    it('npm dist-tag loses no hidden version', async () => {
      assert.equal((await put(mirror.url, '/-/package/mixed/dist-tags/stable', token, '0.1.0')).status, 201)
      assert.deepEqual(storedVersions('mixed'), ['0.1.0', '6.6.6'])
    })
    it('publishing another version loses no hidden version', async () => {
      assert.equal((await publishTo(mirror.url, token, 'mixed', '0.2.0')).status, 201)
      assert.deepEqual(storedVersions('mixed'), ['0.1.0', '6.6.6', '0.2.0'])
    })
    it('npm unpublish of one version takes that one only', async () => {
      const { versions: { '0.2.0': _gone, ...kept }, ...manifest } = await asWriter('mixed')
      const rev = manifest._rev as string
      assert.equal((await put(mirror.url, `/mixed/-rev/${rev}`, token, { ...manifest, 'dist-tags': { latest: '0.1.0' }, versions: kept })).status, 201)
      const headers = { authorization: `Bearer ${token}` }
      assert.equal((await raw(mirror.url, `/mixed/-/mixed-0.2.0.tgz/-rev/${rev}`, { method: 'DELETE', headers })).status, 201)
      assert.deepEqual(storedVersions('mixed'), ['0.1.0', '6.6.6'])
    })
    it('no way of writing takes the name of a package that an uplink serves', async () => {
      const version = { name: 'proxied', version: '7.0.0', dist: { tarball: 'http://x/proxied/-/proxied-7.0.0.tgz', shasum: 'x' } }
      const attachments = { 'proxied-7.0.0.tgz': { content_type: 'application/octet-stream', data: 'eA==', length: 1 } }
      const document = { _id: 'proxied', name: 'proxied', 'dist-tags': { latest: '7.0.0' }, versions: { '7.0.0': version }, _attachments: attachments }
      for (const where of ['/proxied', '/proxied/', '/proxied/-rev/1', '/proxied/-rev/1/', '/%70roxied', '/proxied/latest'])
        assert.equal((await put(mirror.url, where, token, document)).status, 403, where)
      assert.deepEqual(storedVersions('proxied'), ['6.6.6'])
      const local = JSON.parse(readFileSync(path.join(dir, 'storage/.verdaccio-db.json'), 'utf8')) as { list: string[] }
      assert.equal(local.list.includes('proxied'), false)
    })
  })
