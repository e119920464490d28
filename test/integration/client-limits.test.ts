/** What one client may have of a mirror, over HTTP. */
import assert from 'node:assert/strict'
import net from 'node:net'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { settableClock, startTestMirror, type TestMirror } from '../support/mirror.ts'
import { PrivateSigstore } from '../support/private-sigstore.ts'
import { send } from '../support/registry/behaviour.ts'
import { raw, rawJson, register, type RawAnswer } from '../support/raw.ts'
import { publishTo } from '../support/stored.ts'

const START = new Date('2026-03-01T00:00:00Z')
const MINUTE = 60_000
const BASIC = (name: string, password: string): Readonly<Record<string, string>> => ({ authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` })

const DAY = 86_400_000
const LIMITS = { allow: [], uplink: '2/1m', publish: '1/1m', login: '3/1m', passwords: '3/1m', query: '1/1m', check: '1/1m', api: '2/1m' } as const

describe('limits by client', function () {
  this.timeout(20_000)
  let registry: FakeRegistry
  let mirror: TestMirror
  const clock = settableClock(START)
  /** Another client for each test. */
  let test = 0
  const host = (number = 1): string => `10.0.${test}.${number}`

  before(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    for (const name of ['one', 'two', 'three', 'four']) registry.publish({ name, version: '1.0.0', time: new Date('2026-01-01T00:00:00Z') })
    await start(LIMITS)
  })
  after(async () => {
    await mirror.close()
    await registry.close()
  })
  beforeEach(() => {
    test++
    // So that the uplink has to be asked again.
    clock.advance(2 * DAY)
  })

  /** Whom it believes, a client names by `from`. */
  const start = async (limits: JsonObject): Promise<void> => {
    mirror = await startTestMirror({ registry, clock, uplink: { maxage: '1d' }, core: { server: { trustProxy: '127.0.0.1, ::1' } }, section: { limits } })
  }
  const from = (address: string): Readonly<Record<string, string>> => ({ 'x-forwarded-for': address, 'accept-encoding': 'gzip' })
  const ask = (path: string, headers: Readonly<Record<string, string>> = from(host())): Promise<RawAnswer> => raw(mirror.url, path, { headers })
  const statuses = async (...paths: readonly string[]): Promise<readonly number[]> => {
    const found = []
    for (const path of paths) found.push((await ask(path)).status)
    return found
  }
  const limitedSoFar = async (limited: string): Promise<number> =>
    Number(new RegExp(`provenance_requests_limited_total\\{class="${limited}"\\} (\\d+)`).exec(mirror.engine.routes.metrics === undefined ? '' : await mirror.engine.routes.metrics.text())?.[1])

  it('who had the uplink asked too often gets 429, which says what, whom, and how long', async () => {
    assert.deepEqual(await statuses('/one', '/two', '/three'), [200, 200, 429])
    const { headers, body } = await ask('/three')
    const said = JSON.parse(body.toString()) as Record<string, unknown>
    assert.deepEqual([said.code, said.limit, said.retryAfter, headers['retry-after'], headers['cache-control']], ['too-many-requests', 'uplink', 60, '60', 'no-store'])
    assert.ok(String(said.error).includes(host()))
    assert.match(String(said.error), /limits\.uplink/)
    assert.doesNotMatch(String(said.error), /trustProxy/)
    assert.equal(said.error, said.message)
  })
  it('and when the time has passed, an answer', async () => {
    await statuses('/one', '/two', '/three')
    clock.advance(MINUTE)
    assert.deepEqual(await statuses('/three'), [200])
  })
  it('what was answered a moment ago is answered to him too', async () => {
    await statuses('/one', '/one', '/two', '/three')
    const before = mirror.engine.work.warm
    assert.deepEqual(await statuses('/one', '/three'), [200, 429])
    assert.equal(mirror.engine.work.warm, before + 1)
  })
  it('what is known here is not counted, however often it is asked for the long way', async () => {
    for (let time = 0; time < 10; time++) assert.equal((await ask('/one', { ...from(host()), cookie: 'a=b' })).status, 200)
    assert.deepEqual(await statuses('/two', '/three'), [200, 429])
  })
  it('others are answered meanwhile', async () => {
    await statuses('/one', '/two', '/three')
    assert.equal((await ask('/three', from(host(2)))).status, 200)
  })
  it('who waits for the question of another is not charged for it', async () => {
    const gate = Promise.withResolvers<undefined>()
    const asked = Promise.withResolvers<undefined>()
    const rule = registry.behave('/four', (response, answer) => {
      asked.resolve(undefined)
      void gate.promise.then(() => { send(response, answer()) })
    })
    const first = ask('/four')
    await asked.promise
    const second = ask('/four', from(host(2)))
    while (mirror.engine.observation.requests.open < 2) await new Promise((resolve) => setImmediate(resolve))
    gate.resolve(undefined)
    await Promise.all([first, second])
    rule.off()
    assert.deepEqual(await statuses('/one', '/two'), [200, 429])
    const others = []
    for (const path of ['/two', '/three', '/one']) others.push((await ask(path, { ...from(host(2)), cookie: 'a=b' })).status)
    assert.deepEqual(others, [200, 200, 429])
  })
  it('addresses of one IPv6 subnet are one client, those of another are not', async () => {
    for (const path of ['/one', '/two']) await ask(path, from('2001:db8::1'))
    assert.deepEqual([(await ask('/three', from('2001:db8::2'))).status, (await ask('/three', from('2001:db8:0:1::2'))).status], [429, 200])
  })
  it('who is signed in is counted by name too', async () => {
    const token = await register(mirror.url, 'ann')
    const asAnn = (number: number): Promise<RawAnswer> => ask('/-/provenance/v1/packages/one', { ...from(host(number)), authorization: `Bearer ${token}` })
    assert.deepEqual([(await asAnn(1)).status, (await asAnn(2)).status, (await asAnn(3)).status, (await ask('/-/provenance/v1/packages/one', from(host(3)))).status], [200, 200, 429, 200])
  })
  for (const [limited, path, request, allowed] of [
    ['query', '/-/npm/v1/security/advisories/bulk', { method: 'POST', body: '{}' }, 1],
    ['query', '/-/v1/search?text=a', {}, 1],
    ['check', '/-/provenance/v1/check', { method: 'POST', body: '{"specs":["one@1.0.0"]}' }, 1],
    ['api', '/-/provenance/v1/session', {}, 2],
    ['login', '/-/user/org.couchdb.user:zoe', { method: 'PUT', body: '{"name":"zoe","password":"a long password"}' }, 3],
    ['publish', '/ours', { method: 'PUT', body: '{}' }, 1],
  ] as const)
    it(`${limited}: ${path}`, async () => {
      const before = await limitedSoFar(limited)
      const send = (): Promise<RawAnswer> => raw(mirror.url, path, { ...request, headers: { ...from(host()), 'content-type': 'application/json' } })
      for (let time = 0; time < allowed; time++) assert.notEqual((await send()).status, 429)
      const { status, body } = await send()
      assert.deepEqual([status, (JSON.parse(body.toString()) as Record<string, unknown>).limit], [429, limited])
      assert.equal(await limitedSoFar(limited), before + 1)
    })
  it('a publish that was refused left nothing', async () => {
    const token = await register(mirror.url, 'ben')
    await publishTo(mirror.url, token, 'ours', '1.0.0')
    await publishTo(mirror.url, token, 'ours', '1.0.1').catch(() => undefined)
    assert.deepEqual(Object.keys((await rawJson(mirror.url, '/ours')).versions as object), ['1.0.0'])
  })

  describe('wrong passwords', () => {
    before(async () => { await register(mirror.url, 'eve') })
    const as = async (password: string, number = 1): Promise<number> => (await ask('/one', { ...from(host(number)), ...BASIC('eve', password) })).status
    const guess = async (times: number): Promise<readonly number[]> => {
      const found = []
      for (let time = 0; time < times; time++) found.push(await as('wrong'))
      return found
    }

    it('after so many, not even the right one is looked at', async () => {
      assert.deepEqual([...(await guess(4)), await as('a long password')], [200, 200, 200, 429, 429])
    })
    it('of one address keep nobody else out, and not those who send none', async () => {
      await guess(4)
      assert.deepEqual([await as('a long password', 2), ...(await statuses('/one'))], [200, 200])
    })
    it('right ones are not counted', async () => {
      for (let time = 0; time < 6; time++) assert.equal(await as('a long password'), 200)
    })
    it('are counted at the login too', async () => {
      const login = (): Promise<RawAnswer> => raw(mirror.url, '/-/user/org.couchdb.user:eve', { method: 'PUT', headers: { ...from(host()), 'content-type': 'application/json' }, body: '{"name":"eve","password":"wrong"}' })
      for (let time = 0; time < 3; time++) assert.notEqual((await login()).status, 429)
      assert.equal(await as('a long password'), 429)
    })
  })
})

describe('limits by client: other configurations', function () {
  this.timeout(20_000)
  let registry: FakeRegistry
  let mirror: TestMirror
  before(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    for (const name of ['one', 'two']) registry.publish({ name, version: '1.0.0' })
  })
  after(() => registry.close())
  afterEach(() => mirror.close())
  const start = async (limits: JsonObject, core: JsonObject = {}): Promise<void> => {
    mirror = await startTestMirror({ registry, uplink: { maxage: '1d' }, core, section: { limits } })
  }
  const statuses = async (): Promise<readonly number[]> => [(await mirror.get('/one')).status, (await mirror.get('/two')).status]

  it('a proxy that is not trusted names nobody, is counted, and is told so', async () => {
    await start({ allow: [], uplink: '1/1m' })
    assert.equal((await mirror.get('/one', { 'x-forwarded-for': '10.0.0.1' })).status, 200)
    const refused = await mirror.get('/two', { 'x-forwarded-for': '10.0.0.2' })
    assert.equal(refused.status, 429)
    assert.match(((await refused.json()) as { error: string }).error, /a proxy which server\.trustProxy does not name/)
  })
  it('switched off, nobody is', async () => {
    await start({ allow: [], enabled: false, uplink: '1/1m' })
    assert.deepEqual(await statuses(), [200, 200])
  })
  it('by default nobody on this machine is', async () => {
    await start({ uplink: '1/1m' })
    assert.deepEqual(await statuses(), [200, 200])
  })
  it('an address has so many connections, and others theirs', async () => {
    await start({ allow: [], connections: 2 }, { server: { trustProxy: '127.0.0.1, ::1' } })
    const { port } = new URL(mirror.url)
    const connect = (localAddress: string): net.Socket => net.connect({ port: Number(port), host: 'localhost', localAddress, family: 4 }).on('error', () => undefined)
    const ends = (socket: net.Socket): Promise<boolean> => new Promise((resolve) => {
      socket.once('close', () => { resolve(true) })
      socket.once('data', () => { resolve(false) })
      socket.write('GET /-/provenance/health HTTP/1.1\r\nHost: localhost\r\n\r\n')
    })
    // 127.0.0.1 is a proxy that is trusted: all its clients are behind it.
    const proxied = Array.from({ length: 4 }, () => connect('127.0.0.1'))
    const strangers = Array.from({ length: 3 }, () => connect('127.0.0.2'))
    const other = connect('127.0.0.3')
    try {
      // Listened to at once: what is refused is closed while others are still answered.
      const [ofProxy, ofStrangers, ofOther] = [proxied, strangers, [other]].map((sockets) => Promise.all(sockets.map(ends)))
      assert.deepEqual(await ofProxy, [false, false, false, false])
      assert.deepEqual((await ofStrangers)?.toSorted(), [false, false, true])
      assert.deepEqual(await ofOther, [false])
    } finally {
      for (const socket of [...proxied, ...strangers, other]) socket.destroy()
    }
  })
})
