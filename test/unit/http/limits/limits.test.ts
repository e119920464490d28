import assert from 'node:assert/strict'
import { RequestMeasures } from '../../../../plugin/domain/measures.ts'
import { limitedClass } from '../../../../plugin/http/limits/classes.ts'
import { clientOf, inNetworks, networkOf } from '../../../../plugin/http/limits/client.ts'
import { ClientLimits, type ClientLimitsOptions, type Refused } from '../../../../plugin/http/limits/limits.ts'
import { Window } from '../../../../plugin/http/limits/window.ts'
import { settableClock } from '../../../support/mirror.ts'

const START = new Date('2026-03-01T00:00:00Z')
const MINUTE = 60_000

describe('limits: a window', () => {
  const rate = { requests: 2, milliseconds: MINUTE }

  it('lets so many pass, then none until it ends, then as many again', () => {
    const clock = settableClock(START)
    const window = new Window(rate, clock)
    const waits = [0, 1, 2].map(() => {
      const wait = window.wait('a')
      window.add('a')
      return wait
    })
    assert.deepEqual(waits, [0, 0, MINUTE])
    clock.advance(MINUTE - 1)
    assert.equal(window.wait('a'), 1)
    clock.advance(1)
    assert.equal(window.wait('a'), 0)
    window.add('a')
    assert.equal(window.wait('a'), 0)
  })
  it('counts each key for itself', () => {
    const window = new Window(rate, settableClock(START))
    window.add('a')
    window.add('a')
    assert.deepEqual([window.wait('a'), window.wait('b')], [MINUTE, 0])
  })
  it('a clock that is set back keeps nobody out until it is where it was', () => {
    const clock = settableClock(START)
    const window = new Window(rate, clock)
    window.add('a')
    window.add('a')
    clock.advance(-3_600_000)
    assert.equal(window.wait('a'), 0)
    window.add('a')
    assert.equal(window.wait('a'), 0)
    window.add('a')
    assert.equal(window.wait('a'), MINUTE)
  })
  it('takes no more memory than it may, however many keys come', () => {
    const window = new Window(rate, settableClock(START), 100)
    for (let key = 0; key < 10_000; key++) window.add(String(key))
    assert.equal(window.size, 100)
  })
})

describe('limits: who is counted', () => {
  for (const [address, expected] of [
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1:5678', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:0001:0002::1', '2001:db8:1:2::/64'],
    ['[2001:db8:1:2::1]:443', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['unknown', undefined],
    ['', undefined],
    ['192.0.2.1, 198.51.100.1', undefined],
    [undefined, undefined],
  ] as const)
    it(`${String(address)}: ${String(expected)}`, () => { assert.equal(networkOf(address), expected) })

  const request = (forwarded: string | undefined, peer = '192.0.2.9'): never => ({ headers: { 'x-forwarded-for': forwarded }, socket: { remoteAddress: peer } }) as never
  it('a header of a peer that is not trusted names nobody', () => {
    assert.equal(clientOf(request('198.51.100.7'), () => false).address, '192.0.2.9')
  })
  it('of a trusted proxy, whom it names', () => {
    assert.equal(clientOf(request('203.0.113.1, 198.51.100.7'), (address) => address === '192.0.2.9').address, '198.51.100.7')
  })
  it('what a trusted proxy writes that is no address is the proxy', () => {
    assert.equal(clientOf(request('x'.repeat(10_000)), () => true).address, '192.0.2.9')
  })
  it('networks that are not limited', () => {
    const isAllowed = inNetworks(['10.0.0.0/8', '192.0.2.1', 'fd00::/8'])
    assert.deepEqual(['10.1.2.3', '::ffff:10.1.2.3', '10.1.2.3:80', '192.0.2.1', 'fd12::1', '192.0.2.2', '2001:db8::1', '::ffff:192.0.2.2', 'x', undefined].map(isAllowed), [true, true, true, true, true, false, false, false, false, false])
  })
})

describe('limits: what a request is counted as', () => {
  for (const [method, url, expected] of [
    ['GET', '/widget', 'uplink'],
    ['HEAD', '/@acme%2fwidget', 'uplink'],
    ['GET', '/widget/1.0.0', 'uplink'],
    ['GET', '/widget/-/widget-1.0.0.tgz', 'uplink'],
    ['GET', '/widget/a/b', 'uplink'],
    ['GET', '/-/npm/v1/attestations/widget@1.0.0', 'uplink'],
    ['PUT', '/widget', 'publish'],
    ['DELETE', '/widget/-rev/1', 'publish'],
    ['PUT', '/-/package/widget/dist-tags/next', 'publish'],
    ['GET', '/-/package/widget/dist-tags', 'api'],
    ['PUT', '/-/user/org.couchdb.user:ann', 'login'],
    ['PUT', '/-/USER/org.couchdb.user:ann', 'login'],
    ['GET', '/-/user/org.couchdb.user:ann', undefined],
    ['POST', '/-/verdaccio/sec/login', 'login'],
    ['POST', '/-/v1/login', 'login'],
    ['POST', '/-/npm/v1/tokens', 'login'],
    ['POST', '/-/npm/v1/security/advisories/bulk', 'query'],
    ['GET', '/-/v1/search?text=a', 'query'],
    ['POST', '/-/provenance/v1/check', 'check'],
    ['GET', '/-/provenance/v1/overview', 'api'],
    ['GET', '/-/Provenance/V1/decisions', 'api'],
    ['GET', '/-/provenance/v1/packages/widget', 'api'],
    ['GET', '/-/verdaccio/data/packages', 'api'],
    ['GET', '/-/ping', undefined],
    ['GET', '/-/provenance/health', undefined],
    ['GET', '/-/provenance/ready', undefined],
    ['GET', '/-/provenance/metrics', undefined],
    ['GET', '/-/provenance/assets/index.js', undefined],
    ['GET', '/-/static/ui.js', undefined],
  ] as const)
    it(`${method} ${url}: ${String(expected)}`, () => { assert.equal(limitedClass(method, url), expected) })
})

describe('limits: a client', () => {
  const ANN = { address: '192.0.2.1', user: 'ann' }
  const clock = settableClock(START)
  let told: Refused[]
  let measures: RequestMeasures
  const limitsWith = (options: Partial<ClientLimitsOptions> = {}): ClientLimits => {
    told = []
    measures = new RequestMeasures()
    clock.set(START)
    return new ClientLimits({ rates: { publish: { requests: 1, milliseconds: MINUTE } }, connections: 2, allow: [], clock, measures, warn: (refused) => { told.push(refused) }, ...options })
  }

  it('is refused by its address, whoever it says that it is', () => {
    const limits = limitsWith()
    limits.charge('publish', ANN)
    assert.deepEqual(limits.refusal('publish', { address: ANN.address, user: 'ben' }), { limited: 'publish', client: ANN.address, rate: { requests: 1, milliseconds: MINUTE }, retryAfter: 60 })
  })
  it('is refused by its name, wherever it comes from', () => {
    const limits = limitsWith()
    limits.charge('publish', ANN)
    assert.equal(limits.refusal('publish', { address: '192.0.2.2', user: 'ann' })?.client, 'user ann')
  })
  it('who calls himself as an address is written does not count against that address', () => {
    const limits = limitsWith()
    limits.charge('publish', { address: '192.0.2.7', user: ANN.address })
    assert.equal(limits.refusal('publish', { ...ANN, user: undefined }), undefined)
  })
  it('is not refused what is not limited', () => {
    const limits = limitsWith()
    for (let time = 0; time < 10; time++) limits.charge('api', ANN)
    assert.equal(limits.refusal('api', ANN), undefined)
  })
  it('is counted each time it is refused, and told of once in a minute', () => {
    const limits = limitsWith()
    limits.charge('publish', { ...ANN, user: undefined })
    for (let time = 0; time < 5; time++) limits.refusal('publish', { ...ANN, user: undefined })
    assert.deepEqual([measures.limited.get('publish'), told.length], [5, 1])
    clock.advance(MINUTE)
    limits.charge('publish', { ...ANN, user: undefined })
    limits.refusal('publish', { ...ANN, user: undefined })
    assert.deepEqual([measures.limited.get('publish'), told.length], [6, 2])
  })
  it('many clients write no more than a hundred lines in a minute', () => {
    const limits = limitsWith()
    for (let host = 0; host < 200; host++) {
      const client = { address: `192.0.2.${host}`, user: undefined }
      limits.charge('publish', client)
      limits.refusal('publish', client)
    }
    assert.deepEqual([measures.limited.get('publish'), told.length], [200, 100])
  })
  it('has so many connections at one time, and another when one has ended', () => {
    const limits = limitsWith()
    const [first] = [limits.connected('a'), limits.connected('a')]
    assert.equal(limits.connected('a'), undefined)
    assert.notEqual(limits.connected('b'), undefined)
    first?.()
    const again = limits.connected('a')
    assert.notEqual(again, undefined)
    assert.equal(limits.connectedAddresses, 2)
    assert.equal(measures.limited.get('connections'), 1)
  })
  it('who has no connection any more is not kept in mind', () => {
    const limits = limitsWith()
    const ends = [limits.connected('a'), limits.connected('a')]
    for (const end of ends) end?.()
    assert.equal(limits.connectedAddresses, 0)
  })
})
