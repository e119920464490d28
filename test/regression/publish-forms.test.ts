/** Publishing what the core's storage cannot take: it throws where nobody catches, and the request is never answered. */
import assert from 'node:assert/strict'
import { isPublishable } from '../../plugin/enforce/published-version.ts'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { startTestMirror, type TestMirror } from '../support/mirror.ts'
import { PrivateSigstore } from '../support/private-sigstore.ts'
import { publishBody, sendPublish } from '../support/publish.ts'
import { register } from '../support/raw.ts'

const nested = (depth: number): JsonObject => JSON.parse(`${'{"x":'.repeat(depth)}{}${'}'.repeat(depth)}`) as JsonObject

describe('regression: the form of what is published', function () {
  this.timeout(20_000)
  let registry: FakeRegistry
  let mirror: TestMirror
  let token: string
  before(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    mirror = await startTestMirror({ registry })
    token = await register(mirror.url, 'alice')
  })
  after(async () => {
    await mirror.close()
    await registry.close()
  })
  const publish = async (version: string, more: JsonObject = {}): Promise<number> => {
    const { body } = publishBody({ name: 'forms', version })
    const versions = body.versions as Readonly<Record<string, JsonObject>>
    const sent = { ...body, versions: { [version]: { ...versions[version], ...more } } }
    return (await sendPublish(mirror.url, token, { body: sent })).status
  }

  for (const version of ['1.0.0+build', ' 1.0.0', 'v1.0.0', '=1.0.0', '01.0.0', '1.0.0rc1', '1.0', 'latest', '1.0.0/../2.0.0', '__proto__'])
    it(`"${version}" is answered with 400`, async () => { assert.equal(await publish(version), 400) })
  it('every form that npm publishes is one', () => {
    for (const version of ['1.0.0', '0.0.0-beta.1', '10.20.30-rc-1.x.0']) assert.equal(isPublishable(version), true, version)
  })
  it('[17b] a manifest that could not be read again is not stored', async () => {
    for (const depth of [200, 3000]) assert.equal(await publish('2.0.0', { x: nested(depth) }), 400)
    assert.equal(await publish('2.0.0', { x: nested(190) }), 201)
    assert.equal((await mirror.get('/forms')).status, 200)
  })
})
