import type { Lifted, NewRecall, Recall, RecallMemory } from '../domain/recall.ts'
import type { LedgerDatabase } from './ledger-database.ts'
import { date, integer, optionalText, text, type Row } from './sqlite.ts'

const NONE: readonly Recall[] = []
/** `revision` counts changes over all recalls, so that one that is lifted is as new as one that is made. */
const NEXT = '(SELECT coalesce(max(revision), 0) + 1 FROM recall)'

interface Known {
  readonly inForce: ReadonlyMap<string, readonly Recall[]>
  readonly revisions: ReadonlyMap<string, number>
}

/** What operators recalled. Few rows, looked at by every request: they are in memory until somebody writes. */
export class StoredRecalls implements RecallMemory {
  readonly #database: LedgerDatabase
  #known: Known | undefined

  constructor(database: LedgerDatabase) {
    this.#database = database
    database.onForeignWrite(() => {
      this.#known = undefined
    })
  }

  add({ name, range, reason, by, at }: NewRecall): Recall {
    let row: Row | undefined
    this.#change(() => {
      row = this.#database.get('SELECT * FROM recall WHERE name = ? AND range = ? AND lifted_at IS NULL', name, range)
      if (row !== undefined) return
      this.#database.run(`INSERT INTO recall (revision, name, range, reason, decided_by, at) VALUES (${NEXT}, ?, ?, ?, ?, ?)`, name, range, reason, by ?? null, at.getTime())
      row = this.#database.get('SELECT * FROM recall WHERE id = last_insert_rowid()')
    })
    if (row === undefined) throw new Error('the recall was not written')
    return recallOf(row)
  }

  lift(id: number, { reason, by, at }: Lifted): Recall | undefined {
    let row: Row | undefined
    this.#change(() => {
      if (this.#database.get('SELECT id FROM recall WHERE id = ? AND lifted_at IS NULL', id) === undefined) return
      this.#database.run(`UPDATE recall SET revision = ${NEXT}, lifted_at = ?, lifted_by = ?, lift_reason = ? WHERE id = ?`, at.getTime(), by ?? null, reason, id)
      row = this.#database.get('SELECT * FROM recall WHERE id = ?', id)
    })
    return row === undefined ? undefined : recallOf(row)
  }

  all(): readonly Recall[] {
    return this.#database.all('SELECT * FROM recall ORDER BY id').map(recallOf)
  }

  of(name: string): readonly Recall[] {
    return this.#read().inForce.get(name) ?? NONE
  }

  revision(name: string): number {
    return this.#read().revisions.get(name) ?? 0
  }

  /** What was read before is no longer what the file says. */
  forget(): void {
    this.#known = undefined
  }

  #change(work: () => void): void {
    this.#database.transaction(work)
    this.#known = undefined
  }

  #read(): Known {
    this.#database.noticeForeignWrites()
    this.#known ??= {
      inForce: Map.groupBy(this.#database.all('SELECT * FROM recall WHERE lifted_at IS NULL ORDER BY id').map(recallOf), ({ name }) => name),
      revisions: new Map(this.#database.all('SELECT name, max(revision) AS revision FROM recall GROUP BY name').map((row) => [text(row, 'name'), integer(row, 'revision')])),
    }
    return this.#known
  }
}

const recallOf = (row: Row): Recall => ({
  id: integer(row, 'id'),
  name: text(row, 'name'),
  range: text(row, 'range'),
  reason: text(row, 'reason'),
  by: optionalText(row, 'decided_by'),
  at: date(row, 'at'),
  lifted: row.lifted_at === null ? undefined : { reason: text(row, 'lift_reason'), by: optionalText(row, 'lifted_by'), at: date(row, 'lifted_at') },
})
