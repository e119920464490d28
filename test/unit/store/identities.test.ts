/** The memory of who built packages: durable, the same in whatever order it was filled, and shared with other processes. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { IdentityPin } from '../../../plugin/domain/history.ts'
import type { PinDecision } from '../../../plugin/domain/identity-memory.ts'
import { SqliteLedger } from '../../../plugin/store/ledger.ts'

const R = 'https://registry.example'
const day = (days: number): Date => new Date(Date.UTC(2026, 0, 1 + days))
const OURS = { issuer: 'https://token.example', sourceRepository: 'https://github.com/acme/widget', sourceRepositoryId: '1001', sourceOwnerId: '2002', workflow: undefined }
const MALLORY = { ...OURS, sourceRepositoryId: '6001', sourceOwnerId: '6002' }
const pin = (changes: Partial<IdentityPin> = {}): IdentityPin => ({ ...OURS, version: '1.0.0', since: day(0), latest: day(0), because: 'found', until: undefined, ...changes })
const decision = (changes: Partial<PinDecision> = {}): PinDecision => ({ registry: R, name: 'widget', decision: 'approve', identity: MALLORY, reason: 'it moved', by: 'security', at: day(30), ...changes })

describe('store: identities', () => {
  let dir: string
  let ledger: SqliteLedger
  let other: SqliteLedger

  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'identities-'))
    ledger = new SqliteLedger({ file: path.join(dir, 'ledger.db') })
    other = new SqliteLedger({ file: path.join(dir, 'ledger.db') })
    ledger.sight(R, 'widget', ['1.0.0'], day(0))
  })
  afterEach(() => {
    ledger.close()
    other.close()
    rmSync(dir, { recursive: true, force: true })
  })
  const change = (version: string): void => {
    ledger.identities.noteChanges(R, 'widget', [{ version, to: MALLORY, from: OURS, firstSeen: day(20) }])
  }

  it('keeps pins by registry and name, also over a restart', () => {
    ledger.identities.add(R, 'widget', [pin()])
    assert.deepEqual(ledger.identities.pins(R, 'widget'), [pin()])
    assert.deepEqual([ledger.identities.pins('https://other.example', 'widget'), ledger.identities.pins(R, 'gadget')], [[], []])
    ledger.close()
    ledger = new SqliteLedger({ file: path.join(dir, 'ledger.db') })
    assert.deepEqual(ledger.identities.pins(R, 'widget'), [pin()])
  })
  it('one pin for one identity, in whatever order its versions come', () => {
    const parts = [pin({ version: '1.2.0', since: day(5), latest: day(5) }), pin({ since: day(1), latest: day(2) }), pin({ version: '1.1.0', since: day(3), latest: day(3) })]
    for (const order of [parts, parts.toReversed()]) {
      for (const part of order) ledger.identities.add(R, 'widget', [part])
      assert.deepEqual(ledger.identities.pins(R, 'widget'), [pin({ since: day(1), latest: day(5) })])
      ledger.reset({ name: 'widget', version: undefined, reason: 'x', at: day(9) })
      ledger.sight(R, 'widget', ['1.0.0'], day(9))
    }
  })
  it('changes of one identity are one, with the versions that show it, each once', () => {
    change('1.1.0')
    change('1.2.0')
    change('1.1.0')
    assert.deepEqual(ledger.identities.changes('widget'), [{ registry: R, name: 'widget', to: MALLORY, from: OURS, firstSeen: day(20), versions: ['1.1.0', '1.2.0'] }])
    assert.equal(ledger.identities.changes().length, 1)
    assert.deepEqual(ledger.identities.changes('gadget'), [])
  })
  it('an approval makes a pin, ends the change and is kept', () => {
    change('1.1.0')
    ledger.identities.decide(decision())
    assert.deepEqual(ledger.identities.pins(R, 'widget'), [pin({ ...MALLORY, version: '1.1.0', since: day(20), latest: day(20), because: 'approved' })])
    assert.deepEqual([ledger.identities.changes(), ledger.identities.decisions('widget')], [[], [decision()]])
  })
  it('what was dropped stays so, whatever is found, until it is approved', () => {
    ledger.identities.add(R, 'widget', [pin()])
    ledger.identities.decide(decision({ decision: 'drop', identity: OURS, by: undefined }))
    ledger.identities.add(R, 'widget', [pin({ because: 'settled' })])
    assert.deepEqual(ledger.identities.pins(R, 'widget').map(({ because, until }) => [because, until]), [['dropped', day(30)]])
    ledger.identities.decide(decision({ identity: OURS }))
    assert.deepEqual(ledger.identities.pins(R, 'widget').map(({ because, until }) => [because, until]), [['approved', undefined]])
  })
  it('another number for other pins, seen by another process; not for a change that waits', () => {
    assert.equal(other.identities.revision('widget'), 0)
    ledger.identities.add(R, 'widget', [pin()])
    const first = other.identities.revision('widget')
    assert.notEqual(first, 0)
    assert.equal(other.identities.pins(R, 'widget').length, 1)
    change('1.1.0')
    assert.equal(other.identities.revision('widget'), first)
    other.identities.decide(decision())
    assert.notEqual(ledger.identities.revision('widget'), first)
    assert.equal(ledger.identities.pins(R, 'widget').length, 2)
    assert.equal(ledger.identities.revision('gadget'), 0)
  })
  it('a reset of the package forgets pins and changes, and not what was decided; of a version, that it waits', () => {
    ledger.identities.add(R, 'widget', [pin()])
    change('1.1.0')
    ledger.record(R, 'widget', [])
    ledger.sight(R, 'widget', ['1.0.0', '1.1.0'], day(1))
    ledger.reset({ name: 'widget', version: '1.1.0', reason: 'x', at: day(9) })
    assert.deepEqual([ledger.identities.changes('widget').length, ledger.identities.pins(R, 'widget').length], [0, 1])
    ledger.identities.decide(decision())
    ledger.reset({ name: 'widget', version: undefined, reason: 'x', at: day(9) })
    assert.deepEqual([ledger.identities.pins(R, 'widget'), other.identities.pins(R, 'widget'), ledger.identities.packages()], [[], [], []])
    assert.equal(ledger.identities.decisions('widget').length, 1)
  })
  it('names that are properties are names', () => {
    for (const name of ['__proto__', 'constructor']) {
      ledger.identities.add(R, name, [pin()])
      assert.equal(ledger.identities.pins(R, name).length, 1)
    }
    assert.deepEqual(ledger.identities.packages().map(([, name]) => name), ['__proto__', 'constructor'])
  })
})
