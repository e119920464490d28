/** New decisions come unfiltered: the page finds among them what the API would have. */
import assert from 'node:assert/strict'
import type { LogEntry } from '../../../plugin/domain/decision.ts'
import { filterQuery, filtersOf, isFound } from '../../../dashboard/src/decisions/filters.ts'

const ENTRY: LogEntry = {
  at: '2026-06-01T12:00:00.000Z', kind: 'refused', package: '@acme/ui', version: '1.2.0', integrity: null, uplink: 'fake', outcome: 'deny', monitored: false,
  reasons: [{ code: 'provenance-absent', message: '' }, { code: 'release-too-young', message: '' }],
  rule: 'Our packages', policyRevision: 'abc', waivers: [], evidence: null, asker: { address: '10.0.0.1', client: null, user: 'ada', token: null }, detail: null, times: 1,
  log: 'mirror', sequence: 1, previous: '', hash: '',
}

describe('dashboard: filters', () => {
  const finds = (query: string, entry = ENTRY): boolean => isFound(filtersOf(new URLSearchParams(query)), entry)

  for (const query of ['', 'kind=refused', 'kind=served&kind=refused', 'outcome=deny', 'reason=release-too-young', 'package=@acme/ui', 'package=@acme/*', 'package=*ui', 'version=1.2.0', 'rule=Our+packages', 'user=ada', 'address=10.0.0.1', 'policyRevision=abc', 'text=ACME', 'text=too-young', 'from=2026-06-01T12:00:00.000Z', 'to=2026-06-01T12:00:00.001Z'])
    it(`finds by "${query}"`, () => { assert.ok(finds(query)) })

  for (const query of ['kind=served', 'outcome=allow', 'reason=signature-absent', 'package=ui', 'package=@acme', 'package=acme*', 'version=1.2', 'rule=Our', 'user=bob', 'address=10.0.0.2', 'policyRevision=ab', 'text=nothing', 'from=2026-06-01T12:00:00.001Z', 'to=2026-06-01T12:00:00.000Z'])
    it(`does not find by "${query}"`, () => { assert.ok(!finds(query)) })

  it('an event of no package is found by no name of one', () => {
    assert.ok(!finds('package=*', { ...ENTRY, package: null }))
  })

  it('asks the API for what it knows of the address, and for nothing else', () => {
    assert.equal(filterQuery(filtersOf(new URLSearchParams('kind=refused&range=7d&text=a+b&order='))), '?kind=refused&text=a+b')
  })
})
