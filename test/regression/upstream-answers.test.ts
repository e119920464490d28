/** Answers of an upstream that stuck, or that kept alive what was taken down. */
import assert from 'node:assert/strict'
import zlib from 'node:zlib'
import { isObject } from '../../plugin/domain/json.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { settableClock, startTestMirror, type TestMirror } from '../support/mirror.ts'
import { PrivateSigstore } from '../support/private-sigstore.ts'

const DAY = 86_400_000

describe('regression: answers of an upstream', function () {
  this.timeout(20_000)
  const name = 'widget'
  const tarball = `/${name}/-/${name}-1.0.0.tgz`
  const clock = settableClock(new Date())
  let registry: FakeRegistry
  let mirror: TestMirror

  beforeEach(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    mirror = await startTestMirror({ registry, clock })
  })
  afterEach(async () => {
    await mirror.close()
    await registry.close()
  })
  const versions = async (): Promise<readonly string[]> => {
    const document = await mirror.json(`/${name}`)
    return Object.keys(isObject(document.versions) ? document.versions : {})
  }

  it('one lie under the ETag of the truth is not confirmed for good by 304', async () => {
    registry.publish({ name, version: '1.0.0' })
    registry.publish({ name, version: '1.1.0' })
    const lie = registry.behave(`/${name}`, (response, answer) => {
      const { headers, body } = answer()
      const document = JSON.parse(zlib.gunzipSync(body).toString()) as { versions: Record<string, unknown>; 'dist-tags': object }
      delete document.versions['1.1.0']
      document['dist-tags'] = { latest: '1.0.0' }
      const packed = zlib.gzipSync(JSON.stringify(document))
      response.writeHead(200, { ...headers, 'content-length': packed.length }).end(packed)
    })
    assert.deepEqual(await versions(), ['1.0.0'])
    lie.off()
    clock.advance(DAY)
    assert.deepEqual(await versions(), ['1.0.0', '1.1.0'])
  })

  it('what did not change is confirmed by 304 meanwhile', async () => {
    registry.publish({ name, version: '1.0.0' })
    await versions()
    clock.advance(DAY / 4)
    await versions()
    assert.notEqual(registry.requests.at(-1)?.headers['if-none-match'], undefined)
  })

  it('[22a] a package that npm says is unpublished is gone, and not served from the last good answer', async () => {
    registry.publish({ name, version: '1.0.0' })
    assert.equal((await mirror.get(tarball)).status, 200)
    const unpublished = { time: clock.now().toISOString(), versions: ['1.0.0'] }
    registry.edit(name, ({ time }) => ({ _id: name, name, time: { ...(isObject(time) ? time : {}), unpublished } }))
    for (const where of [tarball, `/${name}`, `/${name}/1.0.0`, `/-/package/${name}/dist-tags`]) {
      const response = await mirror.get(where)
      assert.equal(response.status, 403, where)
      const { reasons } = (await response.json()) as { reasons: { code: string }[] }
      assert.deepEqual(reasons.map(({ code }) => code), ['version-withdrawn'], where)
    }
  })
})
