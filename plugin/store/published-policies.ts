import type { LedgerDatabase } from './ledger-database.ts'
import { date, integer, optionalText, text } from './sqlite.ts'

/** A policy that was given to all mirrors of one ledger. */
export interface PublishedPolicy {
  readonly id: number
  readonly at: Date
  /** Name of its file among `texts`. */
  readonly file: string
  /** The files it is made of: itself, and those it includes. */
  readonly texts: ReadonlyMap<string, string>
  readonly by: string | undefined
}

/** Policies that were published to the mirrors of this ledger; the last one counts. */
export class PublishedPolicies {
  readonly #database: LedgerDatabase

  constructor(database: LedgerDatabase) {
    this.#database = database
  }

  get latest(): PublishedPolicy | undefined {
    const row = this.#database.get('SELECT * FROM published_policy ORDER BY id DESC LIMIT 1')
    return row && {
      id: integer(row, 'id'),
      at: date(row, 'at'),
      file: text(row, 'file'),
      texts: new Map(Object.entries(JSON.parse(text(row, 'texts')) as Record<string, string>)),
      by: optionalText(row, 'published_by'),
    }
  }

  add({ at, file, texts, by }: Omit<PublishedPolicy, 'id'>): void {
    this.#database.transaction(() => {
      const insert = 'INSERT INTO published_policy (at, file, texts, published_by) VALUES (?, ?, ?, ?)'
      this.#database.run(insert, at.getTime(), file, JSON.stringify(Object.fromEntries(texts)), by ?? null)
    })
  }
}
