import assert from 'node:assert/strict'
import type { TrustMaterial } from '../../../plugin/domain/ports.ts'
import type { KeptTrust } from '../../../plugin/verify/kept-trust.ts'
import type { TrustBasis } from '../../../plugin/verify/trust-basis.ts'
import { trustStateOf } from '../../../plugin/verify/trust-state.ts'

const NOW = new Date('2026-06-01T00:00:00Z')
const key = (expires: string | null) => ({ keyid: 'k', spki: '', keytype: '', scheme: '', expires, starts: null, usages: ['signatures'] as const })
const material = (more: Partial<TrustMaterial> = {}): TrustMaterial => ({
  trustedRoot: {}, registryKeys: [key(null)], source: { trustedRoot: '', registryKeys: '' }, asOf: new Date('2026-05-31T00:00:00Z'), revision: '', anchors: new Set(), ...more,
})
const role = (expires: unknown): string => JSON.stringify({ signed: { expires } })
const kept = (metadata: Readonly<Record<string, string>>): KeptTrust => ({ asOf: NOW, metadata: new Map(Object.entries(metadata)), targets: new Map(), everHad: new Set() })
const basis = (more: object = {}): TrustBasis => ({ uplinks: [{ name: 'npmjs', registry: 'https://registry.example', fileKeys: undefined }], fileRoot: undefined, ...more }) as unknown as TrustBasis
const stateOf = (more: Partial<Parameters<typeof trustStateOf>[2]> = {}, of = basis()) => trustStateOf('npmjs', of, { material: material(), kept: undefined, now: NOW, ...more })

describe('state of trust material', () => {
  it('ends with the first of the roles that ends', () => {
    const { expires, asOf } = stateOf({ kept: kept({ 'root.json': role('2026-12-01T00:00:00Z'), 'timestamp.json': role('2026-06-04T00:00:00Z'), 'snapshot.json': role('2026-06-20T00:00:00Z') }) })
    assert.deepEqual([expires, asOf], [new Date('2026-06-04T00:00:00Z'), new Date('2026-05-31T00:00:00Z')])
  })
  for (const [what, text] of [['no JSON', '{'], ['no date', role('soon')], ['a number', role(7)], ['nothing signed', '{}'], ['a list', '[]']] as const)
    it(`metadata with ${what} says nothing`, () => assert.equal(stateOf({ kept: kept({ 'timestamp.json': text }) }).expires, undefined))
  it('of files nothing ends', () => {
    const files = basis({ uplinks: [{ name: 'npmjs', registry: '', fileKeys: {} }], fileRoot: {} })
    const { expires, keySource } = stateOf({ kept: kept({ 'timestamp.json': role('2026-06-04T00:00:00Z') }) }, files)
    assert.deepEqual([expires, keySource], [undefined, 'file'])
  })
  it('where keys are from', () => {
    assert.equal(stateOf().keySource, 'tuf')
    assert.equal(stateOf({ material: material({ keysArePinned: true }) }).keySource, 'pinned')
    assert.equal(stateOf({ material: material({ registryKeys: [] }) }).keySource, 'none')
    assert.deepEqual([stateOf({ material: undefined }).keySource, stateOf({ material: undefined }).asOf], ['none', undefined])
  })
  it('the keys run out when the last of them ends, those that ended left aside', () => {
    const registryKeys = [key('2025-01-29T00:00:00Z'), key('2027-01-01T00:00:00Z'), key('2026-07-01T00:00:00Z')]
    assert.deepEqual([stateOf({ material: material({ registryKeys }) }).keyExpires, stateOf().keyExpires], [new Date('2027-01-01T00:00:00Z'), undefined])
  })
  it('and do not while one has no end', () => assert.equal(stateOf({ material: material({ registryKeys: [key('2026-07-01T00:00:00Z'), key(null)] }) }).keyExpires, undefined))
})
