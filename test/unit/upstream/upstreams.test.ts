import assert from 'node:assert/strict'
import { Unavailable } from '../../../plugin/domain/errors.ts'
import { RoutedUpstreams } from '../../../plugin/upstream/upstreams.ts'
import { Fixture, json, packumentOf, status, unavailable } from './support.ts'

describe('upstream: which uplink owns a package', () => {
  let fixture: Fixture
  let upstreams: RoutedUpstreams
  let asked: () => number
  beforeEach(async () => {
    fixture = await Fixture.create(status(404))
    const open = await fixture.other((_request, response) => { json(response, packumentOf('widget', '9.9.9')) })
    asked = () => open.requests.length
    const clients = [await fixture.client({ name: 'private' }), await fixture.client({ name: 'public', url: open.url })]
    const routes = new Map([['nobody', []], ['typo', ['privat']]])
    upstreams = new RoutedUpstreams(clients, (name) => routes.get(name) ?? ['private', 'public'])
  })
  afterEach(() => fixture.dispose())

  it('the first that has it, and the next is not asked', async () => {
    fixture.server.handler = (_request, response) => { json(response, packumentOf('widget', '1.0.0')) }
    const found = await upstreams.find('widget')
    assert.ok(found !== 'absent')
    assert.deepEqual([found.upstream.name, found.document.uplink, asked()], ['private', 'private', 0])
  })

  it('404 moves on', async () => {
    const found = await upstreams.find('widget')
    assert.equal(found === 'absent' ? found : found.upstream.name, 'public')
  })

  for (const code of [401, 403, 500, 503])
    it(`[21a] ${code} of the private one does not: the public one is not asked`, async () => {
      fixture.server.handler = status(code)
      await assert.rejects(upstreams.find('widget'), unavailable)
      assert.equal(asked(), 0)
    })

  it('absent where no uplink is configured', async () => {
    assert.equal(await upstreams.find('nobody'), 'absent')
  })

  it('a route to an uplink that does not exist is not absent', async () => {
    const internal = (error: unknown): boolean => error instanceof Unavailable && error.reason.code === 'internal-error'
    await assert.rejects(upstreams.find('typo'), internal)
  })
})
