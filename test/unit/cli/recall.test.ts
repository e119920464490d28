/** `recall`: what it writes, whom it names, and what it says when the log does not answer. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { stringify } from 'yaml'
import { liftRecall, listRecalls, recall } from '../../../plugin/cli/recall.ts'
import { configOf } from '../../../plugin/cli/ledger.ts'
import { openDecisionLog } from '../../../plugin/compose-log.ts'
import type { DecisionRecord, LogEntry } from '../../../plugin/domain/decision.ts'
import { ConfigurationError } from '../../../plugin/domain/errors.ts'
import type { Fetcher } from '../../../plugin/domain/fetched.ts'
import { SqliteLedger } from '../../../plugin/store/ledger.ts'
import { recordOf } from '../notify/support.ts'

const MAIN = path.resolve(import.meta.dirname, '../../../plugin/cli/main.ts')

interface Said {
  readonly recalls: readonly { readonly id: number; readonly package: string; readonly range: string; readonly reason: string; readonly by: string | null }[]
  readonly log: { readonly since?: string | null; readonly problem?: string }
  readonly fetched: readonly Fetcher[] | null
}

describe('cli: recall', function () {
  this.timeout(20_000)
  let dir: string
  let config: string
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'cli-recall-'))
    config = path.join(dir, 'config.yaml')
    writeConfig({})
    new SqliteLedger({ file: path.join(dir, 'provenance.db') }).close()
  })
  afterEach(() => { rmSync(dir, { recursive: true, force: true }) })
  const writeConfig = (provenance: object): void => {
    const uplinks = { fake: { url: 'https://registry.example/' } }
    writeFileSync(config, stringify({ storage: './storage', uplinks, packages: { '**': { access: '$all', proxy: 'fake' } }, middlewares: { provenance } }))
  }
  const withLog = async (...records: readonly Partial<DecisionRecord>[]): Promise<void> => {
    const { log } = openDecisionLog(configOf({ config }), { readOnly: false, warn: (message) => assert.fail(message) })
    for (const record of records) log.add(recordOf({ kind: 'served', outcome: 'allow', reasons: [], ...record }))
    await log.close()
  }
  const logged = async (): Promise<readonly LogEntry[]> => {
    const { log } = openDecisionLog(configOf({ config }), { readOnly: true, warn: (message) => assert.fail(message) })
    const { entries } = await log.find({ kinds: ['recalled', 'recall-lifted'], order: 'oldest' })
    await log.close()
    return entries
  }
  const said = async (specs: readonly string[], more: object = {}): Promise<Said> => {
    const { code, lines } = await recall(specs, { config, json: true, reason: 'stolen token', approvedBy: 'ann', ...more })
    assert.equal(code, 0)
    return JSON.parse(lines.join('\n')) as Said
  }
  const refused = (run: () => Promise<unknown>, what: RegExp): Promise<void> => assert.rejects(run, (error) => error instanceof ConfigurationError && what.test(error.message))
  const carol = { address: '10.1.2.3', client: 'npm/11', user: 'carol', token: null }

  it('names everybody who was given a version in the range, who took most first', async () => {
    await withLog(
      { version: '1.2.0', asker: { ...carol, user: 'dave' } },
      { version: '1.2.0', asker: carol, at: '2026-06-01T01:00:00.000Z' },
      { version: '1.2.0', asker: carol, at: '2026-06-01T02:00:00.000Z' },
      { version: '1.2.1-rc.1', asker: carol, kind: 'warned', outcome: 'warn' },
      { version: '1.1.0', asker: carol },
      { version: '1.2.0', asker: { ...carol, user: 'erin' }, kind: 'refused' },
      { version: '1.2.0', asker: { ...carol, user: 'frank' }, package: 'widget-evil' },
    )
    const { fetched, recalls, log } = await said(['widget@>=1.2.0'])
    assert.deepEqual(recalls.map(({ id, package: name, range, reason, by }) => [id, name, range, reason, by]), [[1, 'widget', '>=1.2.0', 'stolen token', 'ann']])
    assert.deepEqual(fetched?.map(({ user, versions }) => [user, ...versions.map(({ version, count }) => `${version} ${String(count)}`)]), [
      ['carol', '1.2.1-rc.1 1', '1.2.0 2'],
      ['dave', '1.2.0 1'],
    ])
    const [, twice] = fetched[0]?.versions ?? []
    assert.deepEqual([twice?.first, twice?.last, twice?.integrity], ['2026-06-01T01:00:00.000Z', '2026-06-01T02:00:00.000Z', 'sha512-x'])
    assert.equal(log.since, '2026-06-01T00:00:00.000Z')
  })
  it('is written into the decision log, once', async () => {
    await said(['widget@1.2.0', 'gadget@*'])
    await said(['widget@1.2.0'])
    assert.deepEqual((await logged()).map(({ kind, package: name, detail }) => [kind, name, detail]), [
      ['recalled', 'widget', { recall: 1, range: '1.2.0', reason: 'stolen token', by: 'ann' }],
      ['recalled', 'gadget', { recall: 2, range: '*', reason: 'stolen token', by: 'ann' }],
    ])
  })
  it('--dry-run recalls nothing and says who fetched', async () => {
    await withLog({ version: '1.2.0', asker: carol })
    const { recalls, fetched } = await said(['widget@1.2.0'], { dryRun: true, reason: undefined })
    assert.deepEqual([recalls, fetched?.length], [[], 1])
    assert.deepEqual([await listRecalls({ config }), await logged()], [['nothing is recalled'], []])
  })
  it('the same in words, fit for a terminal', async () => {
    await withLog({ version: '1.2.0', asker: { ...carol, client: 'npm\u001b[31m' } })
    const { lines } = await recall(['widget@1.2.0'], { config, reason: 'stolen token' })
    assert.match(lines[0] ?? '', /^recalled widget@1\.2\.0 \(recall 1\)/)
    assert.match(lines[1] ?? '', /^fetched once by 1 asker/)
    assert.match(lines[2] ?? '', /^ {2}carol {2}10\.1\.2\.3/)
    assert.match(lines[3] ?? '', /^ {4}widget@1\.2\.0 {2}once, 2026-06-01T00:00:00\.000Z {2}sha512-x/)
    assert.equal(lines.join('').includes('\u001b'), false)
  })
  it('says so when nobody did', async () => {
    await withLog({ version: '1.0.0' })
    assert.match((await recall(['widget@2.0.0'], { config, reason: 'x' })).lines.join('\n'), /nobody fetched it, by the decision log \(.*\), which begins at 2026-06-01/)
  })
  it('a log that cannot be used keeps no recall back: exit code 3', async () => {
    writeConfig({ decisions: { store: 'sqlite:./provenance.db/none.db' } })
    const { code, lines } = await recall(['widget@1.2.0'], { config, reason: 'x' })
    assert.equal(code, 3)
    assert.match(lines.join('\n'), /recalled widget@1\.2\.0[\s\S]*THE DECISION LOG COULD NOT BE USED/)
    assert.equal((await listRecalls({ config })).length, 1)
  })
  it('list shows what is in force; --all what was lifted too', async () => {
    await said(['widget@1.2.0', 'gadget@*'])
    assert.equal((await liftRecall('1', { config, reason: 'cleared', approvedBy: 'bob' })).code, 0)
    assert.deepEqual((JSON.parse((await listRecalls({ config, json: true })).join('')) as { id: number }[]).map(({ id }) => id), [2])
    assert.match((await listRecalls({ config, all: true })).join('\n'), /1 {2}widget@1\.2\.0.* by ann: stolen token\n {3}lifted .* by bob: cleared/)
    assert.deepEqual((await logged()).map(({ kind }) => kind), ['recalled', 'recalled', 'recall-lifted'])
  })
  it('as a process: options behind a command are its own', () => {
    const run = (...parameters: readonly string[]): readonly [number | null, string] => {
      const { status, stdout } = spawnSync(process.execPath, ['--no-warnings', MAIN, 'recall', ...parameters, '--config', config], { encoding: 'utf8' })
      return [status, stdout]
    }
    const [made, text] = run('widget@1.2.0', 'gadget@>=2', '--reason', 'stolen token')
    assert.deepEqual([made, text.split('\n').slice(0, 2).map((line) => line.split(';')[0])], [0, ['recalled widget@1.2.0 (recall 1)', 'recalled gadget@>=2 (recall 2)']])
    assert.equal(run('lift', '1', '--reason', 'cleared')[0], 0)
    const [listed, json] = run('list', '--json')
    assert.deepEqual([listed, (JSON.parse(json) as { id: number }[]).map(({ id }) => id)], [0, [2]])
    assert.equal(run('widget', '--reason', 'x')[0], 2)
  })
  it('mistakes are refused before anything is written', async () => {
    for (const [specs, what] of [
      [['widget'], /names no version/],
      [['widget@1.0.0', 'widget@latest'], /"latest" is not a range/],
      [['@acme/*@1.0.0'], /is not the name of one package/],
    ] as const)
      await refused(() => recall(specs, { config, reason: 'x' }), what)
    await refused(() => recall(['widget@1.0.0'], { config, reason: ' ' }), /--reason/)
    await refused(() => recall(['widget@1.0.0'], { config }), /--reason/)
    await refused(() => liftRecall('1', { config, reason: 'x' }), /is no recall that is in force/)
    await refused(() => liftRecall('one', { config, reason: 'x' }), /is not the number of a recall/)
    assert.deepEqual(await listRecalls({ config, all: true }), ['nothing is recalled'])
  })
})
