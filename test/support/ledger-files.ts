/** The ledger's files as earlier versions of its schema left them, a row in each table. */
import { DatabaseSync } from 'node:sqlite'
import { migrate } from '../../plugin/store/ledger-schema.ts'

export const R = 'https://registry.example'
/** A row of each table, by the schema that made the table. */
export const ROWS: readonly (readonly [schema: number, table: string, row: Readonly<Record<string, string | number | null>>])[] = [
  [1, 'package', { registry: R, name: 'widget', first_seen: 1, seen_at: 2, known: '["1.0.0","1.1.0"]' }],
  [1, 'appearance', { registry: R, name: 'widget', version: '1.1.0', first_seen: 2, last_absent: 1 }],
  [1, 'record', { registry: R, name: 'widget', version: '1.0.0', integrity: 'sha512-first', recorded_at: 3, because: 'signature', signatures: '[]', attestations: null, had_publish_attestation: 1, had_provenance: 1 }],
  [1, 'registry', { registry: R, signs: 1 }],
  [2, 'resets', { id: 1, at: 4, name: 'gadget', version: null, reason: 'rebuilt' }],
  [3, 'origin', { name: 'widget', registry: R }],
  [4, 'pinned_keys', { registry: R, document: '{"keys":[]}', at: 5 }],
  [5, 'published_evidence', { name: '@acme/ui', version: '1.0.0', integrity: 'sha512-ui', predicate_type: 'https://slsa.dev/provenance/v1', public_good: 1, document: '{}' }],
  [6, 'pin', { registry: R, name: 'widget', identity: '{}', version: '1.0.0', since: 6, latest: 7, because: 'first', until: null }],
  [6, 'identity_change', { registry: R, name: 'widget', identity: '{}', version: '1.1.0', pinned: '{}', first_seen: 8 }],
  [6, 'pin_decision', { id: 1, at: 9, registry: R, name: 'widget', decision: 'accept', identity: '{}', reason: 'moved', decided_by: 'ann' }],
  [6, 'pin_state', { name: 'widget', revision: 3 }],
  [7, 'imported', { registry: R, name: 'widget', confirmed_at: 10, serial: 1, keyid: 'k' }],
  [8, 'maintainers', { name: 'widget', names: '["ann"]' }],
  [9, 'recall', { id: 1, revision: 2, name: 'stolen', range: '1.0.0', reason: 'a stolen token', decided_by: 'ann', at: 11, lifted_at: null, lifted_by: null, lift_reason: null }],
  [10, 'position', { one: 1, log: 'log', sequence: 12, mac: 'mac' }],
  [10, 'published_policy', { id: 1, at: 13, file: 'policy.yaml', texts: '[]', published_by: null }],
]

/** A file as the version of that schema left it. */
export function fileOfSchema(file: string, schema: number): void {
  const database = new DatabaseSync(file)
  migrate(database, schema)
  for (const [since, table, row] of ROWS) {
    if (since > schema) continue
    const columns = Object.keys(row)
    database.prepare(`INSERT INTO "${table}" (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`).run(...Object.values(row))
  }
  database.close()
}
