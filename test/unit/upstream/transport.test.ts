import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { Fixture, json, packumentOf, status, unavailable } from './support.ts'

describe('upstream: proxies', () => {
  let fixture: Fixture
  beforeEach(async () => {
    fixture = await Fixture.create((_request, response) => { json(response, packumentOf('widget', '1.0.0')) })
  })
  afterEach(() => fixture.dispose())

  it('http_proxy is asked for an http uplink', async () => {
    // By name: for a proxy by address undici hands the target's name to the socket, which the guard against stray traffic
    // refuses.
    const proxy = fixture.server.url.replace('127.0.0.1', 'localhost')
    const client = await fixture.client({ url: 'http://registry.example', http_proxy: proxy })
    await client.packument('widget')
    assert.equal(fixture.server.requests[0]!.url, 'http://registry.example/widget')
  })

  it('no_proxy is not', async () => {
    const proxy = await fixture.other(status(500))
    const client = await fixture.client({ http_proxy: proxy.url, no_proxy: ['registry.example', '127.0.0.1'] })
    await client.packument('widget')
    assert.equal(proxy.requests.length, 0)
  })

  it('https_proxy is not used for an http uplink, nor is the environment', async () => {
    const proxy = await fixture.other(status(500))
    process.env.http_proxy = proxy.url
    try {
      await (await fixture.client({ https_proxy: proxy.url })).packument('widget')
      await (await fixture.client({ name: 'other', http_proxy: fixture.server.url, no_proxy: [] })).packument('widget')
      assert.equal(proxy.requests.length, 0)
    } finally {
      delete process.env.http_proxy
    }
  })
})

describe('upstream: TLS (skipped where there is no openssl to make a certificate)', () => {
  let fixture: Fixture
  let server: Server
  let ca: string
  let url: string
  before(async function () {
    fixture = await Fixture.create(status(404))
    const [key, certificate] = [path.join(fixture.dir, 'key.pem'), path.join(fixture.dir, 'cert.pem')]
    try {
      const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
      const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
      const files = ['-keyout', key, '-out', certificate]
      execFileSync('openssl', ['req', '-x509', ...curve, '-days', '2', ...subject, ...files], { stdio: 'ignore' })
    } catch {
      this.skip()
    }
    ca = await readFile(certificate, 'utf8')
    server = createServer({ key: await readFile(key), cert: ca }, (_request, response) => {
      json(response, packumentOf('widget', '1.0.0'))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  after(async () => {
    await fixture.dispose()
    server.close()
  })

  it('an unknown authority is unavailable', async () => {
    await assert.rejects((await fixture.client({ url, name: 'a' })).packument('widget'), unavailable)
  })

  it('the configured authority is accepted', async () => {
    assert.notEqual(await (await fixture.client({ url, name: 'b', ca })).packument('widget'), 'absent')
  })

  it('strict_ssl: false accepts any, of the uplink itself', async () => {
    assert.notEqual(await (await fixture.client({ url, name: 'c', strict_ssl: false })).packument('widget'), 'absent')
  })

  it('strict_ssl: false does not loosen another host', async () => {
    const client = await fixture.client({ strict_ssl: false, tarballHosts: [new URL(url).host] })
    await assert.rejects(client.tarball(`${url}/widget-1.0.0.tgz`), unavailable)
  })
})
