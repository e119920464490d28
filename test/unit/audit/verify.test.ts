import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { chained, canonical, digestOf } from '../../../plugin/audit/entry.ts'
import { SqliteLogStore } from '../../../plugin/audit/sqlite-store.ts'
import { fileSource, storeSource } from '../../../plugin/audit/verify-source.ts'
import { verifyLog, type LogReport } from '../../../plugin/audit/verify.ts'
import type { LogEntry } from '../../../plugin/domain/decision.ts'
import type { VerificationKey } from '../../../plugin/keys/dsse.ts'
import { askable, AT, recordOf, signerOf } from '../../support/decision-log.ts'

const NOW = Date.parse(AT)

describe('decision log: verification', () => {
  const signer = signerOf()
  let dir: string
  let file: string
  /** Entries 1 to 4 in one batch, 5 and 6 in another; checkpoints at 4 and 6. */
  beforeEach(async () => {
    dir = mkdtempSync(path.join(tmpdir(), 'verify-'))
    file = path.join(dir, 'log.db')
    const store = new SqliteLogStore(file)
    await store.append('mirror', [1, 2, 3, 4].map((number) => recordOf({ version: `${String(number)}.0.0` })), signer.checkpoint, NOW)
    await store.append('mirror', [5, 6].map((number) => recordOf({ version: `${String(number)}.0.0` })), signer.checkpoint, NOW)
    await store.close()
  })
  afterEach(() => { rmSync(dir, { recursive: true, force: true }) })

  const sql = (...statements: readonly string[]): void => {
    const database = new DatabaseSync(file)
    for (const statement of statements) database.exec(statement)
    database.close()
  }
  const report = async (keys: readonly VerificationKey[] = [signer.key], expected: readonly { sequence: number; hash: string }[] = []): Promise<LogReport> => {
    const store = new SqliteLogStore(file)
    try {
      const [source] = await storeSource(askable(store))
      return await verifyLog(source!, { keys, expected })
    } finally {
      await store.close()
    }
  }
  const faults = async (...parameters: Parameters<typeof report>) => (await report(...parameters)).problems.map(({ fault, sequence }) => `${fault} ${String(sequence)}`)
  const entries = (): LogEntry[] => {
    const database = new DatabaseSync(file)
    const rows = database.prepare('SELECT body, hash FROM decision_entry ORDER BY sequence').all() as { body: string; hash: string }[]
    database.close()
    return rows.map(({ body, hash }) => ({ ...(JSON.parse(body) as LogEntry), hash }))
  }
  /** As somebody would who can write to the file and has no key. */
  const writeAnew = (changed: readonly LogEntry[]): void => {
    const database = new DatabaseSync(file)
    for (const { hash, ...entry } of changed) database.prepare('UPDATE decision_entry SET body = ?, hash = ? WHERE sequence = ?').run(canonical(entry), hash, entry.sequence)
    const last = changed.at(-1)
    if (last !== undefined) database.prepare('UPDATE decision_chain SET hash = ?').run(last.hash)
    database.close()
  }
  /** Entries from `from` on, with `change` made, and all that follow chained to them. */
  const rechained = (from: number, change: Partial<LogEntry>): readonly LogEntry[] => {
    const all = entries()
    const before = all[from - 2]
    const records = all.slice(from - 1).map(({ log: _log, sequence: _sequence, previous: _previous, hash: _hash, ...record }, index) => (index === 0 ? { ...record, ...change } : record))
    return chained(records, 'mirror', { sequence: from - 1, hash: before?.hash ?? '0'.repeat(64) }).map(({ entry }) => entry)
  }

  it('finds nothing in the log that was written', async () => {
    const { entries: count, first, last, problemCount } = await report()
    assert.deepEqual([count, first, last, problemCount], [6, 1, 6, 0])
  })
  it('an altered entry', async () => {
    sql(`UPDATE decision_entry SET body = replace(body, '"3.0.0"', '"3.0.1"'), version = '3.0.1' WHERE sequence = 3`)
    assert.ok((await faults()).includes('altered 3'))
  })
  it('a number of times that was altered', async () => {
    sql(`UPDATE decision_entry SET body = replace(body, '"times":1', '"times":9'), times = 9 WHERE sequence = 3`)
    assert.deepEqual(await faults(), ['altered 3'])
  })
  it('a number of times that is counted and not said', async () => {
    sql('UPDATE decision_entry SET times = 9 WHERE sequence = 3')
    assert.deepEqual(await faults(), ['altered 3'])
  })
  it('an altered entry with the hash of what it became', async () => {
    const [entry] = entries().slice(2)
    const { hash: _hash, ...rest } = { ...entry!, version: '9.9.9' }
    sql(`UPDATE decision_entry SET version = '9.9.9' WHERE sequence = 3`)
    writeAnew([{ ...rest, hash: digestOf(canonical(rest)) }])
    assert.ok((await faults()).includes('relinked 4'))
  })
  it('an entry that is found under something else than it says', async () => {
    sql(`UPDATE decision_entry SET kind = 'withheld' WHERE sequence = 2`)
    assert.deepEqual(await faults(), ['altered 2'])
  })
  it('a removed entry', async () => {
    sql('DELETE FROM decision_entry WHERE sequence = 3')
    assert.deepEqual(await faults(), ['missing 3'])
  })
  it('entries that were removed from the beginning, and nobody signed for', async () => {
    sql('DELETE FROM decision_entry WHERE sequence <= 4')
    assert.deepEqual(await faults(), ['missing 1'])
  })
  it('a cut tail before the last checkpoint', async () => {
    sql('DELETE FROM decision_entry WHERE sequence > 4')
    assert.deepEqual(await faults(), ['cut-off 5'])
  })
  it('a cut tail, where the head was set back with it', async () => {
    sql('DELETE FROM decision_entry WHERE sequence > 4', `UPDATE decision_chain SET sequence = 4, hash = '${entries()[3]!.hash}'`)
    assert.deepEqual(await faults([signer.key], [{ sequence: 6, hash: 'f'.repeat(64) }]), ['cut-off 5'])
  })
  it('a tail that was chained anew', async () => {
    sql(`UPDATE decision_entry SET version = '7.0.0', words = replace(words, '5.0.0', '7.0.0') WHERE sequence = 5`)
    writeAnew(rechained(5, { version: '7.0.0' }))
    assert.deepEqual(await faults(), ['rechained 6', 'unsigned 5'])
  })
  it('a tail that was chained anew, and its checkpoint removed', async () => {
    sql(`UPDATE decision_entry SET version = '7.0.0', words = replace(words, '5.0.0', '7.0.0') WHERE sequence = 5`, 'DELETE FROM decision_checkpoint WHERE sequence = 6')
    writeAnew(rechained(5, { version: '7.0.0' }))
    assert.deepEqual(await faults(), ['unsigned 5'])
  })
  it('a log that was set back as a whole, by what was noted elsewhere', async () => {
    const noted = { sequence: 6, hash: entries()[5]!.hash }
    sql('DELETE FROM decision_entry WHERE sequence > 4', 'DELETE FROM decision_checkpoint WHERE sequence > 4', `UPDATE decision_chain SET sequence = 4, hash = '${entries()[3]!.hash}'`)
    assert.deepEqual(await faults(), [])
    assert.deepEqual(await faults([signer.key], [noted]), ['cut-off 5'])
  })
  it('checkpoints that somebody else signed', async () => {
    assert.deepEqual(await faults([signerOf().key]), ['checkpoint-invalid 0', 'checkpoint-invalid 0', 'unsigned 1'])
  })
  it('a checkpoint does not stand for a cut', async () => {
    sql('DELETE FROM decision_entry WHERE sequence <= 4', "UPDATE decision_checkpoint SET kind = 'cut' WHERE sequence = 4")
    assert.deepEqual(await faults(), ['missing 1'])
  })
  it('a cut does not vouch for what comes after it', async () => {
    const store = new SqliteLogStore(file)
    await store.cut('mirror', { before: NOW + 1, maxRows: undefined, limit: 4 }, signer.cut)
    await store.close()
    assert.deepEqual(await faults(), [])
    sql("DELETE FROM decision_checkpoint WHERE kind = 'checkpoint'")
    assert.deepEqual(await faults(), ['unsigned 5'])
  })

  describe('of a file, with the public key alone', () => {
    const lines = async (): Promise<string[]> => {
      const store = new SqliteLogStore(file)
      const [source] = await storeSource(askable(store))
      const written = [...source!.envelopes]
      for await (const { value } of source!.entries()) written.push(JSON.stringify(value))
      await store.close()
      return written
    }
    const faultsOf = async (written: readonly string[]): Promise<readonly string[]> => {
      const exported = path.join(dir, 'log.jsonl')
      writeFileSync(exported, written.join('\n'))
      const reports = await Promise.all((await fileSource(exported)).map((source) => verifyLog(source, { keys: [signer.key] })))
      return reports.flatMap(({ problems }) => problems.map(({ fault, sequence }) => `${fault} ${String(sequence)}`))
    }
    it('whole', async () => { assert.deepEqual(await faultsOf(await lines()), []) })
    it('altered', async () => { assert.ok((await faultsOf((await lines()).map((line) => line.replace('"3.0.0"', '"3.0.1"')))).includes('altered 3')) })
    it('without its end', async () => { assert.deepEqual(await faultsOf((await lines()).slice(0, -1)), ['cut-off 6', 'unsigned 5']) })
    it('without what was signed', async () => { assert.deepEqual(await faultsOf((await lines()).slice(2)), ['unsigned 1']) })
    it('with a key twice in an entry', async () => {
      assert.ok((await faultsOf((await lines()).map((line) => line.replace('"version":"3.0.0"', '"version":"9.9.9","version":"3.0.0"')))).some((fault) => fault.startsWith('unreadable')))
    })
  })
})
