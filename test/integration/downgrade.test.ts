/** Trust downgrade through a running mirror: listing and gate, warm and cold. */
import assert from 'node:assert/strict'
import { isObject, ownString, type JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry, type PublishOptions } from '../support/fake-registry.ts'
import { settableClock, startTestMirror, type TestMirror } from '../support/mirror.ts'
import { githubIdentity, PrivateSigstore } from '../support/private-sigstore.ts'
import { withoutAttestations } from '../support/registry/edits.ts'

const DAY = 86_400_000
const NOW = new Date('2026-06-01T00:00:00.000Z')
/** Nothing else has something to say of these versions. */
const ALONE = { minimumReleaseAge: 0, identityPin: 'off', manifestRepository: 'ignore' }

describe('trust downgrade through a mirror', function () {
  this.timeout(20_000)
  let registry: FakeRegistry
  let mirror: TestMirror
  const clock = settableClock(NOW)

  beforeEach(async () => {
    clock.set(NOW)
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
  })
  afterEach(async () => {
    await mirror.close()
    await registry.close()
  })

  const start = async (trustDowngrade?: JsonObject | string): Promise<void> => {
    const defaults = { ...ALONE, ...(trustDowngrade === undefined ? {} : { trustDowngrade }) }
    mirror = await startTestMirror({ registry, clock, policy: { version: 1, extends: 'recommended', defaults } })
  }
  /** Published `days` ago, by a workflow or by hand. */
  const publish = (version: string, days: number, by: 'workflow' | 'hand', more: Partial<PublishOptions> = {}): void => {
    const provenance = by === 'workflow' ? { provenance: githubIdentity({ ref: `refs/tags/v${version}` }) } : {}
    registry.publish({ name: 'widget', version, time: new Date(NOW.getTime() - days * DAY), ...provenance, ...more })
  }
  const listed = async (): Promise<readonly string[]> => {
    const { versions } = await mirror.json('/widget')
    return Object.keys(isObject(versions) ? versions : {})
  }
  const codesOf = (body: unknown): readonly string[] =>
    isObject(body) && Array.isArray(body.reasons) ? body.reasons.map((reason: unknown) => (isObject(reason) ? (ownString(reason, 'code') ?? '') : '')) : []
  /** Status of the tarball, and the codes of a refusal or of the warnings. */
  const fetched = async (version: string): Promise<readonly unknown[]> => {
    const response = await mirror.get(`/widget/-/widget-${version}.tgz`)
    if (response.status === 403) return [403, ...codesOf(await response.json())]
    await response.arrayBuffer()
    return [response.status, ...(response.headers.get('npm-policy-warning')?.split(' ') ?? [])]
  }

  it('[13a] a young version of the line is withheld and refused, until its window ends', async () => {
    publish('1.0.0', 90, 'workflow')
    publish('1.0.1', 1, 'hand')
    await start()
    assert.deepEqual(await listed(), ['1.0.0'])
    assert.deepEqual(await fetched('1.0.1'), [403, 'trust-downgrade'])
    assert.deepEqual(await fetched('1.0.0'), [200])

    clock.advance(29 * DAY)
    assert.deepEqual(await listed(), ['1.0.0', '1.0.1'], 'a cached answer outlived the window')
    assert.deepEqual(await fetched('1.0.1'), [200, 'trust-downgrade'])
  })
  it('[13a] the gate refuses alike when nobody asked for the packument before', async () => {
    publish('1.0.0', 90, 'workflow')
    publish('1.0.1', 1, 'hand')
    await start()
    assert.deepEqual(await fetched('1.0.1'), [403, 'trust-downgrade'])
    assert.deepEqual(await listed(), ['1.0.0'])
  })
  it('[13b] another line counts for a few days', async () => {
    publish('2.0.0', 90, 'workflow')
    publish('1.0.0', 100, 'hand')
    publish('1.0.1', 2, 'hand')
    await start()
    assert.deepEqual(await listed(), ['2.0.0', '1.0.0'])
    assert.deepEqual(await fetched('1.0.1'), [403, 'trust-downgrade'])
    clock.advance(DAY)
    assert.deepEqual(await listed(), ['2.0.0', '1.0.0', '1.0.1'])
    assert.deepEqual(await fetched('1.0.1'), [200, 'trust-downgrade'])
  })
  it('[13a] forever', async () => {
    publish('1.0.0', 900, 'workflow')
    publish('1.0.1', 800, 'hand')
    publish('2.0.0', 800, 'hand')
    await start({ inLine: 'forever', offLine: 'allow' })
    assert.deepEqual(await listed(), ['1.0.0', '2.0.0'])
    assert.deepEqual(await fetched('1.0.1'), [403, 'trust-downgrade'])
    assert.deepEqual(await fetched('2.0.0'), [200])
  })
  it('[13a] no signature after signed versions, where the rule does not require one', async () => {
    publish('1.0.0', 90, 'hand')
    publish('1.0.1', 1, 'hand', { signed: false })
    mirror = await startTestMirror({ registry, clock, policy: { version: 1, extends: 'recommended', defaults: { ...ALONE, registrySignature: 'ifPresent' } } })
    assert.deepEqual(await fetched('1.0.1'), [403, 'trust-downgrade'])
    assert.deepEqual(await listed(), ['1.0.0'])
  })
  it('a prerelease with provenance raises the bar for prereleases alone', async () => {
    publish('1.0.0-rc.1', 90, 'workflow')
    publish('1.0.0-rc.2', 1, 'hand')
    publish('1.0.0', 1, 'hand')
    await start()
    assert.deepEqual(await listed(), ['1.0.0-rc.1', '1.0.0'])
    assert.deepEqual(await fetched('1.0.0-rc.2'), [403, 'trust-downgrade'])
    assert.deepEqual(await fetched('1.0.0'), [200])
  })
  it('provenance that vanished upstream and is kept here is no step down', async () => {
    publish('1.0.0', 90, 'workflow')
    publish('1.0.1', 1, 'workflow')
    await start('forever')
    assert.deepEqual(await fetched('1.0.0'), [200])
    assert.deepEqual(await fetched('1.0.1'), [200])
    registry.edit('widget', withoutAttestations('1.0.1'))
    registry.serveAttestations('widget', '1.0.1', undefined)
    assert.deepEqual(await listed(), ['1.0.0', '1.0.1'])
    assert.deepEqual(await fetched('1.0.1'), [200, 'evidence-withdrawn'])
  })
  it('[13a] the bar stays where it was when the upstream drops what set it', async () => {
    publish('1.0.0', 90, 'workflow')
    await start('forever')
    assert.deepEqual(await fetched('1.0.0'), [200])
    publish('1.0.1', 1, 'hand')
    registry.edit('widget', withoutAttestations('1.0.0'))
    registry.serveAttestations('widget', '1.0.0', undefined)
    assert.deepEqual(await fetched('1.0.1'), [403, 'trust-downgrade'])
    assert.deepEqual(await listed(), ['1.0.0'])
    registry.unpublish('widget', '1.0.0')
    assert.deepEqual(await fetched('1.0.1'), [403, 'trust-downgrade'])
    assert.equal((await mirror.get('/widget')).status, 403)
  })
  it('[13e] a hint forged onto an earlier version condemns nobody, and onto a later one saves nobody', async () => {
    publish('1.0.0', 90, 'hand', { manifest: { _npmUser: { name: 'x', approver: { name: 'y' } } } })
    publish('1.0.1', 1, 'hand')
    publish('2.0.0', 90, 'workflow')
    publish('2.0.1', 1, 'hand', { manifest: { _npmUser: { name: 'x', trustedPublisher: { id: 'github' } } } })
    await start({ inLine: '30d', offLine: 'allow' })
    assert.deepEqual(await fetched('1.0.1'), [200, 'trust-downgrade'])
    assert.deepEqual(await fetched('2.0.1'), [403, 'trust-downgrade'])
    assert.deepEqual(await listed(), ['1.0.0', '1.0.1', '2.0.0'])
    clock.advance(29 * DAY)
    assert.deepEqual(await fetched('1.0.1'), [200])
  })
  it('[13e] forged provenance condemns nobody once it is found out, at the gate as in the listing', async () => {
    publish('1.0.0', 90, 'workflow')
    registry.serveAttestations('widget', '1.0.0', undefined)
    publish('1.0.1', 1, 'hand')
    await start()
    assert.deepEqual(await listed(), ['1.0.1'])
    assert.deepEqual(await fetched('1.0.1'), [200])
  })
  it('says which version had more, and until when it waits', async () => {
    publish('1.0.0', 90, 'workflow')
    publish('1.0.1', 1, 'hand')
    await start()
    const body = (await (await mirror.get('/widget/-/widget-1.0.1.tgz')).json()) as JsonObject
    const [reason] = Array.isArray(body.reasons) ? (body.reasons as readonly JsonObject[]) : []
    assert.deepEqual(
      isObject(reason?.detail) ? [reason.detail.predecessor, reason.detail.expected, reason.detail.actual, reason.detail.line, reason.detail.until] : [],
      ['1.0.0', 'provenance', 'signature', 'inLine', '2026-06-30T00:00:00Z'],
    )
    assert.equal(body.nearestAllowed, '1.0.0')
  })
})
