/** Who is told what, when, and what becomes of it when nobody takes it: against a receiver that listens. */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { EVENTS, type NotificationEvent, type Notice } from '../../../plugin/domain/notification.ts'
import { Notifier, type Hook, type NotifierOptions } from '../../../plugin/notify/notifier.ts'
import { createPoster } from '../../../plugin/notify/post.ts'
import { keyOf } from '../../../plugin/notify/sign.ts'
import { StoredNotifications, type NotificationBounds } from '../../../plugin/store/notifications.ts'
import { settableClock } from '../../support/mirror.ts'
import { AT, MemoryLog, Receiver } from './support.ts'

const MINUTE = 60_000
const BASE = 'https://npm.acme.example'

describe('notify: notifier', function () {
  this.timeout(10_000)
  let receiver: Receiver
  let dir: string
  let log: MemoryLog
  let notifier: Notifier
  const clock = settableClock(new Date(AT))
  const warned: string[] = []

  beforeEach(async () => {
    receiver = await Receiver.start()
    dir = mkdtempSync(path.join(tmpdir(), 'notify-'))
    log = new MemoryLog()
    clock.set(new Date(AT))
    warned.length = 0
  })
  afterEach(async () => {
    await notifier.close()
    await receiver.close()
    rmSync(dir, { recursive: true, force: true })
  })
  const hookOf = (more: Partial<Hook> = {}): Hook => ({
    name: 'security',
    type: 'generic',
    events: new Set<NotificationEvent>(EVENTS),
    wants: () => true,
    window: MINUTE,
    interval: MINUTE,
    key: undefined,
    poster: createPoster({ url: receiver.url, ca: undefined, proxy: undefined, noProxy: '' }, 'test', 500),
    ...more,
  })
  const start = (hook: Partial<Hook> = {}, more: Partial<NotifierOptions> = {}, bounds: Partial<NotificationBounds> = {}): void => {
    notifier = new Notifier({
      hooks: [hookOf(hook)],
      store: new StoredNotifications(path.join(dir, 'notifications.db'), bounds),
      log,
      concerns: () => [],
      base: BASE,
      clock,
      schedule: () => () => undefined,
      warn: (message) => warned.push(message),
      ...more,
    })
    notifier.start()
  }
  const after = async (milliseconds: number): Promise<void> => {
    clock.advance(milliseconds)
    await notifier.tick()
  }
  const counts = (): readonly unknown[] => receiver.received.map(({ body }) => body.counts)
  const entries = (index = 0): readonly { readonly package: string; readonly version: string }[] => receiver.received[index]?.body.entries as never

  it('what is refused in one window is one message, with counts and what it is about', async () => {
    start()
    log.add({}, { version: '1.1.0' }, { package: 'gadget', reasons: [{ code: 'recalled', message: 'x' }] })
    await after(MINUTE - 1)
    assert.deepEqual(counts(), [])
    await after(1)
    assert.deepEqual(counts(), [{ refused: 3 }])
    assert.deepEqual(entries().map(({ package: name, version }) => `${name}@${version}`), ['widget@1.0.0', 'widget@1.1.0', 'gadget@1.0.0'])
    await after(MINUTE)
    assert.deepEqual(counts(), [{ refused: 3 }])
  })
  it('a message says what is refused, why, by which policy and where more is told; nothing of who asked', async () => {
    start()
    log.add({ package: '@acme/ui' })
    await after(MINUTE)
    const [{ body, text, headers } = assert.fail()] = receiver.received
    const { id, entries: told, ...rest } = body
    assert.equal(id, headers['webhook-id'])
    assert.deepEqual(rest, { type: 'provenance.notice', at: '2026-06-01T00:01:00.000Z', mirror: BASE, counts: { refused: 1 }, more: 0, dashboard: `${BASE}/-/provenance/` })
    assert.deepEqual(told, [
      {
        event: 'refused', at: AT, package: '@acme/ui', version: '1.0.0', text: '@acme/ui@1.0.0 was asked for and refused: signature-absent',
        reasons: [{ code: 'signature-absent', message: 'it is not signed' }], integrity: 'sha512-x', uplink: 'npmjs', outcome: 'deny', rule: 'default',
        policyRevision: 'abcdef012345', detail: null, url: `${BASE}/-/provenance/v1/packages/%40acme%2Fui/1.0.0`,
      },
    ])
    for (const word of ['carol', '10.1.2.3', 'npm/11']) assert.equal(text.includes(word), false, word)
    assert.equal(headers['content-type'], 'application/json')
  })
  it('the same refusal is told once, other reasons are another', async () => {
    start()
    log.add({}, {})
    await after(MINUTE)
    log.add({}, { reasons: [{ code: 'integrity-changed', message: 'x' }] })
    await after(MINUTE)
    log.add({})
    await after(10 * MINUTE)
    assert.deepEqual(counts(), [{ refused: 1 }, { refused: 1 }])
  })
  it('of mirrors that follow one log only the one that leads tells', async () => {
    start({}, { leads: () => Promise.resolve(false) })
    log.add({})
    await after(MINUTE)
    await after(MINUTE)
    assert.deepEqual(counts(), [])
  })
  it('who leads from now on tells what came since the one before last did, and a little before', async () => {
    let leads = false
    start({}, { leads: () => Promise.resolve(leads) })
    await after(MINUTE)
    log.add({})
    leads = true
    await after(1000)
    await after(MINUTE)
    assert.deepEqual(counts(), [{ refused: 1 }])
  })
  it('a restart forgets neither what was told nor what waits', async () => {
    start()
    log.add({})
    await after(MINUTE)
    log.add({ version: '1.1.0' })
    await notifier.close()
    start()
    log.add({})
    await after(MINUTE)
    assert.deepEqual(receiver.received.map((_one, index) => entries(index).map(({ version }) => version)), [['1.0.0'], ['1.1.0']])
  })
  it('what was written while nobody followed is told after the next start; at the very first, nothing is', async () => {
    log.add({ version: '0.1.0', at: '2026-05-31T23:59:59.999Z' })
    start()
    await after(MINUTE)
    await after(MINUTE)
    assert.deepEqual(counts(), [])
    await notifier.close()
    clock.advance(MINUTE)
    log.add({ kind: 'recalled', version: null, at: clock.now().toISOString(), detail: { range: '>=2', reason: 'stolen token' } })
    start()
    await after(MINUTE)
    await after(MINUTE)
    assert.deepEqual(counts(), [{ recalled: 1, refused: 1 }])
  })
  it('messages keep their distance', async () => {
    start({ interval: 10 * MINUTE })
    log.add({})
    await after(MINUTE)
    log.add({ version: '1.1.0' })
    await after(9 * MINUTE)
    assert.equal(receiver.received.length, 1)
    log.add({ version: '1.2.0' })
    await after(MINUTE)
    assert.deepEqual(counts(), [{ refused: 1 }, { refused: 2 }])
  })
  it('a receiver is told of its events and packages only', async () => {
    start({ events: new Set(['recalled', 'trust-stale']), wants: (name) => name.startsWith('@acme/') }, { concerns: () => [noticeOf('trust-stale')] })
    log.add({}, { kind: 'recalled', package: '@acme/ui' }, { kind: 'recalled' }, { package: '@acme/ui' }, { kind: 'served', package: '@acme/ui' })
    await after(1)
    await after(MINUTE)
    assert.deepEqual(counts(), [{ recalled: 1, 'trust-stale': 1 }])
  })
  it('of too many, all are counted and some are shown', async () => {
    start({}, {}, { waiting: 100 })
    log.add(...Array.from({ length: 130 }, (_one, index) => ({ version: `1.0.${String(index)}` })))
    await after(MINUTE)
    const [{ body } = assert.fail()] = receiver.received
    assert.deepEqual(body.counts, { refused: 130 })
    assert.equal(entries().length, 50)
    assert.equal(body.more, 80)
  })
  it('memory of what was told is bounded: what is oldest is told again', async () => {
    start({}, {}, { told: 10 })
    for (let index = 0; index < 20; index++) log.add({ version: `1.0.${String(index)}` })
    await notifier.close()
    log.entries.length = 0
    start({}, {}, { told: 10 })
    log.add({ version: '1.0.0' }, { version: '1.0.19' })
    await after(MINUTE)
    assert.deepEqual(counts(), [{ refused: 21 }])
  })

  describe('signature', () => {
    const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
    /** As the specification has it, by another hand. */
    const verify = (secret: Buffer, { headers, text }: Receiver['received'][number]): boolean => {
      const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${text}`
      return headers['webhook-signature'] === `v1,${createHmac('sha256', secret).update(signed).digest('base64')}`
    }
    it('is that of Standard Webhooks, over id, time and body', async () => {
      start({ key: keyOf(SECRET) })
      log.add({})
      await after(MINUTE)
      const [one = assert.fail()] = receiver.received
      assert.equal(verify(Buffer.alloc(32, 7), one), true)
      assert.equal(verify(Buffer.alloc(32, 8), one), false)
      assert.equal(verify(Buffer.alloc(32, 7), { ...one, text: one.text.replace('1.0.0', '1.0.1') }), false)
      assert.equal(one.headers['webhook-timestamp'], String(clock.now().getTime() / 1000))
    })
    it('is made anew at each attempt, under the same id', async () => {
      start({ key: keyOf(SECRET) })
      receiver.answers.push(500)
      log.add({})
      await after(MINUTE)
      await after(MINUTE)
      const [first = assert.fail(), second = assert.fail()] = receiver.received
      assert.equal(first.headers['webhook-id'], second.headers['webhook-id'])
      assert.equal(first.text, second.text)
      assert.notEqual(first.headers['webhook-timestamp'], second.headers['webhook-timestamp'])
      assert.equal(verify(Buffer.alloc(32, 7), second), true)
    })
    it('without a secret there is none', async () => {
      start()
      log.add({})
      await after(MINUTE)
      assert.equal(receiver.received[0]?.headers['webhook-signature'], undefined)
    })
  })

  describe('a receiver that does not take it', () => {
    const attempts = async (spans: readonly number[]): Promise<readonly number[]> => {
      const seen: number[] = []
      for (const span of spans) {
        await after(span)
        seen.push(receiver.received.length)
      }
      return seen
    }
    for (const status of [500, 502, 503, 429, 408])
      it(`${String(status)}: is asked again, later each time`, async () => {
        start()
        receiver.answers.push(status, status, status)
        log.add({})
        assert.deepEqual(await attempts([MINUTE, 4_999, 1, 14_999, 1, 44_999, 1, 10 * MINUTE]), [1, 1, 2, 2, 3, 3, 4, 4])
        assert.deepEqual(notifier.state, [{ hook: 'security', delivered: 1, failedAttempts: 3, givenUp: 0, waiting: 0 }])
      })
    for (const [title, value, wait] of [['seconds', '120', 120_000], ['too many seconds', '999999', 3_600_000], ['nonsense', 'soon', 5_000]] as const)
      it(`Retry-After counts: ${title}`, async () => {
        start()
        receiver.answers.push((response) => { response.writeHead(429, { 'retry-after': value }).end() })
        log.add({})
        assert.deepEqual(await attempts([MINUTE, wait - 1, 1]), [1, 1, 2])
      })
    it('one that breaks off is asked again', async () => {
      start()
      receiver.answers.push((response) => { response.destroy() })
      log.add({})
      assert.deepEqual(await attempts([MINUTE, MINUTE]), [1, 2])
      assert.match(warned.join(), /"security" was not taken .*: UND_ERR_SOCKET|ECONNRESET/)
    })
    it('one that does not answer is given up on and asked again', async () => {
      start()
      receiver.answers.push(() => undefined)
      log.add({})
      assert.deepEqual(await attempts([MINUTE, MINUTE]), [1, 2])
      assert.match(warned.join(), /did not answer in time/)
    })
    for (const status of [400, 401, 404, 410])
      it(`${String(status)}: nothing would come of asking again, and the log says so`, async () => {
        start()
        receiver.answers.push(status)
        log.add({})
        assert.deepEqual(await attempts([MINUTE, 60 * MINUTE]), [1, 1])
        assert.deepEqual(notifier.state, [{ hook: 'security', delivered: 0, failedAttempts: 1, givenUp: 1, waiting: 0 }])
        assert.match(warned.join(), new RegExp(`GIVEN UP \\(1 notice\\): it answered ${String(status)}`))
      })
    for (const status of [301, 302, 307, 308])
      it(`[14e] a redirect (${String(status)}) is not followed`, async () => {
        const elsewhere = await Receiver.start()
        start()
        receiver.answers.push((response) => { response.writeHead(status, { location: elsewhere.url.href }).end() })
        log.add({})
        await attempts([MINUTE, MINUTE])
        assert.deepEqual([receiver.received.length, elsewhere.received.length], [1, 0])
        assert.match(warned.join(), /redirects are not followed/)
        await elsewhere.close()
      })
    it('is given up after a day, and the next message is sent', async () => {
      start()
      receiver.answers.push(...Array.from({ length: 40 }, () => 500))
      log.add({})
      await after(MINUTE)
      for (let hour = 0; hour < 32; hour++) await after(60 * MINUTE)
      assert.equal(notifier.state[0]?.givenUp, 1)
      assert.equal(warned.length, 2)
      receiver.answers.length = 0
      receiver.received.length = 0
      log.add({ version: '1.1.0' })
      await after(MINUTE)
      assert.deepEqual(entries().map(({ version }) => version), ['1.1.0'])
    })
    it('what comes meanwhile waits, and is one message when it works again', async () => {
      start()
      receiver.answers.push(500)
      log.add({})
      await after(MINUTE)
      for (const version of ['1.1.0', '1.2.0']) log.add({ version })
      await after(MINUTE)
      await after(MINUTE)
      assert.deepEqual(counts(), [{ refused: 1 }, { refused: 1 }, { refused: 2 }])
    })
    it('an attempt that a restart broke off is made again, under the same id', async () => {
      start()
      receiver.answers.push(() => undefined)
      log.add({})
      clock.advance(MINUTE)
      const running = notifier.tick()
      while (receiver.received.length === 0) await new Promise((resolve) => { setImmediate(resolve) })
      await notifier.close()
      await running
      start()
      await after(2 * MINUTE)
      const ids = receiver.received.map(({ headers }) => headers['webhook-id'])
      assert.equal(ids.length, 2)
      assert.equal(ids[0], ids[1])
    })
    it('[14f] neither address nor secret is ever in the log', async () => {
      const secret = `whsec_${Buffer.from('a very secret secret of bytes').toString('base64')}`
      for (const answer of [302, 404, 500, (response: { destroy(): void }) => { response.destroy() }]) {
        for (const file of readdirSync(dir)) rmSync(path.join(dir, file))
        start({ key: keyOf(secret) })
        receiver.answers.push(answer)
        log.add({ version: String(warned.length) })
        await after(MINUTE)
        await notifier.close()
      }
      for (const file of readdirSync(dir)) rmSync(path.join(dir, file))
      start({ key: keyOf(secret) })
      await receiver.close()
      log.add({ version: 'last' })
      await after(MINUTE)
      assert.equal(warned.length, 5)
      for (const line of warned) for (const word of ['VerySecretPath', 'services', secret.slice(6, 30), 'very secret']) assert.equal(line.includes(word), false, line)
    })
  })

  it('two processes on one file tell of a thing once', async () => {
    start()
    const second = new Notifier({ hooks: [hookOf()], store: new StoredNotifications(path.join(dir, 'notifications.db')), log, concerns: () => [], base: BASE, clock, schedule: () => () => undefined, warn: (message) => warned.push(message) })
    second.start()
    log.add({})
    clock.advance(MINUTE)
    await Promise.all([notifier.tick(), second.tick()])
    await Promise.all([notifier.tick(), second.tick()])
    assert.deepEqual(counts(), [{ refused: 1 }])
    await second.close()
  })
  it('nothing that fails reaches whoever writes the log', async () => {
    const broken = new StoredNotifications(path.join(dir, 'broken.db'))
    start({}, { store: Object.assign(Object.create(broken), { take: () => { throw new Error('disk full') }, close: () => { broken.close() } }) as StoredNotifications })
    assert.doesNotThrow(() => { log.add({}) })
    await after(MINUTE)
    assert.match(warned.join(), /could not be kept: disk full/)
  })
  it('closed, it follows nothing any more', async () => {
    start()
    await notifier.close()
    assert.equal(log.followers, 0)
  })
  it('the log is asked for what somebody is to be told, and nothing else', async () => {
    start({ events: new Set(['recalled', 'monitored']) })
    await after(1)
    await notifier.close()
    start({ events: new Set(['recalled', 'monitored']) })
    await after(MINUTE)
    assert.deepEqual(log.asked.map(({ kinds }) => kinds), [['recalled', 'warned'], ['recalled', 'warned']])
  })
})

const noticeOf = (event: NotificationEvent): Notice => ({ key: event, event, at: AT, package: null, version: null, reasons: [], text: 'x', more: {} })
