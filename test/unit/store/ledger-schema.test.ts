/** Files of every earlier schema of the ledger: opened by this version, they hold what they held. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { SqliteLedger } from '../../../plugin/store/ledger.ts'
import { LEDGER_SCHEMA } from '../../../plugin/store/ledger-schema.ts'
import { fileOfSchema, R, ROWS } from '../../support/ledger-files.ts'

const rowsOf = (database: DatabaseSync, table: string): readonly unknown[] => database.prepare(`SELECT * FROM "${table}"`).all().map((row) => ({ ...row }))

describe('schemas of the ledger', () => {
  let dir: string
  let file: string
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'schema-'))
    file = path.join(dir, 'ledger.db')
  })
  afterEach(() => { rmSync(dir, { recursive: true, force: true }) })
  const opened = <Value>(look: (ledger: SqliteLedger) => Value): Value => {
    const ledger = new SqliteLedger({ file })
    try {
      return look(ledger)
    } finally {
      ledger.close()
    }
  }
  const version = (database: DatabaseSync): unknown => database.prepare('PRAGMA user_version').get()?.user_version

  it('a row of every table is tried', () => {
    fileOfSchema(file, LEDGER_SCHEMA)
    const database = new DatabaseSync(file)
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all().map(({ name }) => name)
    database.close()
    assert.deepEqual(tables.toSorted(), ROWS.map(([, table]) => table).toSorted())
    assert.equal(Math.max(...ROWS.map(([since]) => since)), LEDGER_SCHEMA)
  })

  for (let schema = 1; schema <= LEDGER_SCHEMA; schema++)
    it(`a file of schema ${String(schema)} has in each table what it had, and the ledger reads it`, () => {
      fileOfSchema(file, schema)
      opened((ledger) => {
        assert.equal(ledger.records(R, 'widget').get('1.0.0')?.integrity, 'sha512-first')
        assert.equal(ledger.origin('widget'), R)
        assert.equal(ledger.signs(R), true)
        assert.equal(ledger.lastReset('gadget'), schema >= 2 ? 1 : 0)
        assert.equal(ledger.recalls.of('stolen').length, schema >= 9 ? 1 : 0)
      })
      const database = new DatabaseSync(file)
      assert.equal(version(database), LEDGER_SCHEMA)
      for (const [since, table, row] of ROWS) if (since <= schema) assert.deepEqual(rowsOf(database, table), [row], table)
      database.close()
    })

  it('a file of a later schema is refused, and left as it is', () => {
    fileOfSchema(file, LEDGER_SCHEMA)
    const database = new DatabaseSync(file)
    database.exec(`PRAGMA user_version = ${String(LEDGER_SCHEMA + 1)}`)
    assert.throws(() => opened(() => undefined), /schema 11; this version knows 10/)
    assert.equal(version(database), LEDGER_SCHEMA + 1)
    for (const [, table, row] of ROWS) assert.deepEqual(rowsOf(database, table), [row], table)
    database.close()
  })

  it('a step that fails leaves a file of the schema of before', () => {
    fileOfSchema(file, 8)
    const database = new DatabaseSync(file)
    database.exec('CREATE TABLE position (other TEXT)')
    assert.throws(() => opened(() => undefined))
    assert.equal(version(database), 8)
    assert.equal(database.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name = 'recall'").get()?.n, 0)
    database.close()
  })
})
