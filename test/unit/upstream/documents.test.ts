import assert from 'node:assert/strict'
import { probe } from '../../../plugin/upstream/probe.ts'
import { Fixture, json, status, unavailable } from './support.ts'

const ref = { name: '@acme/widget', version: '1.0.0+build' }

describe('upstream: attestations and keys', () => {
  let fixture: Fixture
  beforeEach(async () => {
    fixture = await Fixture.create((_request, response) => {
      response.writeHead(200).end('{"attestations":[]}')
    })
  })
  afterEach(() => fixture.dispose())

  it('[14d] the address is made here', async () => {
    const body = await (await fixture.client()).attestations(ref)
    assert.equal(fixture.server.requests[0]!.url, '/-/npm/v1/attestations/@acme%2fwidget@1.0.0%2Bbuild')
    assert.equal(body === 'absent' ? body : Buffer.from(body).toString(), '{"attestations":[]}')
  })

  it('twenty calls at one time are one question', async () => {
    const client = await fixture.client()
    await Promise.all(Array.from({ length: 20 }, () => client.attestations(ref)))
    assert.equal(fixture.server.requests.length, 1)
  })

  it('[6a] 404 is absent', async () => {
    fixture.server.handler = status(404)
    assert.equal(await (await fixture.client()).attestations(ref), 'absent')
  })

  for (const code of [401, 403, 410, 500, 204])
    it(`[6d] ${code} is unavailable`, async () => {
      fixture.server.handler = status(code)
      await assert.rejects((await fixture.client()).attestations(ref), unavailable)
    })

  it('[6g] larger than the cap is unavailable', async () => {
    fixture.server.handler = (_request, response) => {
      response.writeHead(200).end(Buffer.alloc(2 * 1024 ** 2 + 1))
    }
    await assert.rejects((await fixture.client()).attestations(ref), unavailable)
  })

  it('[6e] an answer that never comes is unavailable', async () => {
    const deadline = new AbortController()
    fixture.server.handler = () => {
      deadline.abort(new Error('deadline'))
    }
    await assert.rejects((await fixture.client({}, { deadline: () => deadline.signal })).attestations(ref), unavailable)
  })

  it('a host that is not there is unavailable', async () => {
    const other = await fixture.other(status(404))
    const { url } = other
    await other.stop()
    await assert.rejects((await fixture.client({ url })).attestations(ref), unavailable)
  })

  it('mode none asks nobody', async () => {
    const client = await fixture.client({ attestations: 'none' })
    assert.equal(await client.attestations(ref), 'absent')
    assert.deepEqual([client.attestationsMode, fixture.server.requests.length], ['none', 0])
  })

  it('keys are given as they came', async () => {
    const body = await (await fixture.client()).keys()
    assert.equal(fixture.server.requests[0]!.url, '/-/npm/v1/keys')
    assert.ok(body !== 'absent')
  })
})

describe('upstream: probe', () => {
  let fixture: Fixture
  beforeEach(async () => {
    fixture = await Fixture.create(status(404))
  })
  afterEach(() => fixture.dispose())

  it('finds what a signing registry publishes', async () => {
    const dist = { signatures: [{ keyid: 'k', sig: 's' }], attestations: { url: 'x' } }
    fixture.server.handler = (request, response, count) => {
      if (request.url === '/-/npm/v1/keys') json(response, { keys: [] })
      else if (request.url === '/semver') json(response, { name: 'semver', versions: { '1.0.0': { dist: { ...dist, integrity: 'sha512-x', tarball: 'x' } } }, time: { '1.0.0': 'x' } })
      else if (request.url === '/-/npm/v1/attestations/semver@1.0.0') json(response, { attestations: [] })
      else status(404)(request, response, count)
    }
    assert.deepEqual(await probe(await fixture.client()), { reachable: true, keys: true, signatures: true, attestations: true, lacks: [] })
  })

  it('finds nothing at a registry without evidence', async () => {
    const found = await probe(await fixture.client())
    assert.deepEqual(found, { reachable: true, keys: false, signatures: false, attestations: false, lacks: ['packages'] })
  })

  it('finds what a registry leaves out, and announces without having it', async () => {
    fixture.server.handler = (request, response, count) => {
      if (request.url === '/semver') json(response, { name: 'semver', versions: { '1.0.0': { dist: { attestations: {} } } } })
      else status(404)(request, response, count)
    }
    assert.deepEqual((await probe(await fixture.client())).lacks, ['time', 'dist.integrity', 'dist.tarball', 'attestations'])
    assert.deepEqual((await probe(await fixture.client({ attestations: 'none' }))).lacks, ['time', 'dist.integrity', 'dist.tarball'])
  })

  it('says what went wrong instead of failing', async () => {
    fixture.server.handler = status(500)
    const found = await probe(await fixture.client())
    assert.equal(found.reachable, false)
    assert.ok(found.error !== undefined)
  })
})
