/** Which Host is one of this mirror's addresses, and what is left of it for Verdaccio. */
import assert from 'node:assert/strict'
import type { IncomingHttpHeaders } from 'node:http'
import { pinAddress, publicBase } from '../../../plugin/http/host.ts'

const ADDRESSES = { urls: ['https://npm.acme.test', 'http://inside.test:8080/npm'].map((url) => new URL(url)), prefix: '/prefix' }
const request = (headers: IncomingHttpHeaders, encrypted = false): Parameters<typeof pinAddress>[0] =>
  ({ headers, socket: encrypted ? { encrypted: true } : {} }) as never

describe('Host', () => {
  for (const [host, base] of [
    ['npm.acme.test', 'https://npm.acme.test'],
    ['npm.acme.test:443', 'https://npm.acme.test'],
    ['npm.acme.test:80', undefined],
    ['inside.test:8080', 'http://inside.test:8080/npm'],
    ['inside.test', undefined],
    ['localhost:4873', 'http://localhost:4873/prefix'],
    ['localhost:', 'http://localhost/prefix'],
    ['127.0.0.1', 'http://127.0.0.1/prefix'],
    ['[::1]:1', 'http://[::1]:1/prefix'],
    ['127.0.0.1.evil.test', undefined],
    ['localhost.evil.test', undefined],
    ['evil.test#localhost', undefined],
    ['evil.test\\@localhost', undefined],
    ['a@localhost', undefined],
    ['localhost/x', undefined],
    ['localhost localhost', undefined],
    ['', undefined],
    [undefined, undefined],
  ] as const)
    it(`${String(host)} is ${base ?? 'refused'}`, () => {
      assert.equal(publicBase(request(host === undefined ? {} : { host }), ADDRESSES), base)
    })
  it('over TLS, loopback names are https', () => {
    assert.equal(publicBase(request({ host: 'localhost:4873' }, true), ADDRESSES), 'https://localhost:4873/prefix')
  })
  it('leaves the one spelling and the configured scheme, and nothing that was forwarded but that it was', () => {
    const asked = request({ host: 'NPM.acme.test:443', 'x-forwarded-proto': 'http', 'x-forwarded-host': 'evil.test', 'x-forwarded-port': '1', forwarded: 'host=evil.test' })
    assert.equal(pinAddress(asked, ADDRESSES), true)
    assert.deepEqual(asked.headers, { host: 'npm.acme.test', 'x-forwarded-proto': 'https', 'x-forwarded-for': 'unknown' })
  })
  it('changes nothing in a request that is refused', () => {
    const asked = request({ host: 'evil.test', 'x-forwarded-host': 'localhost' })
    assert.equal(pinAddress(asked, ADDRESSES), false)
    assert.equal(asked.headers.host, 'evil.test')
  })
})
