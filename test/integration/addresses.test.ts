/** Where the mirror goes: to its uplinks and nowhere an upstream would like to send it. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry, type Published } from '../support/fake-registry.ts'
import { startTestMirror, type TestMirror } from '../support/mirror.ts'
import { PrivateSigstore, githubIdentity } from '../support/private-sigstore.ts'
import { temporaryDirectory } from '../support/process.ts'
import { startTls, type TlsServer } from '../support/tls-server.ts'

const SECRETS = { auth: { type: 'bearer', token: 's3cret' }, headers: { 'x-team': 'acme' } }
const secretsIn = ({ authorization, 'x-team': team }: IncomingHttpHeaders): readonly unknown[] => [authorization, team]
const BOTH = ['Bearer s3cret', 'acme']
const NEITHER = [undefined, undefined]

describe('addresses an upstream gives', function () {
  this.timeout(20_000)
  let registry: FakeRegistry
  let other: FakeRegistry
  let mirror: TestMirror
  let count = 0
  let name: string

  before(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    other = await FakeRegistry.start({ sigstore: registry.sigstore, name: 'elsewhere' })
    mirror = await startTestMirror({ registry, uplink: SECRETS })
  })
  after(async () => {
    await mirror.close()
    await Promise.all([registry.close(), other.close()])
  })
  beforeEach(() => {
    registry.reset()
    other.reset()
    count++
    name = `widget-${String(count)}`
  })

  const tarball = (): string => `/${name}/-/${name}-1.0.0.tgz`
  /** What is published here is there too, byte for byte: whoever goes there is found out by succeeding, and by the log. */
  const publish = (dist: (there: string) => JsonObject = () => ({})): Published => {
    const options = { name, version: '1.0.0', provenance: githubIdentity({ ref: 'refs/tags/v1.0.0' }) }
    other.publish(options)
    const published = registry.publish(options)
    registry.edit(name, (packument) => {
      const entry = (packument.versions as Record<string, JsonObject>)['1.0.0']!
      return { ...packument, versions: { '1.0.0': { ...entry, dist: { ...(entry.dist as JsonObject), ...dist(other.url) } } } }
    })
    return published
  }
  const codes = async (where: string): Promise<readonly unknown[]> => {
    const response = await mirror.get(where)
    const { reasons = [] } = (response.status === 200 ? {} : await response.json()) as { reasons?: { code: string }[] }
    return [response.status, ...reasons.map(({ code }) => code)]
  }

  describe('of tarballs', () => {
    const here = (): string => registry.url
    const FORMS: readonly (readonly [string, string, (there: string) => string])[] = [
      ['14a', 'another host over https', (there) => there.replace('http:', 'https:') + tarball()],
      ['14a', 'another host over http', (there) => there + tarball()],
      ['14a', 'the uplink\'s host under another name', () => here().replace('127.0.0.1', 'localhost') + tarball()],
      ['14a', 'the uplink\'s host over another protocol', () => here().replace('http:', 'https:') + tarball()],
      ['14c', 'file:', () => `file://${tarball()}`],
      ['14c', 'data:', () => 'data:application/octet-stream;base64,AAAA'],
      ['14c', 'a path', () => tarball()],
      ['14c', 'a relative path', () => `${name}-1.0.0.tgz`],
      ['14c', 'no scheme', (there) => there.replace('http:', '') + tarball()],
      ['14c', 'backslashes', (there) => there.replace('http://', 'http:\\\\') + tarball()],
      ['14c', 'credentials before the host', (there) => `${here()}@${new URL(there).host}${tarball()}`],
      ['14c', 'credentials before the uplink\'s own host', () => here().replace('//', '//user:secret@') + tarball()],
      ['14c', 'a link-local address', () => `https://169.254.169.254${tarball()}`],
      ['14c', 'IPv6 loopback', (there) => `https://[::1]:${new URL(there).port}${tarball()}`],
      ['14c', 'loopback in decimal', (there) => `http://2130706433:${new URL(there).port}${tarball()}`],
    ]
    for (const [id, what, address] of FORMS)
      it(`[${id}] ${what}: refused, unlisted and not asked`, async () => {
        publish((there) => ({ tarball: address(there) }))
        assert.deepEqual(await codes(tarball()), [403, 'tarball-host-refused'])
        assert.deepEqual(await codes(`/${name}`), [403, 'tarball-host-refused'])
        assert.deepEqual([other.requests.length, registry.hits(tarball())], [0, 0])
      })

    for (const [what, value] of [['none', null], ['a number', 7], ['an object', {}]] as const)
      it(`[14c] ${what}`, async () => {
        publish(() => ({ tarball: value }))
        assert.deepEqual(await codes(tarball()), [403, 'tarball-host-refused'])
      })

    it('[14b] another package\'s file is not this version\'s bytes', async () => {
      registry.publish({ name: `${name}-other`, version: '1.0.0' })
      publish(() => ({ tarball: `${registry.url}/${name}-other/-/${name}-other-1.0.0.tgz` }))
      assert.deepEqual(await codes(tarball()), [403, 'integrity-mismatch'])
    })

    it('another path of the uplink is fine: the bytes decide', async () => {
      publish(() => ({ tarball: `${registry.url}/-/elsewhere${tarball()}` }))
      assert.deepEqual(await codes(tarball()), [200])
    })
  })

  describe('of attestations', () => {
    it('[14d] elsewhere is never asked: the mirror makes the address', async () => {
      publish((there) => ({
        attestations: { url: `${there}/-/npm/v1/attestations/${name}@1.0.0`, provenance: { predicateType: 'https://slsa.dev/provenance/v1' } },
      }))
      assert.deepEqual(await codes(tarball()), [200])
      assert.deepEqual([other.requests.length, registry.hits(`/-/npm/v1/attestations/${name}@1.0.0`)], [0, 1])
    })
  })

  describe('in redirects', () => {
    it('[14e] a tarball to another host is refused, unlisted and not asked', async () => {
      publish()
      registry.redirect(tarball(), `${other.url}${tarball()}`)
      assert.deepEqual(await codes(tarball()), [403, 'tarball-host-refused'])
      assert.deepEqual(await codes(`/${name}`), [403, 'tarball-host-refused'])
      assert.equal(other.requests.length, 0)
    })
    it('[14e] and is served when the redirect is gone', async () => {
      publish()
      const lie = registry.redirect(tarball(), `${other.url}${tarball()}`)
      await mirror.get(tarball())
      lie.off()
      assert.deepEqual(await codes(tarball()), [200])
      assert.deepEqual(await codes(`/${name}`), [200])
    })
    it('[14e] a packument to another host is unavailable, and not asked', async () => {
      publish()
      registry.redirect(`/${name}`, `${other.url}/${name}`)
      assert.deepEqual(await codes(`/${name}`), [503, 'evidence-unavailable'])
      assert.equal(other.requests.length, 0)
    })
    it('[14e] attestations to another host are unavailable, and not asked', async () => {
      publish()
      registry.redirect(/attestations/, `${other.url}/-/npm/v1/attestations/${name}@1.0.0`)
      assert.deepEqual(await codes(tarball()), [503, 'evidence-unavailable'])
      assert.equal(other.requests.length, 0)
    })
    it('within the uplink is followed, with its credentials', async () => {
      publish()
      registry.redirect(tarball(), `/-/elsewhere${tarball()}`)
      assert.deepEqual(await codes(tarball()), [200])
      assert.deepEqual(registry.requests.map(({ headers }) => secretsIn(headers)).filter((sent) => sent[0] === undefined), [])
    })
  })
})

describe('addresses in tarballHosts (skipped where there is no openssl to make a certificate)', function () {
  this.timeout(20_000)
  let dir: string
  let cdn: TlsServer
  let registry: FakeRegistry
  let mirror: TestMirror
  const asked: IncomingHttpHeaders[] = []
  let answer: { readonly bytes: Buffer } | { readonly location: string }

  before(async function () {
    dir = temporaryDirectory('cdn-')
    const started = await startTls(dir, (request, response) => {
      asked.push(request.headers)
      if ('bytes' in answer) response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(answer.bytes)
      else response.writeHead(302, { location: answer.location }).end()
    })
    if (started === undefined) return this.skip()
    cdn = started
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    const uplink = { ...SECRETS, ca: cdn.certificate, tarballHosts: [new URL(cdn.url).host] }
    mirror = await startTestMirror({ registry, uplink })
  })
  after(async () => {
    rmSync(dir, { recursive: true, force: true })
    // Undefined where there was no openssl.
    await (mirror as TestMirror | undefined)?.close()
    await (registry as FakeRegistry | undefined)?.close()
    ;(cdn as TlsServer | undefined)?.close()
  })
  beforeEach(() => {
    registry.reset()
    asked.length = 0
  })

  const publish = (name: string, elsewhere: boolean): string => {
    const { tarball } = registry.publish({ name, version: '1.0.0' })
    answer = { bytes: tarball }
    if (elsewhere)
      registry.edit(name, (packument) => {
        const entry = (packument.versions as Record<string, JsonObject>)['1.0.0']!
        return { ...packument, versions: { '1.0.0': { ...entry, dist: { ...(entry.dist as JsonObject), tarball: `${cdn.url}/t.tgz` } } } }
      })
    return `/${name}/-/${name}-1.0.0.tgz`
  }
  const sent = (headers: IncomingHttpHeaders | undefined): readonly unknown[] => (headers === undefined ? ['not asked'] : secretsIn(headers))

  it('[14f] a tarball there is fetched without credentials and configured headers', async () => {
    const tarball = publish('there', true)
    assert.equal((await mirror.get(tarball)).status, 200)
    assert.deepEqual([sent(asked[0]), sent(registry.requests[0]?.headers)], [NEITHER, BOTH])
  })

  it('[14f] nor do they travel along a redirect to it', async () => {
    const tarball = publish('moved', false)
    registry.redirect(tarball, `${cdn.url}/t.tgz`)
    assert.equal((await mirror.get(tarball)).status, 200)
    assert.deepEqual([sent(asked[0]), sent(registry.requests.find(({ path: where }) => where === tarball)?.headers)], [NEITHER, BOTH])
  })

  it('[14f] nor home again when it redirects back', async () => {
    const tarball = publish('back', true)
    answer = { location: `${registry.url}/-/elsewhere${tarball}` }
    assert.equal((await mirror.get(tarball)).status, 200)
    assert.deepEqual(sent(registry.requests.find(({ path: where }) => where.startsWith('/-/elsewhere'))?.headers), NEITHER)
  })

  it('[14e] it cannot send the mirror on to a third host', async () => {
    const tarball = publish('third', true)
    answer = { location: registry.url.replace('127.0.0.1', 'localhost') + tarball }
    const response = await mirror.get(tarball)
    const { reasons } = (await response.json()) as { reasons: { code: string }[] }
    assert.deepEqual([response.status, reasons[0]?.code], [403, 'tarball-host-refused'])
  })

  it('metadata is never asked of it', async () => {
    publish('meta', false)
    registry.redirect('/meta', `${cdn.url}/meta`)
    assert.equal((await mirror.get('/meta')).status, 503)
    assert.equal(asked.length, 0)
  })
})
