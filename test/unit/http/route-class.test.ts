import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ROUTES } from '../../../plugin/domain/measures.ts'
import { addressed } from '../../../plugin/http/route-class.ts'

describe('class of an address', () => {
  for (const [method, path, route, name, version] of [
    ['GET', '/widget', 'packument', 'widget'],
    ['GET', '/widget?write=true', 'packument', 'widget'],
    ['GET', '/@acme/ui', 'packument', '@acme/ui'],
    ['GET', '/@acme%2fui', 'packument', '@acme/ui'],
    ['GET', '/@acme%2Fui', 'packument', '@acme/ui'],
    ['GET', '/widget/1.0.0', 'version', 'widget', '1.0.0'],
    ['GET', '/@acme%2fui/latest', 'version', '@acme/ui', 'latest'],
    ['HEAD', '/widget/-/widget-1.0.0.tgz', 'tarball', 'widget', '1.0.0'],
    ['GET', '/@acme/ui/-/ui-2.0.0-rc.1.tgz', 'tarball', '@acme/ui', '2.0.0-rc.1'],
    ['GET', '/widget/-/other.tgz', 'tarball', 'widget'],
    ['GET', '/-/npm/v1/attestations/widget@1.0.0', 'attestations'],
    ['GET', '/-/provenance/v1/vsa/widget/1.0.0', 'attestations'],
    ['POST', '/-/npm/v1/security/advisories/bulk', 'audit'],
    ['GET', '/-/v1/search?text=x', 'search'],
    ['GET', '/-/all', 'search'],
    ['GET', '/-/provenance/v1/policy', 'api'],
    ['GET', '/-/provenance/metrics', 'other'],
    ['GET', '/-/ping', 'other'],
    ['PUT', '/widget', 'publish', 'widget'],
    ['DELETE', '/widget/-rev/1-a', 'publish', 'widget'],
    ['GET', '/widget/a/b', 'other', 'widget'],
    ['GET', '/', 'other'],
    ['GET', '/%E0%A4%A', 'packument', '%E0%A4%A'],
  ] as const)
    it(`${method} ${path}`, () => {
      const found = addressed(method, path)
      assert.deepEqual([found.route, found.name, found.version], [route, name, version])
    })

  it('whatever is asked for, it is one of them', () => {
    fc.assert(fc.property(fc.constantFrom('GET', 'PUT', 'x', undefined), fc.string({ unit: 'binary' }), (method, path) => {
      assert.ok(ROUTES.includes(addressed(method, `/${path}`).route))
    }))
  })
})
