/** What is left of the decision log when its process ends. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { filterOf } from '../../plugin/audit/filter.ts'
import { SqliteLogStore } from '../../plugin/audit/sqlite-store.ts'
import { verificationKeyOf } from '../../plugin/audit/checkpoint.ts'
import { JsonLines } from '../../plugin/audit/json-lines.ts'
import { fileSource, storeSource } from '../../plugin/audit/verify-source.ts'
import { verifyLog } from '../../plugin/audit/verify.ts'
import { readKeyFile } from '../../plugin/keys/key-file.ts'
import { askable } from '../support/decision-log.ts'

const PROGRAM = path.join(import.meta.dirname, '../support/logging-process.ts')
/** What docs/decisions.md states: entries of so many milliseconds, and those that are being written then. */
const STATED_MS = 50

describe('decision log: the end of its process', function () {
  this.timeout(30_000)
  let dir: string
  beforeEach(() => { dir = mkdtempSync(path.join(tmpdir(), 'log-process-')) })
  afterEach(() => { rmSync(dir, { recursive: true, force: true }) })

  /** Everything it said; ended by `signal` once it has given so many. */
  function ended(how: string, signal?: { readonly name: NodeJS.Signals; readonly after: number }): Promise<{ readonly given: readonly (readonly [number, number])[]; readonly signal: NodeJS.Signals | null; readonly at: number }> {
    const child = spawn(process.execPath, ['--no-warnings', PROGRAM, dir, how], { stdio: ['ignore', 'pipe', 'inherit'] })
    let [output, at] = ['', 0]
    const given = () => [...output.matchAll(/^given (\d+)(?: (\d+))?$/gm)].map(([, count, time]) => [Number(count), Number(time ?? 0)] as const)
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (signal === undefined || at !== 0 || (given().at(-1)?.[0] ?? 0) < signal.after) return
      at = Date.now()
      child.kill(signal.name)
    })
    return new Promise((resolve) => { child.on('close', (_code, by) => { resolve({ given: given(), signal: by, at }) }) })
  }

  /** How often each entry says that it happened. */
  async function times(): Promise<readonly number[]> {
    const store = new SqliteLogStore(path.join(dir, 'log.db'))
    try {
      return (await store.find(filterOf({ order: 'oldest' }))).map(({ entry }) => entry.times)
    } finally {
      await store.close()
    }
  }

  async function kept(): Promise<{ readonly entries: number; readonly problems: readonly string[] }> {
    const store = new SqliteLogStore(path.join(dir, 'log.db'))
    try {
      const keys = (readKeyFile(path.join(dir, 'keys'), 'log')?.keys ?? []).map(verificationKeyOf)
      const [source] = await storeSource(askable(store))
      const { entries, problems } = await verifyLog(source!, { keys })
      return { entries, problems: problems.map(({ message }) => message) }
    } finally {
      await store.close()
    }
  }

  it('kill -9 loses no more than is stated, and leaves a log that verifies', async () => {
    const { given, signal, at } = await ended('run', { name: 'SIGKILL', after: 3000 })
    assert.equal(signal, 'SIGKILL')
    const { entries, problems } = await kept()
    assert.deepEqual(problems, [])
    // The writing itself takes its time, on this machine and with others on it.
    const writing = 1000
    const must = given.filter(([, time]) => time < at - STATED_MS - writing).at(-1)?.[0] ?? 0
    assert.ok(entries >= must, `${String(entries)} of ${String(must)} that were given long enough before`)
    assert.ok(entries > 0)
  })
  it('SIGTERM loses nothing, and ends the process as ever', async () => {
    const { given, signal } = await ended('run', { name: 'SIGTERM', after: 500 })
    assert.equal(signal, 'SIGTERM')
    const { entries, problems } = await kept()
    assert.deepEqual(problems, [])
    assert.ok(entries >= (given.at(-1)?.[0] ?? Infinity))
  })
  it('SIGTERM loses nothing of what is counted', async () => {
    const { given } = await ended('again', { name: 'SIGTERM', after: 500 })
    const [first, more, ...rest] = await times()
    assert.deepEqual([first, rest], [1, []])
    assert.ok((more ?? 0) + 1 >= (given.at(-1)?.[0] ?? Infinity))
    assert.deepEqual((await kept()).problems, [])
  })
  it('kill -9 loses how often, and not that it happened', async () => {
    await ended('again', { name: 'SIGKILL', after: 3000 })
    assert.deepEqual(await times(), [1])
    assert.deepEqual((await kept()).problems, [])
  })
  it('two processes that write at the same time leave one chain', async () => {
    const runs = await Promise.all([1, 2].map(() => ended('run', { name: 'SIGTERM', after: 400 })))
    const { entries, problems } = await kept()
    assert.deepEqual(problems, [])
    assert.ok(entries >= runs.reduce((sum, { given }) => sum + (given.at(-1)?.[0] ?? Infinity), 0))
  })
  it('process.exit loses nothing', async () => {
    assert.deepEqual((await ended('exit')).given.map(([count]) => count), [1000])
    assert.deepEqual(await kept(), { entries: 1000, problems: [] })
  })
  it('what is missing in the JSON Lines follows, and nothing is there twice', async () => {
    await ended('run', { name: 'SIGKILL', after: 1000 })
    const file = path.join(dir, 'log.jsonl')
    const store = new SqliteLogStore(path.join(dir, 'log.db'))
    await new JsonLines({ file, maxSize: 1e9, files: 1 }, 'mirror').catchUp(store)
    await store.close()
    const sequences = readFileSync(file, 'utf8').split('\n').flatMap((line) => (line.includes('"sequence"') ? [(JSON.parse(line) as { sequence: number }).sequence] : []))
    assert.deepEqual(sequences, Array.from({ length: (await kept()).entries }, (_, index) => index + 1))
    const keys = (readKeyFile(path.join(dir, 'keys'), 'log')?.keys ?? []).map(verificationKeyOf)
    const [source] = await fileSource(file)
    assert.deepEqual((await verifyLog(source!, { keys })).problems, [])
  })
})
