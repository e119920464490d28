/** From what a client is refused to what a receiver is told, through a whole mirror. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { stringify } from 'yaml'
import { recall } from '../../plugin/cli/recall.ts'
import type { Notice } from '../../plugin/domain/notification.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { NO_AGE, settableClock, startTestMirror, type TestMirror } from '../support/mirror.ts'
import { PrivateSigstore } from '../support/private-sigstore.ts'
import { Receiver } from '../unit/notify/support.ts'

/** A policy with a waiver that is over is not taken at start, whatever this mirror's clock says. */
const START = new Date('2096-03-01T00:00:00Z')

describe('notifications of a mirror', function () {
  this.timeout(20_000)
  let registry: FakeRegistry
  let receiver: Receiver
  let mirror: TestMirror
  const clock = settableClock(START)
  const WAIVER = { package: 'gadget@1.0.0', waives: ['provenance-absent'], reason: 'x', approvedBy: 'ann', expires: '2096-03-03' }

  beforeEach(async () => {
    clock.set(START)
    receiver = await Receiver.start()
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    for (const version of ['1.0.0', '1.1.0']) registry.publish({ name: 'widget', version, time: new Date('2026-01-01T00:00:00Z') })
    const notifications = [{ name: 'security', url: receiver.url.href, window: 0, interval: 0 }]
    const policy = { ...NO_AGE, defaults: { ...NO_AGE.defaults, provenance: 'required' }, waivers: [WAIVER] }
    mirror = await startTestMirror({ registry, clock, policy, section: { notifications, publicUrl: 'https://npm.acme.example' }, notificationSchedule: () => () => undefined })
  })
  afterEach(async () => {
    await mirror.close()
    await registry.close()
    await receiver.close()
  })
  type Told = readonly (readonly [event: string, name: string | null, version: string | null])[]
  const told = async (): Promise<Told> => {
    const before = receiver.received.length
    clock.advance(1)
    await mirror.engine.notifier?.tick()
    return receiver.received.slice(before).flatMap(({ body }) => (body.entries as unknown as readonly Notice[]).map(({ event, package: name, version }) => [event, name, version] as const))
  }
  /** What is told once the log has shown what comes of it to those who follow. */
  const toldOf = async (happens: () => Promise<unknown>, kind: string): Promise<Told> => {
    const seen = Promise.withResolvers<unknown>()
    const stop = mirror.engine.log.follow(seen.resolve, [kind])
    await happens()
    await seen.promise
    stop()
    return told()
  }
  it('a refused tarball, a waiver that ends, and a recall by the command', async () => {
    assert.deepEqual(await told(), [['waiver-expiring', null, null]])
    const ask = async (): Promise<void> => { assert.equal((await mirror.get('/widget/-/widget-1.1.0.tgz')).status, 403) }
    assert.deepEqual(await toldOf(ask, 'refused'), [['refused', 'widget', '1.1.0']])
    await ask()
    await mirror.engine.log.flush()
    assert.deepEqual(await told(), [])
    const config = path.join(mirror.dir, 'beside.yaml')
    const provenance = { store: `sqlite:${path.join(mirror.dir, 'provenance.db')}`, notifications: [{ name: 'security', url: receiver.url.href }] }
    writeFileSync(config, stringify({ storage: './storage', uplinks: { fake: { url: registry.url } }, packages: { '**': { access: '$all', proxy: 'fake' } }, middlewares: { provenance } }))
    assert.deepEqual(await toldOf(() => recall(['widget@1.0.0'], { config, reason: 'stolen token' }), 'recalled'), [['recalled', 'widget', null]])
  })
  it('a receiver that is down, slow or hostile is nobody\'s request', async () => {
    receiver.answers.push(() => undefined)
    await receiver.close()
    assert.deepEqual(await told(), [])
    assert.equal((await mirror.get('/widget')).status, 403)
    assert.equal((await mirror.get('/-/provenance/ready')).status, 200)
    assert.deepEqual(mirror.engine.notifier?.state.map(({ delivered, waiting }) => [delivered, waiting]), [[0, 1]])
    const metrics = await (await mirror.get('/-/provenance/metrics')).text()
    assert.match(metrics, /provenance_notices_waiting\{receiver="security"\} 1/)
    assert.match(metrics, /provenance_notification_attempts_failed_total\{receiver="security"\} 1/)
  })
})
