/** What warm answers keep; what they say is in test/integration/warm.test.ts. */
import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Request, Response } from 'express'
import type { VerdaccioAuth } from '../../../plugin/http/access.ts'
import { Body } from '../../../plugin/http/respond.ts'
import { WarmAnswers } from '../../../plugin/http/warm.ts'
import type { Policy } from '../../../plugin/domain/ports.ts'
import { noWork } from '../../../plugin/domain/work.ts'
import { Listing } from '../../../plugin/pipeline/listing.ts'

const HEADERS = { host: 'localhost:4873', accept: 'application/json', 'accept-encoding': 'identity' }
const AUTH = { plugins: [{ allow_access: () => undefined }], allow_access: () => undefined } as unknown as VerdaccioAuth

const listingOf = (policyRevision: string): Listing => Object.assign(Object.create(Listing.prototype) as Listing, { policyRevision })
/** As an express request of nobody in particular, and as little of it as is read. */
const request = (url = '/widget'): Request => ({ url, originalUrl: url, method: 'GET', params: { package: 'widget' }, headers: { ...HEADERS }, socket: {}, remote_user: { name: undefined } }) as unknown as Request
const response = (): { readonly sent: unknown[]; readonly asResponse: Response & ServerResponse } => {
  const sent: unknown[] = []
  return { sent, asResponse: { getHeaders: () => ({}), setHeader: () => undefined, writeHead: (status: number) => { sent.push(status) }, end: (bytes?: unknown) => { sent.push(bytes) } } as unknown as Response & ServerResponse }
}

describe('what warm answers keep', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  let listing: Listing | undefined
  let bodies: Body[]
  let warm: WarmAnswers

  beforeEach(() => {
    listing = listingOf('one')
    bodies = []
    warm = new WarmAnswers({
      pipeline: { readyListing: () => listing, readyTarball: () => undefined, delivered: () => undefined },
      policy: () => ({ revision: 'one' }) as Policy,
      addresses: { urls: [], prefix: '/' },
      mayShadow: () => false,
      work: noWork(),
    })
    warm.open(AUTH)
  })
  const ready = (): { body: Body; lastModified: undefined; cacheControl: string; notice: undefined } => {
    const body = new Body({ name: 'widget' }, 'application/json')
    bodies.push(body)
    return { body, lastModified: undefined, cacheControl: 'no-cache', notice: undefined }
  }
  const note = (url = '/widget'): void => {
    warm.note(request(url), response().asResponse, { kind: 'document', name: 'widget', ready }, { form: 'full', encoding: 'identity' })
  }
  const ask = (url = '/widget'): readonly unknown[] => {
    const { sent, asResponse } = response()
    assert.notEqual(warm.answer(request(url) as IncomingMessage, asResponse, () => undefined), undefined)
    return sent
  }

  it('headers and bytes, while the listing is the one they were made of', () => {
    note()
    assert.deepEqual([ask(), ask(), ask()].map(([status]) => status), [200, 200, 200])
    assert.equal(bodies.length, 1)
  })
  it('nothing for somebody, whatever made the mirror know who it is', () => {
    const somebody = Object.assign(request(), { remote_user: { name: 'alice' } })
    warm.note(somebody, response().asResponse, { kind: 'document', name: 'widget', ready }, { form: 'full', encoding: 'identity' })
    assert.equal(warm.answer(request() as IncomingMessage, response().asResponse, () => undefined), undefined)
  })
  it('another listing has its own, from the next turn of the event loop on', async () => {
    note()
    ask()
    listing = listingOf('two')
    await turnOfTheLoop()
    ask()
    assert.equal(bodies.length, 2)
  })
  it('and nothing of a listing that nobody else keeps: an address is remembered for long', async () => {
    note()
    ask()
    const [bytes, old] = [new WeakRef(bodies.splice(0)[0]!.identity), new WeakRef(listing!)]
    listing = undefined
    for (let turn = 0; turn < 3; turn++) await turnOfTheLoop()
    collect()
    assert.deepEqual([bytes.deref(), old.deref()], [undefined, undefined])
  })
  it('what fails when the answer has begun does not begin another', () => {
    note()
    const { sent, asResponse } = response()
    let headersSent = false
    const failing = Object.defineProperty(
      Object.assign(asResponse, { writeHead: () => { headersSent = true }, end: () => { throw new Error('gone') } }),
      'headersSent', { get: () => headersSent },
    )
    assert.equal(warm.answer(request() as IncomingMessage, failing, () => { sent.push('the long way') }), 0)
    assert.deepEqual(sent, [])
  })
  it('of the documents of one listing only the last few', async () => {
    for (let version = 0; version < 100; version++) {
      note(`/widget/1.${version}.0`)
      ask(`/widget/1.${version}.0`)
    }
    await turnOfTheLoop()
    ask('/widget/1.99.0')
    assert.equal(bodies.length, 100)
    ask('/widget/1.0.0')
    assert.equal(bodies.length, 101)
  })
})
