import type { KeptDocument, PublishedEvidence, PublishedVersion } from '../domain/ports.ts'
import type { LedgerDatabase } from './ledger-database.ts'
import { integer, text, type Row } from './sqlite.ts'

/**
 * Attestations of packages published here. They stand in the ledger's file and not among the documents of the cache: no registry
 * could give them again. A row outlives its version, which may be published again only with the same bytes.
 */
export class StoredEvidence implements PublishedEvidence {
  readonly #database: LedgerDatabase

  constructor(database: LedgerDatabase) {
    this.#database = database
  }

  keepEvidence({ name, version, integrity }: PublishedVersion, { predicateType, publicGood, document }: KeptDocument): void {
    this.#database.transaction(() => {
      const insert = 'INSERT OR REPLACE INTO published_evidence (name, version, integrity, predicate_type, public_good, document) VALUES (?, ?, ?, ?, ?, ?)'
      this.#database.run(insert, name, version, integrity, predicateType, Number(publicGood), Buffer.from(document).toString('utf8'))
    })
  }

  evidenceOf({ name, version, integrity }: PublishedVersion): KeptDocument | undefined {
    const select = 'SELECT * FROM published_evidence WHERE name = ? AND version = ? AND integrity = ?'
    const row = this.#database.get(select, name, version, integrity)
    return row === undefined ? undefined : keptOf(row)
  }
}

const keptOf = (row: Row): KeptDocument => ({
  predicateType: text(row, 'predicate_type'),
  publicGood: integer(row, 'public_good') === 1,
  document: Buffer.from(text(row, 'document')),
})
