import assert from 'node:assert/strict'
import type { VersionRecord } from '../../../plugin/domain/ports.ts'
import { GatheredRecords } from '../../../plugin/pipeline/gathered-records.ts'

const record = (version: string): VersionRecord => ({
  version,
  integrity: `sha512-${version}`,
  recordedAt: new Date(0),
  because: 'attestation',
  signatures: [],
  attestations: undefined,
  had: { publishAttestation: false, provenance: true },
})

describe('records gathered for one write', () => {
  let written: (readonly [registry: string, name: string, versions: string])[]
  let gathered: GatheredRecords
  beforeEach(() => {
    written = []
    gathered = new GatheredRecords({
      records: (registry, name) => new Map([[`${registry} ${name}`, record('1.0.0')]]),
      record: (registry, name, records) => { written.push([registry, name, records.map(({ version }) => version).join()]) },
    })
  })

  it('those of a package are one write, in the order they came', () => {
    gathered.record('r', 'a', [record('2.0.0')])
    gathered.record('r', 'b', [record('1.0.0')])
    gathered.record('r', 'a', [record('1.0.0'), record('2.0.0')])
    gathered.record('other', 'a', [record('3.0.0')])
    assert.deepEqual(written, [])
    gathered.flush()
    assert.deepEqual(written, [['r', 'a', '2.0.0,1.0.0,2.0.0'], ['r', 'b', '1.0.0'], ['other', 'a', '3.0.0']])
  })
  it('each is written once', () => {
    gathered.record('r', 'a', [record('1.0.0')])
    gathered.flush()
    gathered.flush()
    assert.equal(written.length, 1)
  })
  it('what was written before is read as it is', () => {
    assert.deepEqual([...gathered.records('r', 'a').keys()], ['r a'])
  })
})
