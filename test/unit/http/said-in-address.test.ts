import assert from 'node:assert/strict'
import { reason } from '../../../plugin/domain/reason.ts'
import { refuse, unavailable } from '../../../plugin/http/refusal.ts'
import { addressThatSays } from '../../../plugin/http/said-in-address.ts'
import { Served, json, type Answer } from './support.ts'

const BUN = 'Bun/1.4.5'
const asked = (agent: string | undefined, url = '/widget/-/widget-1.0.0.tgz', method = 'GET'): string | undefined =>
  addressThatSays({ method, url, headers: agent === undefined ? {} : { 'user-agent': agent } }, 'widget@1.0.0 is refused: no provenance')

describe('a refusal that its own address tells', () => {
  it('bun, whose users see the address alone', () => {
    for (const agent of [BUN, 'Bun/2.0.0']) assert.equal(asked(agent), '?refused=widget@1.0.0-is-refused-no-provenance', agent)
  })
  it('no other client', () => {
    for (const agent of [undefined, '', 'npm/12.2.0 node/v24', 'pnpm/11.28.10 npm/? node/v24', 'pnpm/12.21.0', 'yarn/1.22.22', 'got', 'Deno/2.9.5', 'x Bun/1.4.5', 'Bun'])
      assert.equal(asked(agent), undefined, String(agent))
  })
  it('only what is read: a redirect would turn HEAD and PUT into something else', () => {
    for (const method of ['HEAD', 'PUT', 'POST', 'DELETE']) assert.equal(asked(BUN, '/widget', method), undefined, method)
  })
  it('once: what was redirected is answered', () => {
    for (const url of ['/widget?refused=x', '/widget?write=true&refused=', '/widget?%72efused=x']) assert.equal(asked(BUN, url), undefined, url)
    assert.notEqual(asked(BUN, '/widget?x=refused'), undefined)
  })
  it('leads to no other host or path whatever the sentence holds, in ASCII, of bounded length', () => {
    for (const sentence of ['//evil.example/', 'https://evil.example', '\r\nSet-Cookie: a=b', '#?&=<script>', 'p\u0430ckage \u{1f600}', 'x'.repeat(10_000)]) {
      const address = addressThatSays({ method: 'GET', url: '/widget', headers: { 'user-agent': BUN } }, sentence) ?? ''
      assert.match(address, /^\?refused=[A-Za-z0-9._~@/-]{0,300}$/)
      const there = new URL(address, 'http://mirror.example/npm/@acme%2fui/-/ui-1.0.0.tgz')
      assert.deepEqual([there.host, there.pathname], ['mirror.example', '/npm/@acme%2fui/-/ui-1.0.0.tgz'])
      assert.deepEqual([...there.searchParams.keys()], ['refused'])
    }
  })

  describe('over HTTP', () => {
    const served = new Served()
    before(() => served.start())
    after(() => served.stop())
    const ask = (where: string, agent = BUN): Promise<Answer> => served.ask({ path: where, headers: { 'user-agent': agent } })

    it('a refusal is a redirect, and 403 there', async () => {
      served.handler = (request, response) => {
        refuse(request, response, { ref: { name: 'widget' }, reasons: [reason('provenance-absent', 'it has none')], rule: undefined, nearestAllowed: undefined, explain: 'https://mirror.example/x' })
      }
      const first = await ask('/widget')
      assert.deepEqual([first.status, first.headers['cache-control']], [302, 'no-store'])
      const { location = '' } = first.headers
      assert.match(location, /^\?refused=every-version-of-widget-is-refused-it-has-none$/)
      const second = await ask(`/widget${location}`)
      assert.deepEqual([second.status, second.headers.location], [403, undefined])
      assert.deepEqual(json(second), json(await ask('/widget', 'npm/12.2.0')))
    })
    it('503 is none: it is to be tried again at the same address', async () => {
      served.handler = (request, response) => { unavailable(request, response, reason('evidence-unavailable', 'no answer'), { name: 'widget' }) }
      assert.deepEqual([(await ask('/widget')).status, (await ask('/widget')).headers.location], [503, undefined])
    })
  })
})
