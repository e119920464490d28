/** `pins`: what it prints, what it decides, and what it refuses. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { stringify } from 'yaml'
import { showLedger } from '../../../plugin/cli/ledger.ts'
import { approvePin, dropPin, listPins, showPins } from '../../../plugin/cli/pins.ts'
import { ConfigurationError } from '../../../plugin/domain/errors.ts'
import { SqliteLedger } from '../../../plugin/store/ledger.ts'

const R = 'https://registry.example'
const MAIN = path.resolve(import.meta.dirname, '../../../plugin/cli/main.ts')
const day = (days: number): Date => new Date(Date.UTC(2026, 0, days))
const OURS = { issuer: 'https://token.example', sourceRepository: 'https://github.com/acme/widget', sourceRepositoryId: '1001', sourceOwnerId: '2002', workflow: '.github/workflows/release.yml' }
const MOVED = { ...OURS, sourceRepository: 'https://github.com/globex/widget', sourceRepositoryId: '6001', sourceOwnerId: '6002' }
const AGAIN = { ...MOVED, sourceRepositoryId: '7001' }
const OTHER = { ...OURS, workflow: '.github/workflows/other.yml' }

describe('cli: pins', function () {
  this.timeout(20_000)
  let dir: string
  let config: string

  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'cli-pins-'))
    config = path.join(dir, 'config.yaml')
    writeFileSync(config, stringify({ storage: './storage', uplinks: { fake: { url: `${R}/` } }, packages: { '**': { access: '$all', proxy: 'fake' } }, middlewares: { provenance: {} } }))
    const ledger = open()
    ledger.sight(R, '@acme/widget', ['1.0.0'], day(1))
    ledger.sight(R, 'gadget', ['1.0.0'], day(1))
    const pin = { version: '1.0.0', since: day(1), latest: day(1), because: 'found', until: undefined } as const
    ledger.identities.add(R, '@acme/widget', [{ ...OURS, ...pin }])
    ledger.identities.add(R, 'gadget', [{ ...OURS, ...pin }])
    ledger.close()
  })
  afterEach(() => {
    rmSync(dir, { recursive: true, force: true })
  })
  const open = (): SqliteLedger => new SqliteLedger({ file: path.join(dir, 'provenance.db') })
  const wait = (...to: readonly (typeof OURS)[]): void => {
    const ledger = open()
    ledger.identities.noteChanges(R, '@acme/widget', to.map((one, index) => ({ version: `1.${String(index + 1)}.0`, to: one, from: OURS, firstSeen: day(5) })))
    ledger.close()
  }
  const WHY = { reason: 'the project moved', approvedBy: 'security' }
  const refused = async (command: () => Promise<unknown>, what: RegExp): Promise<void> => {
    await assert.rejects(command, (error) => error instanceof ConfigurationError && what.test(error.message))
  }

  it('list: every package, one, or those where something waits', async () => {
    wait(MOVED)
    const names = (lines: readonly string[]): readonly string[] => (JSON.parse(lines.join('')) as { package: string }[]).map((one) => one.package)
    assert.deepEqual(names(await listPins(undefined, { config, json: true })), ['@acme/widget', 'gadget'])
    assert.deepEqual(names(await listPins('gadget', { config, json: true })), ['gadget'])
    assert.deepEqual(names(await listPins(undefined, { config, json: true, pending: true })), ['@acme/widget'])
    assert.match((await listPins(undefined, { config, pending: true })).join('\n'), /PENDING.*globex.*6001[^]*1\.1\.0[^]*pins approve @acme\/widget --to 6001/)
    assert.match((await listPins('gadget', { config, pending: true })).join('\n'), /no change waits/)
    assert.match((await listPins('nothing', { config })).join('\n'), /nobody is pinned/)
  })
  it('show: pins, what waits and what was decided; ledger show names the builders too', async () => {
    wait(MOVED)
    await approvePin('@acme/widget', { config, to: '6001', ...WHY })
    const shown = JSON.parse((await showPins('@acme/widget', { config, json: true })).join('')) as { pins: { because: string }[]; pending: unknown[]; decisions: { decision: string; reason: string; by: string }[] }
    assert.deepEqual(shown.pins.map(({ because }) => because), ['found', 'approved'])
    assert.deepEqual([shown.pending, shown.decisions.map(({ decision, reason, by }) => [decision, reason, by])], [[], [['approve', WHY.reason, WHY.approvedBy]]])
    assert.match((await showPins('@acme/widget', { config })).join('\n'), /approve .*the project moved \(security\)/)
    assert.match((await showLedger('@acme/widget', { config })).join('\n'), /built by .*1001/)
  })
  it('show: without what a certificate could make a terminal do', async () => {
    wait({ ...MOVED, sourceRepository: 'https://github.com/x\u001b[2J' })
    assert.equal((await showPins('@acme/widget', { config })).some((line) => line.includes('\u001b')), false)
  })
  it('approve: by id or address, with a decision line last', async () => {
    wait(MOVED)
    const line = JSON.parse((await approvePin('@acme/widget', { config, to: 'https://github.com/globex/widget/', ...WHY })).at(-1) ?? '') as Record<string, unknown>
    assert.deepEqual([line.decision, line.package, line.reason, line.by], ['pin-approve', '@acme/widget', WHY.reason, WHY.approvedBy])
    assert.match((await listPins(undefined, { config, pending: true })).join('\n'), /no change waits/)
  })
  it('approve: one workflow of a repository', async () => {
    wait({ ...OTHER }, { ...OTHER, workflow: '.github/workflows/evil.yml' })
    await approvePin('@acme/widget', { config, to: '1001', workflow: OTHER.workflow, ...WHY })
    assert.match((await listPins('@acme/widget', { config, pending: true })).join('\n'), /evil\.yml/)
    assert.doesNotMatch((await listPins('@acme/widget', { config, pending: true })).join('\n'), /other\.yml/)
  })
  it('approve: refuses what does not wait, what is several, and nobody answering for it; nothing is written', async () => {
    await refused(() => approvePin('gadget', { config, to: '6001', ...WHY }), /no change of "gadget" waits/)
    wait(MOVED, AGAIN)
    await refused(() => approvePin('@acme/widget', { config, to: '9999', ...WHY }), /6001.*7001/)
    await refused(() => approvePin('@acme/widget', { config, to: 'https://github.com/globex/widget', ...WHY }), /more than one repository/)
    await refused(() => approvePin('@acme/widget', { config, to: '6001', reason: ' ', approvedBy: 'x' }), /--reason/)
    await refused(() => approvePin('@acme/widget', { config, to: '6001', reason: 'x', approvedBy: ' ' }), /--approved-by/)
    const ledger = open()
    assert.deepEqual([ledger.identities.decisions('@acme/widget'), ledger.identities.changes().length], [[], 2])
    ledger.close()
  })
  it('drop: a pin, and not what is none', async () => {
    const lines = await dropPin('gadget', { config, to: '1001', reason: 'sold' })
    assert.equal((JSON.parse(lines.at(-1) ?? '') as { decision: string }).decision, 'pin-drop')
    assert.match((await showPins('gadget', { config })).join('\n'), /dropped.*counts no longer/)
    await refused(() => dropPin('gadget', { config, to: '1001', reason: 'again' }), /is no pin/)
    await refused(() => dropPin('@acme/widget', { config, to: '6001', reason: 'x' }), /1001/)
    await refused(() => dropPin('nothing', { config, to: '6001', reason: 'x' }), /nobody is pinned/)
    await refused(() => showPins('nothing', { config }), /nobody is pinned/)
  })
  it('exit codes: 0 done, 2 for what cannot be done', async () => {
    wait(MOVED)
    const codes = await Promise.all([
      exitCode('pins', 'list', '--pending', '--config', config),
      exitCode('pins', 'approve', 'gadget', '--to', '6001', '--reason', 'x', '--approved-by', 'y', '--config', config),
      exitCode('pins', 'approve', '@acme/widget', '--to', '6001', '--reason', 'x', '--config', config),
    ])
    assert.deepEqual(codes, [0, 2, 2])
  })
})

const exitCode = (...args: readonly string[]): Promise<number> =>
  new Promise((resolve) => {
    execFile(process.execPath, ['--no-warnings', MAIN, ...args], (error) => { resolve(typeof error?.code === 'number' ? error.code : error === null ? 0 : 1) })
  })
