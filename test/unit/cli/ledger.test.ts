/** `ledger show` and `ledger reset`: what they print, and what they refuse. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { stringify } from 'yaml'
import { resetLedger, showLedger } from '../../../plugin/cli/ledger.ts'
import { remembered, ledgerText, type RememberedPackage } from '../../../plugin/cli/ledger-text.ts'
import { ConfigurationError } from '../../../plugin/domain/errors.ts'
import { SqliteLedger } from '../../../plugin/store/ledger.ts'

const R = 'https://registry.example'
const MAIN = path.resolve(import.meta.dirname, '../../../plugin/cli/main.ts')
const at = (day: number): Date => new Date(Date.UTC(2026, 0, day))

describe('cli: ledger', function () {
  this.timeout(20_000)
  let dir: string
  let config: string
  let database: string

  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'cli-ledger-'))
    config = path.join(dir, 'config.yaml')
    database = path.join(dir, 'provenance.db')
    const uplinks = { fake: { url: `${R}/` } }
    writeFileSync(config, stringify({ storage: './storage', uplinks, packages: { '**': { access: '$all', proxy: 'fake' } }, middlewares: { provenance: {} } }))
  })
  afterEach(() => {
    rmSync(dir, { recursive: true, force: true })
  })
  const learn = (): void => {
    const ledger = new SqliteLedger({ file: database })
    ledger.sight(R, '@acme/widget', ['1.0.0'], at(1))
    ledger.sight(R, '@acme/widget', ['1.0.0', '1.1.0'], at(2))
    ledger.record(R, '@acme/widget', [
      {
        version: '1.1.0',
        integrity: 'sha512-first',
        recordedAt: at(3),
        because: 'signature',
        signatures: [{ keyid: 'SHA256:key', sig: 'c2ln' }],
        attestations: 'ab'.repeat(32),
        had: { publishAttestation: true, provenance: true },
      },
    ])
    ledger.setSigns(R)
    ledger.setOrigin('@acme/widget', R)
    ledger.close()
  }
  const shown = async (spec: string): Promise<RememberedPackage> => JSON.parse((await showLedger(spec, { config, json: true })).join('\n')) as RememberedPackage
  const refused = async (command: () => Promise<unknown>, what: RegExp): Promise<void> => {
    await assert.rejects(command, (error) => error instanceof ConfigurationError && what.test(error.message))
  }

  it('show: everything that is remembered of a version', async () => {
    learn()
    assert.deepEqual(await shown('@acme/widget@1.1.0'), {
      package: '@acme/widget',
      origin: R,
      registries: [
        {
          registry: R,
          signs: true,
          builtBy: [],
          versions: [
            {
              version: '1.1.0',
              firstSeen: at(2).toISOString(),
              lastAbsent: at(1).toISOString(),
              record: {
                integrity: 'sha512-first',
                because: 'signature',
                recordedAt: at(3).toISOString(),
                signatureKeyIds: ['SHA256:key'],
                attestations: 'ab'.repeat(32),
                had: { publishAttestation: true, provenance: true },
              },
            },
          ],
        },
      ],
      resets: [],
    })
  })

  it('show: a version that was only seen has no record', async () => {
    learn()
    assert.deepEqual((await shown('@acme/widget')).registries[0]?.versions.map(({ version, record }) => [version, record === null]), [['1.0.0', true], ['1.1.0', false]])
  })

  it('show: for people, without what an upstream could make a terminal do', () => {
    const ledger = new SqliteLedger({ file: ':memory:' })
    ledger.sight(R, 'widget', ['1.0.0\u001b[2J'], at(1))
    const lines = ledgerText(remembered(ledger, 'widget'))
    ledger.close()
    assert.ok(lines.some((line) => line.includes('1.0.0?[2J')))
    assert.equal(lines.some((line) => line.includes('\u001b')), false)
  })

  it('reset: forgets, says so in one structured line, and show lists it', async () => {
    learn()
    const [output = ''] = await resetLedger('@acme/widget@1.1.0', { config, reason: ' rebuilt upstream ', json: true })
    const { at: time, ...line } = JSON.parse(output) as Record<string, unknown>
    assert.deepEqual(line, { decision: 'reset', package: '@acme/widget', version: '1.1.0', registries: [R], reason: 'rebuilt upstream' })
    const { registries, resets } = await shown('@acme/widget@1.1.0')
    assert.equal(registries[0]?.versions[0]?.record, null)
    assert.deepEqual(resets, [{ at: time, version: '1.1.0', reason: 'rebuilt upstream' }])
    assert.match((await showLedger('@acme/widget', { config })).join('\n'), /reset .* 1\.1\.0: rebuilt upstream/)
  })

  it('reset: of a whole package, which then is known for that alone', async () => {
    learn()
    await resetLedger('@acme/widget', { config, reason: 'moved' })
    assert.deepEqual([(await shown('@acme/widget')).registries, (await shown('@acme/widget')).origin], [[], null])
    assert.deepEqual((await shown('@acme/widget')).resets.map(({ version, reason }) => [version, reason]), [[null, 'moved']])
    await refused(() => resetLedger('@acme/widget', { config, reason: 'again' }), /nothing is remembered/)
  })

  it('refuses an unknown package, an unknown version (naming those seen), a reason that says nothing, and no package', async () => {
    learn()
    await refused(() => showLedger('nothing', { config }), /nothing is remembered of the package "nothing"/)
    await refused(() => showLedger('@acme/widget@9.9.9', { config }), /9\.9\.9.*1\.0\.0, 1\.1\.0/)
    await refused(() => resetLedger('@acme/widget@9.9.9', { config, reason: 'x' }), /9\.9\.9/)
    await refused(() => resetLedger('@acme/widget', { config, reason: '  ' }), /reason/)
    await refused(() => showLedger('@acme/widget@', { config }), /NAME@VERSION/)
    assert.notEqual((await shown('@acme/widget')).registries[0]?.versions[1]?.record, null)
  })

  it('refuses where there is no ledger, and makes none', async () => {
    await refused(() => showLedger('widget', { config }), /there is no ledger/)
    assert.equal(existsSync(database), false)
    await refused(() => showLedger('widget', { config: path.join(dir, 'nowhere.yaml') }), /nowhere\.yaml/)
  })

  it('exit codes: 0 done, 2 for what cannot be done', async () => {
    learn()
    const codes = await Promise.all([
      exitCode('ledger', 'show', '@acme/widget', '--config', config, '--json'),
      exitCode('ledger', 'show', 'nothing', '--config', config),
      exitCode('ledger', 'reset', '@acme/widget', '--config', config),
    ])
    assert.deepEqual(codes, [0, 2, 2])
    assert.equal((await shown('@acme/widget')).resets.length, 0)
  })
})

const exitCode = (...args: readonly string[]): Promise<number> =>
  new Promise((resolve) => {
    execFile(process.execPath, ['--no-warnings', MAIN, ...args], (error) => { resolve(typeof error?.code === 'number' ? error.code : error === null ? 0 : 1) })
  })
