import assert from 'node:assert/strict'
import { readFileSync, rmSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { extract } from 'tar'
import type { JsonObject } from '../../../plugin/domain/json.ts'
import { parsePackument } from '../../../plugin/domain/packument.ts'
import { askedAttestations, FakeRegistry } from '../../support/fake-registry.ts'
import { githubIdentity, PrivateSigstore } from '../../support/private-sigstore.ts'
import { sha512Of, tarballOf } from '../../support/tarball.ts'

const NOW = new Date('2026-03-01T00:00:00Z')
const sigstore = PrivateSigstore.create({ clock: { now: () => NOW } })
const INSTALL = { accept: 'application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8' }

describe('fake registry', () => {
  let registry: FakeRegistry
  beforeEach(async () => {
    registry = await FakeRegistry.start({ sigstore, name: 'npm' })
  })
  afterEach(() => registry.close())

  const get = (to: string, headers: Record<string, string> = {}) => fetch(registry.url + to, { headers, redirect: 'manual' })
  const json = async (to: string, headers?: Record<string, string>) => (await (await get(to, headers)).json()) as JsonObject

  describe('serves', () => {
    it('a full packument, signed, published sixty days ago', async () => {
      const published = registry.publish({ name: '@acme/widget', version: '1.0.0', packageJson: { bin: 'cli.js' } })
      const packument = parsePackument(await json('/@acme%2fwidget'), '@acme/widget')
      const version = packument.versions.get('1.0.0')
      assert.equal(version?.dist.integrity, published.integrity)
      assert.equal(version.dist.tarball, published.tarballUrl)
      assert.deepEqual(version.dist.signatures?.length, 1)
      assert.equal(version.dist.attestations, undefined)
      assert.deepEqual(version.raw.bin, { widget: 'cli.js' })
      assert.equal(packument.time.get('1.0.0'), '2025-12-31T00:00:00.000Z')
      assert.equal(packument.distTags.get('latest'), '1.0.0')
    })

    it('an abbreviated packument without time', async () => {
      registry.publish({ name: 'a', version: '1.0.0', provenance: githubIdentity() })
      const packument = await json('/a', INSTALL)
      assert.equal(packument.time, undefined)
      const { dist, description } = (packument.versions as Record<string, JsonObject>)['1.0.0'] ?? {}
      assert.equal(description, undefined)
      assert.deepEqual(Object.keys((dist as JsonObject).attestations as JsonObject), ['url', 'provenance'])
    })

    it('304 for a known ETag, another ETag after a change', async () => {
      registry.publish({ name: 'a', version: '1.0.0' })
      const etag = (await get('/a')).headers.get('etag') ?? ''
      assert.equal((await get('/a', { 'if-none-match': etag })).status, 304)
      registry.publish({ name: 'a', version: '1.0.1' })
      assert.equal((await get('/a', { 'if-none-match': etag })).status, 200)
    })

    it('one version, by number and by tag', async () => {
      registry.publish({ name: 'a', version: '1.0.0' })
      assert.equal((await json('/a/1.0.0')).version, '1.0.0')
      assert.equal((await json('/a/latest')).version, '1.0.0')
      assert.deepEqual(await json('/-/package/a/dist-tags'), { latest: '1.0.0' })
    })

    it('attestations under the announced address', async () => {
      registry.publish({ name: '@acme/widget', version: '1.0.0', provenance: githubIdentity() })
      const version = parsePackument(registry.packument('@acme/widget'), '@acme/widget').versions.get('1.0.0')
      const response = await fetch(version?.dist.attestations?.url ?? '')
      const { attestations } = (await response.json()) as { attestations: unknown[] }
      assert.equal(attestations.length, 2)
      assert.deepEqual(askedAttestations(registry), [{ name: '@acme/widget', version: '1.0.0' }])
    })

    it('keys, or 404 without', async () => {
      assert.deepEqual(await json('/-/npm/v1/keys'), sigstore.registryKeys())
      registry.keys = undefined
      assert.equal((await get('/-/npm/v1/keys')).status, 404)
    })

    it('tarballs that tar unpacks, of the stated integrity', async () => {
      const { tarballUrl, sha512 } = registry.publish({ name: 'a', version: '1.0.0', files: { 'package/lib/x.js': 'x' } })
      const bytes = Buffer.from(await (await fetch(tarballUrl)).arrayBuffer())
      assert.equal(sha512Of(bytes), sha512)
      const directory = mkdtempSync(path.join(tmpdir(), 'tarball-'))
      try {
        writeFileSync(path.join(directory, 'a.tgz'), bytes)
        await extract({ file: path.join(directory, 'a.tgz'), cwd: directory, strict: true })
        assert.equal(readFileSync(path.join(directory, 'package/lib/x.js'), 'utf8'), 'x')
        assert.equal((JSON.parse(readFileSync(path.join(directory, 'package/package.json'), 'utf8')) as JsonObject).name, 'a')
      } finally {
        rmSync(directory, { recursive: true })
      }
    })

    it('404 as JSON for what it has not', async () => {
      registry.publish({ name: 'a', version: '1.0.0' })
      const attestations = '/-/npm/v1/attestations/a@1.0.0'
      for (const missing of ['/b', '/a/2.0.0', '/a/constructor', '/a/-/a-2.0.0.tgz', attestations, '/constructor']) {
        const response = await get(missing)
        assert.equal(response.status, 404, missing)
        assert.deepEqual(await response.json(), { error: 'Not found' })
      }
    })
  })

  describe('changes', () => {
    beforeEach(() => {
      for (const version of ['1.0.0', '1.0.1', '1.0.2']) registry.publish({ name: 'a', version })
    })

    it('unpublish takes a version, its bytes and its tags', async () => {
      registry.unpublish('a', '1.0.2')
      const packument = await json('/a')
      assert.deepEqual(Object.keys(packument.versions as JsonObject), ['1.0.0', '1.0.1'])
      assert.deepEqual(packument['dist-tags'], {})
      assert.equal((await get('/a/-/a-1.0.2.tgz')).status, 404)
      registry.unpublish('a')
      assert.equal((await get('/a')).status, 404)
    })

    it('retag, deprecate and edit', async () => {
      registry.retag('a', 'latest', '1.0.1')
      registry.deprecate('a', '1.0.0', 'old')
      registry.edit('a', (packument) => ({ ...packument, readme: 'edited' }))
      const packument = await json('/a')
      assert.deepEqual(packument['dist-tags'], { latest: '1.0.1' })
      assert.equal((packument.versions as Record<string, JsonObject>)['1.0.0']?.deprecated, 'old')
      assert.equal(packument.readme, 'edited')
    })
  })

  describe('misbehaves', () => {
    beforeEach(() => {
      registry.publish({ name: 'a', version: '1.0.0' })
    })

    it('down: connections break off, and hold again', async () => {
      registry.down = true
      await assert.rejects(get('/a'))
      registry.down = false
      assert.equal((await get('/a')).status, 200)
    })

    it('status, after good answers and for so many', async () => {
      registry.status('/a', 429, { 'retry-after': '1' }, { after: 1, times: 1 })
      const codes = [await get('/a'), await get('/a'), await get('/a')].map((response) => response.status)
      assert.deepEqual(codes, [200, 429, 200])
    })

    it('hang: no answer, until it is switched off', async () => {
      const hanging = registry.hang(/^\/a$/)
      await assert.rejects(fetch(`${registry.url}/a`, { signal: AbortSignal.timeout(30) }), { name: 'TimeoutError' })
      hanging.off()
      assert.equal((await get('/a')).status, 200)
    })

    it('garbage', async () => {
      registry.garbage('/a', '<html>')
      assert.equal(await (await get('/a')).text(), '<html>')
    })

    it('cut: less than the stated length', async () => {
      registry.cut('/a')
      await assert.rejects((async () => (await get('/a')).text())())
    })

    it('slow: everything, in pieces', async () => {
      registry.slow('/a/-/a-1.0.0.tgz', 100, 1)
      const bytes = await (await get('/a/-/a-1.0.0.tgz')).arrayBuffer()
      assert.deepEqual(Buffer.from(bytes), tarballOf({
        'package/package.json': { name: 'a', version: '1.0.0', description: 'a for tests', license: 'MIT' },
        'package/index.js': 'module.exports = 1\n',
      }))
    })

    it('redirect', async () => {
      registry.redirect('/a', 'http://localhost/b')
      const response = await get('/a')
      assert.deepEqual([response.status, response.headers.get('location')], [302, 'http://localhost/b'])
    })

    it('reset: good again, and nothing in the log', async () => {
      registry.status('/a', 500)
      await get('/a')
      registry.reset()
      assert.equal((await get('/a')).status, 200)
      assert.equal(registry.requests.length, 1)
    })
  })

  it('counts requests by decoded path and keeps their headers', async () => {
    await get('/@acme%2fwidget?write=true', { authorization: 'Bearer secret' })
    assert.equal(registry.hits('/@acme/widget'), 1)
    assert.equal(registry.requests[0]?.path, '/@acme%2fwidget?write=true')
    assert.equal(registry.requests[0].headers.authorization, 'Bearer secret')
  })
})
