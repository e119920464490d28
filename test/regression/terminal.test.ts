/** What an upstream named a version, a key or a repository must not move the cursor of the operator who reads it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { mock } from 'node:test'
import { stringify } from 'yaml'
import { render } from '../../plugin/check/index.ts'
import { checkCommand } from '../../plugin/cli/check.ts'
import { packageExplanation, versionExplanation } from '../../plugin/cli/explain.ts'
import { mirrorSource } from '../../plugin/cli/explain-source.ts'
import { showLedger } from '../../plugin/cli/ledger.ts'
import { filled } from '../../plugin/cli/own-store.ts'
import { linesWithoutUnseen } from '../../plugin/cli/terminal.ts'
import { warmCommand } from '../../plugin/cli/warm.ts'
import { approvePin, dropPin, listPins, showPins } from '../../plugin/cli/pins.ts'
import { SqliteLedger } from '../../plugin/store/ledger.ts'

const NASTY = 'a\u001b[2J\u009b31m\u202e\u200b\u2028\rb'
const UNSEEN = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e]/
const REGISTRY = 'https://registry.example'

describe('regression: commands that print what upstreams wrote', () => {
  let dir: string
  let config: string
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'terminal-'))
    config = path.join(dir, 'config.yaml')
    const provenance = { store: 'sqlite:./provenance.db', uplinks: { one: { url: REGISTRY } }, packages: { '**': ['one'] } }
    writeFileSync(config, stringify({ storage: './storage', packages: { '**': { access: '$all' } }, middlewares: { provenance } }))
    const ledger = new SqliteLedger({ file: path.join(dir, 'provenance.db') })
    const at = new Date('2026-01-01T00:00:00.000Z')
    const by = (id: string) => ({ issuer: NASTY, sourceRepository: `https://host.example/${NASTY}`, sourceRepositoryId: id, sourceOwnerId: NASTY, workflow: NASTY })
    ledger.sight(REGISTRY, 'widget', [NASTY], at)
    ledger.record(REGISTRY, 'widget', [{ version: NASTY, integrity: 'sha512-verified', recordedAt: at, because: 'signature', signatures: [{ keyid: NASTY, sig: NASTY }], attestations: undefined, had: { publishAttestation: false, provenance: false } }])
    ledger.identities.add(REGISTRY, 'widget', [{ ...by('1'), version: NASTY, since: at, latest: at, because: 'found', until: undefined }])
    ledger.identities.noteChanges(REGISTRY, 'widget', [{ to: by('2'), from: by('1'), version: NASTY, firstSeen: at }])
    ledger.close()
  })
  afterEach(() => { rmSync(dir, { recursive: true, force: true }) })

  const said = async (what: () => Promise<readonly string[]>): Promise<string> => {
    try {
      return (await what()).join('\n')
    } catch (error) {
      return (error as Error).message
    }
  }
  for (const json of [false, true]) {
    it(`show none of it${json ? ', as JSON' : ''}`, async () => {
      const options = { config, json }
      const decision = { ...options, reason: NASTY, approvedBy: NASTY }
      for (const what of [
        () => showLedger('widget', options),
        () => listPins(undefined, options),
        () => listPins('widget', { ...options, pending: true }),
        () => approvePin('widget', { ...decision, to: 'none' }),
        () => approvePin('widget', { ...decision, to: '2' }),
        () => dropPin('widget', { ...decision, to: 'none' }),
        () => dropPin('widget', { ...decision, to: '1' }),
        () => showPins('widget', options),
      ])
        assert.doesNotMatch(await said(what), UNSEEN)
    })
  }
  it('and JSON means what it meant', async () => {
    const [shown] = JSON.parse((await listPins('widget', { config, json: true })).join('\n')) as { pins: { version: string }[] }[]
    assert.equal(shown?.pins[0]?.version, NASTY)
  })
})

describe('regression: commands that print what a mirror answered', () => {
  let server: http.Server
  let url: string
  let answer: (path: string) => readonly [status: number, body: object]
  beforeEach(async () => {
    server = http.createServer(({ url: path = '' }, response) => {
      const [status, body] = path.endsWith('/ready') ? [200, { ready: true }] : answer(path)
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`
  })
  afterEach(() => { server.close() })

  /** What a command writes, and what it throws, as `run` prints it. */
  const written = async (command: () => Promise<unknown>): Promise<string> => {
    const lines: string[] = []
    const note = (text: string): boolean => Boolean(lines.push(text))
    const mocks = [mock.method(console, 'error', note), mock.method(console, 'log', note), mock.method(process.stdout, 'write', note)]
    try {
      await command()
    } catch (cause) {
      note(linesWithoutUnseen((cause as Error).message))
    } finally {
      for (const one of mocks) one.mock.restore()
    }
    assert.notEqual(lines.join(''), '')
    return lines.join('\n')
  }
  const refused = { package: NASTY, version: NASTY, outcome: 'deny', rule: NASTY, reasons: [{ code: NASTY, message: NASTY }], nearestAllowed: NASTY }

  for (const format of ['text', 'json', 'sarif', 'markdown', 'junit'])
    it(`check, ${format}: a refusal`, async () => {
      answer = (path) => [200, path.endsWith('/widget') ? { versions: { '1.0.0': {} }, distTags: { latest: '1.0.0' } } : refused]
      assert.doesNotMatch(await written(() => checkCommand(['widget'], { mirror: url, format })), UNSEEN)
    })
  it('check and warm: an error that ends the command', async () => {
    answer = () => [500, { error: NASTY }]
    assert.doesNotMatch(await written(() => checkCommand(['widget'], { mirror: url })), UNSEEN)
    assert.doesNotMatch(await written(() => warmCommand(['widget'], { mirror: url, rate: '20/s' })), UNSEEN)
  })
  it('warm, as JSON', async () => {
    answer = (path) => [200, path.endsWith('/widget') ? { versions: { '1.0.0': {} }, distTags: { latest: '1.0.0' } } : refused]
    assert.doesNotMatch(await written(() => warmCommand(['widget@1.0.0'], { mirror: url, rate: '20/s', json: true })), UNSEEN)
  })
  for (const json of [false, true])
    it(`explain${json ? ', as JSON' : ''}`, async () => {
      answer = (path) => [200, path.endsWith('/widget') ? { package: NASTY, versions: { [NASTY]: { outcome: 'deny' } } } : refused]
      const source = mirrorSource(url)
      assert.doesNotMatch((await versionExplanation(source, 'widget', '1.0.0', { json })).lines.join('\n'), UNSEEN)
      assert.doesNotMatch((await packageExplanation(source, 'widget', { json })).lines.join('\n'), UNSEEN)
    })
  it('a line of the log', () => {
    assert.doesNotMatch(filled('failed: @{err.message}', { err: new Error(NASTY) }), UNSEEN)
  })
  it('the names in a lockfile', () => {
    const one = { name: NASTY, version: NASTY, kind: 'registry', integrity: NASTY, resolved: NASTY, optional: false, dev: false, peer: false, paths: [[NASTY]], ranges: [NASTY], line: 1 } as const
    const finding = { level: 'refused', code: 'integrity-mismatch', message: NASTY, also: ['provenance-absent'], package: one, monitored: false, rule: NASTY, waiver: NASTY, nearest: { version: NASTY, inRange: undefined }, explain: NASTY } as const
    const counts = { allowed: 0, workspaces: 0, bundled: 0, refused: 1, uncovered: 0, missing: 0, undecided: 0, warned: 0 }
    const checked = { subject: { file: 'lock', format: 'npm', formatVersion: NASTY, packages: [one] }, findings: [finding], counts } as const
    for (const format of ['text', 'json', 'sarif', 'markdown', 'junit'] as const)
      assert.doesNotMatch(render([checked], format, { source: 'a test', version: '1', width: 80, paint: (_style, text) => text, all: true }).join('\n'), UNSEEN, format)
  })
})
