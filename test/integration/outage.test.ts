/** An outage of the uplink of an hour, by the clock: what is known installs all through it. */
import assert from 'node:assert/strict'
import { isObject } from '../../plugin/domain/json.ts'
import { FakeRegistry, type Published } from '../support/fake-registry.ts'
import { settableClock, startTestMirror, type TestMirror } from '../support/mirror.ts'
import { PrivateSigstore, githubIdentity } from '../support/private-sigstore.ts'

const MINUTE = 60_000
const FAIL_TIMEOUT = 5
/** As with Verdaccio's defaults: two failures, then the uplink is left alone for five minutes. */
const UPLINK = { maxage: '2m', staleFor: '0s', max_fails: 2, fail_timeout: `${String(FAIL_TIMEOUT)}m` }
const POLICY = {
  version: 1,
  extends: 'recommended',
  defaults: { minimumReleaseAge: '0', registrySignature: 'required' },
  rules: [{ packages: ['built'], require: { provenance: 'required' } }],
}

describe('an outage of an hour', function () {
  this.timeout(20_000)
  const clock = settableClock(new Date())
  let registry: FakeRegistry
  let mirror: TestMirror

  beforeEach(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    mirror = await startTestMirror({ registry, clock, policy: POLICY, uplink: UPLINK })
  })
  afterEach(async () => {
    await mirror.close()
    await registry.close()
  })

  const versions = async (name: string): Promise<string[]> => {
    const document = await mirror.json(`/${name}`)
    return Object.keys(isObject(document.versions) ? document.versions : {})
  }
  const publish = (name: string, version: string, more: object = {}): Published => registry.publish({ name, version, ...more })
  const status = async (where: string): Promise<number> => (await mirror.get(where)).status
  /** As an install does: the packument, then the tarball. */
  const install = async ({ name, version, tarball }: Published): Promise<void> => {
    assert.ok((await versions(name)).includes(version), `${name}@${version} is listed`)
    const response = await mirror.get(`/${name}/-/${name}-${version}.tgz`)
    assert.equal(response.status, 200)
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), tarball)
  }

  it('fails no install of known packages, says 503 for the rest, asks seldom, and ends by itself', async () => {
    const known = [
      publish('plain', '1.0.0'),
      publish('built', '1.0.0', { provenance: githubIdentity({ ref: 'refs/tags/v1.0.0' }) }),
    ]
    publish('plain', '0.9.0', { distTag: null })
    for (const each of known) await install(each)

    registry.down = true
    for (let minute = 0; minute <= 60; minute += 3) {
      for (const each of known) await install(each)
      assert.equal(await status('/unknown'), 503, `minute ${String(minute)}`)
      assert.equal(await status('/unknown/-/unknown-1.0.0.tgz'), 503)
      // Listed, verified, and its bytes never came here.
      assert.equal(await status('/plain/-/plain-0.9.0.tgz'), 503)
      clock.advance(3 * MINUTE)
    }
    clock.advance(FAIL_TIMEOUT * MINUTE)
    // One failure more, and it is left alone again.
    for (const each of known) await install(each)
    const asked = registry.requests.length
    clock.advance(FAIL_TIMEOUT * MINUTE - 1)
    for (const each of known) await install(each)
    assert.equal(await status('/unknown'), 503)
    assert.equal(registry.requests.length, asked)

    registry.down = false
    publish('plain', '1.1.0')
    assert.deepEqual((await versions('plain')).includes('1.1.0'), false)
    clock.advance(FAIL_TIMEOUT * MINUTE)
    await install(publish('unknown', '1.0.0'))
    assert.deepEqual((await versions('plain')).includes('1.1.0'), true)
    assert.equal(await status('/plain/-/plain-0.9.0.tgz'), 200)
  })

  it('a mirror that is restarted in the middle of it knows what it knew', async () => {
    const known = publish('built', '1.0.0', { provenance: githubIdentity({ ref: 'refs/tags/v1.0.0' }) })
    await install(known)
    registry.down = true
    clock.advance(30 * MINUTE)
    await mirror.close({ keep: true })
    mirror = await startTestMirror({ registry, clock, policy: POLICY, uplink: UPLINK, dir: mirror.dir })
    await install(known)
    clock.advance(30 * MINUTE)
    await install(known)
  })
})
