/** The fields that clients' own age and trust checks read, in both forms (pnpm: trustPolicy, minimumReleaseAge; npm: audit signatures). */
import assert from 'node:assert/strict'
import { parsePackument } from '../../../plugin/domain/packument.ts'
import { rewritePackument } from '../../../plugin/enforce/rewrite.ts'
import type { JsonObject } from '../../../plugin/domain/json.ts'
import { verdicts } from './verdicts.ts'

const TRUSTED = { id: 'github', oidcConfigId: 'oidc:1' }
const SIGNATURES = [{ keyid: 'k', sig: 's' }]
const ATTESTATIONS = { url: 'https://registry.example/-/npm/v1/attestations/widget@1.0.0', provenance: { predicateType: 'https://slsa.dev/provenance/v1' } }

function versionOf(user: unknown, form: 'full' | 'abbreviated'): { readonly document: JsonObject; readonly version: JsonObject } {
  const entry = { name: 'widget', version: '1.0.0', ...(user === undefined ? {} : { _npmUser: user }), dist: { tarball: 'x', signatures: SIGNATURES, attestations: ATTESTATIONS } }
  const packument = parsePackument({ name: 'widget', versions: { '1.0.0': entry }, 'dist-tags': { latest: '1.0.0' }, time: { '1.0.0': '2026-01-02' } }, 'widget')
  const { document } = rewritePackument(packument, verdicts({ '1.0.0': 'allow' }), { baseUrl: 'https://npm.acme.example', form })
  return { document, version: (document.versions as Record<string, JsonObject>)['1.0.0'] ?? {} }
}

describe('fields clients decide by', () => {
  for (const form of ['full', 'abbreviated'] as const) {
    it(`${form}: the time of publication`, () => assert.deepEqual(versionOf(undefined, form).document.time, { '1.0.0': '2026-01-02' }))
    it(`${form}: signatures`, () => assert.deepEqual((versionOf(undefined, form).version.dist as JsonObject).signatures, SIGNATURES))
    it(`${form}: what is announced of the provenance`, () => {
      const { provenance } = (versionOf(undefined, form).version.dist as JsonObject).attestations as JsonObject
      assert.deepEqual(provenance, ATTESTATIONS.provenance)
    })
    it(`${form}: the trusted publisher`, () => {
      const { _npmUser } = versionOf({ name: 'jo', email: 'jo@acme.example', trustedPublisher: TRUSTED }, form).version
      assert.deepEqual((_npmUser as JsonObject).trustedPublisher, TRUSTED)
    })
    it(`${form}: that somebody approved it`, () => {
      const { _npmUser } = versionOf({ name: 'jo', approver: { name: 'ann', email: 'ann@acme.example' } }, form).version
      assert.ok((_npmUser as JsonObject).approver)
    })
  }
  it('abbreviated: nobody\'s name or address', () => {
    const { version } = versionOf({ name: 'jo', email: 'jo@acme.example', trustedPublisher: TRUSTED, approver: { name: 'ann' } }, 'abbreviated')
    assert.deepEqual(version._npmUser, { trustedPublisher: TRUSTED, approver: {} })
  })
  for (const user of [undefined, null, 'jo', { name: 'jo' }, { approver: false }])
    it(`abbreviated: no publisher where there are no hints (${JSON.stringify(user)})`, () => assert.equal(Object.hasOwn(versionOf(user, 'abbreviated').version, '_npmUser'), false))
})
