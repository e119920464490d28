/** What an upstream named a version, a key or a repository must not move the cursor of the operator who reads it. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { stringify } from 'yaml'
import { showLedger } from '../../plugin/cli/ledger.ts'
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

  const said = (what: () => readonly string[]): string => {
    try {
      return what().join('\n')
    } catch (error) {
      return (error as Error).message
    }
  }
  for (const json of [false, true]) {
    it(`show none of it${json ? ', as JSON' : ''}`, () => {
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
        assert.doesNotMatch(said(what), UNSEEN)
    })
  }
  it('and JSON means what it meant', () => {
    const [shown] = JSON.parse(listPins('widget', { config, json: true }).join('\n')) as { pins: { version: string }[] }[]
    assert.equal(shown?.pins[0]?.version, NASTY)
  })
})
