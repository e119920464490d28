/** What clients are told that show little or ask in vain. */
import assert from 'node:assert/strict'
import { FakeRegistry, type Published } from '../support/fake-registry.ts'
import { NO_AGE, startTestMirror, type TestMirror } from '../support/mirror.ts'
import { PrivateSigstore } from '../support/private-sigstore.ts'
import { raw } from '../support/raw.ts'

const BUN = { 'user-agent': 'Bun/1.4.5' }
const FILE = '/widget/-/widget-1.0.0.tgz'
const REFUSED = '/widget/-/widget-1.0.1.tgz'

describe('what clients are told', function () {
  this.timeout(20_000)
  let registry: FakeRegistry
  let mirror: TestMirror
  let published: Published
  let other: Published

  before(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    published = registry.publish({ name: 'widget', version: '1.0.0' })
    registry.publish({ name: 'widget', version: '1.0.1' })
    registry.publish({ name: 'shady', version: '1.0.0' })
    other = registry.publish({ name: 'secret', version: '1.0.0' })
    mirror = await startTestMirror({
      registry,
      policy: { ...NO_AGE, rules: [{ packages: ['widget@1.0.1', 'shady', 'secret'], verdict: 'deny', reason: 'taken over' }] },
      core: { packages: { secret: { access: '$authenticated' }, '**': { access: '$all', publish: '$authenticated', unpublish: '$authenticated' } } },
    })
  })
  after(async () => {
    await mirror.close()
    await registry.close()
  })
  const status = async (where: string, headers: Readonly<Record<string, string>>): Promise<number> => (await mirror.get(where, headers)).status

  describe('bun', () => {
    for (const where of [REFUSED, '/shady', '/widget/1.0.1'])
      it(`${where}: the same address with the sentence, and 403 there`, async () => {
        const first = await mirror.get(where, BUN)
        const location = first.headers.get('location') ?? ''
        assert.equal(first.status, 302)
        assert.match(location, /^\?refused=[A-Za-z0-9.@-]*-is-refused-[A-Za-z0-9.@-]*taken-over/)
        const second = await mirror.get(`${where}${location}`, BUN)
        assert.equal(second.status, 403)
        assert.deepEqual(await second.json(), await mirror.json(where))
      })
    it('what is allowed is served, with the words or without: they decide nothing', async () => {
      for (const where of [FILE, `${FILE}?refused=widget-is-refused`]) assert.equal(await status(where, BUN), 200, where)
    })
    it('who may not have a package is not told of it', async () => {
      for (const where of ['/secret', '/secret/-/secret-1.0.0.tgz', '/secret?refused=x']) {
        const answer = await mirror.get(where, BUN)
        assert.deepEqual([answer.status, answer.headers.get('location')], [401, null], where)
      }
    })
    it('a wrong host name', async () => {
      const headers = { ...BUN, host: 'other.example' }
      const first = await raw(mirror.url, '/widget', { headers })
      assert.deepEqual([first.status, first.headers.location?.startsWith('?refused=this-mirror-has-no-such-host-name')], [302, true])
      assert.equal((await raw(mirror.url, `/widget${first.headers.location ?? ''}`, { headers })).status, 400)
    })
  })
  it('no other client is redirected', async () => {
    for (const agent of ['npm/12.2.0 node/v24', 'pnpm/12.21.0', 'yarn/1.22.22', 'Deno/2.9.5', ''])
      for (const where of [REFUSED, '/shady']) assert.equal(await status(where, { 'user-agent': agent }), 403, `${agent} ${where}`)
  })

  describe('npm, whose lockfile expects', () => {
    const expecting = (integrity: string): Promise<Response> => mirror.get(FILE, { 'pacote-integrity': integrity })
    it('these bytes: gets them', async () => assert.equal((await expecting(published.integrity)).status, 200))
    it('other bytes: 403 integrity-mismatch', async () => {
      const answer = await expecting(other.integrity)
      const { reasons } = (await answer.json()) as { reasons: { code: string }[] }
      assert.deepEqual([answer.status, reasons.map(({ code }) => code)], [403, ['integrity-mismatch']])
    })
    it('something that cannot be compared: gets them', async () => assert.equal((await expecting('sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=')).status, 200))
    it('other bytes of a refused version: the policy has the word', async () => {
      const { reasons } = (await (await mirror.get(REFUSED, { 'pacote-integrity': other.integrity })).json()) as { reasons: { code: string }[] }
      assert.equal(reasons[0]?.code, 'denied-by-rule')
    })
  })
})
