/** What publishing told, and what it left open. */
import assert from 'node:assert/strict'
import { FakeRegistry } from '../support/fake-registry.ts'
import { settableClock, startTestMirror, type TestMirror } from '../support/mirror.ts'
import { PrivateSigstore } from '../support/private-sigstore.ts'
import { shasumOf, tarballOf } from '../support/tarball.ts'

const PACKAGES = {
  'secret-*': { access: 'alice', publish: 'alice' },
  '**': { access: '$all', publish: '$authenticated', unpublish: '$authenticated' },
}

describe('regression: publishing', function () {
  this.timeout(20_000)
  const clock = settableClock(new Date())
  let registry: FakeRegistry
  let mirror: TestMirror

  beforeEach(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    mirror = await startTestMirror({ registry, clock, core: { packages: PACKAGES } })
  })
  afterEach(async () => {
    await mirror.close()
    await registry.close()
  })

  const register = async (user: string): Promise<string> => {
    const response = await fetch(`${mirror.url}/-/user/org.couchdb.user:${user}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: user, password: 'a long password' }),
    })
    return ((await response.json()) as { token: string }).token
  }
  const send = (method: string, where: string, body: object, token?: string): Promise<Response> =>
    fetch(`${mirror.url}${where}`, {
      method,
      headers: { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
    })
  const packageOf = (name: string): object => {
    const file = `${name}-1.0.0.tgz`
    const bytes = tarballOf({ 'package/package.json': { name, version: '1.0.0' } })
    const dist = { tarball: `${mirror.url}/${name}/-/${file}`, shasum: shasumOf(bytes) }
    return {
      _id: name,
      name,
      'dist-tags': { latest: '1.0.0' },
      versions: { '1.0.0': { name, version: '1.0.0', dist } },
      _attachments: { [file]: { content_type: 'application/octet-stream', data: bytes.toString('base64'), length: bytes.length } },
    }
  }

  it('whoever may not publish a name is not told whether an uplink has it, and no uplink is asked for him', async () => {
    registry.publish({ name: 'secret-sauce', version: '1.0.0' })
    const told = async (name: string): Promise<unknown> => {
      const response = await send('PUT', `/${name}`, packageOf(name))
      return [response.status, ((await response.text()).replaceAll(name, 'NAME'))]
    }
    assert.deepEqual(await told('secret-sauce'), await told('secret-nothing'))
    assert.equal(registry.requests.length, 0)
  })

  it('[21c] a name that an uplink had is not free once it is taken down there', async () => {
    const name = 'theirs'
    const token = await register('bob')
    registry.publish({ name, version: '1.0.0' })
    assert.equal((await mirror.get(`/${name}`)).status, 200)
    registry.unpublish(name)
    assert.equal((await send('PUT', `/${name}`, packageOf(name), token)).status, 403)
  })

  it('[21c] a name that was published here is not taken over from an uplink when it is unpublished', async () => {
    const name = 'ours'
    const token = await register('bob')
    assert.equal((await send('PUT', `/${name}`, packageOf(name), token)).status, 201)
    const { _rev } = (await (await fetch(`${mirror.url}/${name}?write=true`, { headers: { authorization: `Bearer ${token}` } })).json()) as { _rev: string }
    registry.publish({ name, version: '9.9.9' })
    clock.advance(60_000)
    assert.equal((await send('DELETE', `/${name}/-rev/${_rev}`, {}, token)).status, 201)
    const response = await mirror.get(`/${name}`)
    assert.equal(response.status, 403)
    const { reasons } = (await response.json()) as { reasons: { code: string }[] }
    assert.equal(reasons[0]?.code, 'origin-changed')
    assert.equal((await mirror.get(`/${name}/-/${name}-9.9.9.tgz`)).status, 403)
  })
})
