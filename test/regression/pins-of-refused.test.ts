/** A package whose latest versions are refused for what they depend on was built by somebody all the same. */
import assert from 'node:assert/strict'
import { FakeRegistry } from '../support/fake-registry.ts'
import { settableClock, startTestMirror, type TestMirror } from '../support/mirror.ts'
import { githubIdentity, PrivateSigstore, type IdentityOptions } from '../support/private-sigstore.ts'

const DAY = 86_400_000
const SEEN = new Date('2026-06-01T00:00:00.000Z')
const day = (days: number): Date => new Date(SEEN.getTime() + days * DAY)
const OURS: IdentityOptions = { repo: 'acme/widget', repoId: '1001', ownerId: '2002' }
const MALLORY: IdentityOptions = { repo: 'mallory/widget', repoId: '6001', ownerId: '6002' }

describe('regression: pins of a package whose latest versions are refused', function () {
  this.timeout(20_000)
  const clock = settableClock(SEEN)
  let registry: FakeRegistry
  let mirror: TestMirror
  beforeEach(async () => {
    clock.set(SEEN)
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    mirror = await startTestMirror({ registry, clock, policy: { version: 1, extends: 'strict', defaults: { minimumReleaseAge: '0', manifestRepository: 'ignore' } } })
    publish('1.0.0', -90, OURS)
    for (const [index, version] of ['1.1.0', '1.2.0', '1.3.0'].entries()) publish(version, -60 + index, OURS, { dependencies: { helper: 'git+https://host.example/helper.git' } })
  })
  afterEach(async () => {
    await mirror.close()
    await registry.close()
  })
  const publish = (version: string, days: number, by: IdentityOptions, manifest = {}): void => {
    registry.publish({ name: 'widget', version, time: day(days), provenance: githubIdentity({ ...by, ref: `refs/tags/v${version}` }), manifest })
  }
  const gate = async (version: string): Promise<string> => {
    const response = await mirror.get(`/widget/-/widget-${version}.tgz`)
    const text = await response.text()
    const { reasons = [] } = (response.status === 200 ? {} : JSON.parse(text)) as { reasons?: { code: string }[] }
    return [response.status, ...reasons.map(({ code }) => code)].join(' ')
  }

  it('[13c] somebody else is refused, at a cold gate and in the listing, and who built it passes', async () => {
    await (await mirror.get('/widget/0.0.0')).text()
    publish('1.4.0', 1, MALLORY)
    publish('1.5.0', 2, OURS)
    clock.set(day(20))
    assert.deepEqual([await gate('1.4.0'), await gate('1.5.0'), await gate('1.3.0')], ['403 identity-changed', '200', '403 dependency-source'])
    assert.deepEqual(Object.keys((await mirror.json('/widget')).versions as object), ['1.0.0', '1.5.0'])
  })
})
