/** What every ledger promises: a file of one mirror alone, and the copy of one that several share. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { decide, type VersionRecord } from '../../plugin/domain/ports.ts'
import { SqliteLedger } from '../../plugin/store/ledger.ts'
import type { DurableLedger } from '../../plugin/store/replicated-ledger.ts'
import { hasPostgres, startPostgres, type Postgres } from '../support/postgres.ts'
import { Replicas } from '../support/replicas.ts'

const R = 'https://registry.example'
const OTHER = 'https://other.example'
const at = (minute: number): Date => new Date(Date.UTC(2026, 0, 1, 0, minute))
const record = (version: string, more: Partial<VersionRecord> = {}): VersionRecord => ({
  version, integrity: 'sha512-first', recordedAt: at(0), because: 'signature', signatures: [{ keyid: 'k', sig: 's' }], attestations: undefined,
  had: { publishAttestation: false, provenance: false }, ...more,
})
const BY = { issuer: 'https://issuer.example', sourceRepository: 'https://git.example/acme/widget', sourceRepositoryId: '1001', sourceOwnerId: '2002', workflow: 'release.yml' }
const NEW = { ...BY, sourceRepository: 'https://git.example/globex/widget', sourceRepositoryId: '6001' }

/** A ledger, and what a mirror knows that starts later, with what was done before. */
interface Opened {
  readonly ledger: DurableLedger
  again(): Promise<DurableLedger>
  close(): Promise<void>
}

let server: Postgres | undefined
let count = 0
const ADAPTERS: Readonly<Record<string, () => Promise<Opened>>> = {
  'a file of its own': () => {
    const dir = mkdtempSync(path.join(tmpdir(), 'contract-'))
    const file = path.join(dir, 'ledger.db')
    let ledger = new SqliteLedger({ file })
    return Promise.resolve({
      get ledger() { return ledger },
      again: () => {
        ledger.close()
        ledger = new SqliteLedger({ file })
        return Promise.resolve(ledger)
      },
      close: () => {
        ledger.close()
        rmSync(dir, { recursive: true })
        return Promise.resolve()
      },
    })
  },
  'one that is shared through PostgreSQL': async () => {
    const replicas = new Replicas()
    const url = await (server ?? assert.fail()).database(`contract${String(++count)}`)
    const { ledger, replication } = await replicas.open(url)
    return {
      ledger,
      again: async () => {
        await replication.settled()
        return (await replicas.open(url)).ledger
      },
      close: () => replicas.close(),
    }
  },
}

describe('replicas: every ledger', function () {
  this.timeout(20_000)
  before(async function () {
    if (!hasPostgres()) this.skip()
    this.timeout(60_000)
    server = await startPostgres()
  })
  after(async () => { await server?.close() })

  for (const [adapter, open] of Object.entries(ADAPTERS))
    describe(adapter, () => {
      let opened: Opened
      let ledger: DurableLedger
      beforeEach(async () => {
        opened = await open()
        ;({ ledger } = opened)
      })
      afterEach(() => opened.close())
      /** Of what was done and is done again by one that starts later. */
      const both = async (look: (ledger: DurableLedger) => unknown, expected: unknown): Promise<void> => {
        assert.deepEqual(look(ledger), expected)
        assert.deepEqual(look(await opened.again()), expected)
      }

      it('knows when a version appeared, and the last answer that lacked it', async () => {
        ledger.sight(R, 'widget', ['1.0.0'], at(1))
        ledger.sight(R, 'widget', ['1.0.0'], at(5))
        ledger.sight(R, 'widget', ['1.0.0', '1.1.0'], at(9))
        await both((one) => [one.firstSeen(R, 'widget'), one.sighting(R, 'widget', '1.0.0'), one.sighting(R, 'widget', '1.1.0'), one.firstSeen(OTHER, 'widget')], [
          at(1), { firstSeen: at(1), lastAbsent: undefined }, { firstSeen: at(9), lastAbsent: at(5) }, undefined,
        ])
      })
      it('forgets no version that vanished, and does not take it for new when it comes back', async () => {
        ledger.sight(R, 'widget', ['1.0.0', '1.1.0'], at(1))
        ledger.sight(R, 'widget', ['1.0.0'], at(5))
        ledger.sight(R, 'widget', ['1.0.0', '1.1.0'], at(9))
        await both((one) => [one.versions(R, 'widget').toSorted(), one.sighting(R, 'widget', '1.1.0')?.firstSeen], [['1.0.0', '1.1.0'], at(1)])
      })
      it('keeps the first integrity, whatever comes', async () => {
        ledger.record(R, 'widget', [record('1.0.0')])
        ledger.record(R, 'widget', [record('1.0.0', { integrity: 'sha512-other' })])
        await both((one) => one.records(R, 'widget').get('1.0.0')?.integrity, 'sha512-first')
      })
      it('adds evidence and takes none away', async () => {
        ledger.record(R, 'widget', [record('1.0.0', { attestations: 'd1', had: { publishAttestation: true, provenance: true } })])
        ledger.record(R, 'widget', [record('1.0.0', { signatures: [{ keyid: 'k2', sig: 's2' }] })])
        await both((one) => {
          const { signatures, attestations, had } = one.records(R, 'widget').get('1.0.0') ?? assert.fail()
          return [signatures.map(({ keyid }) => keyid), attestations, had]
        }, [['k', 'k2'], 'd1', { publishAttestation: true, provenance: true }])
      })
      it('gives a name to the first registry, with a record or without', async () => {
        ledger.record(R, 'widget', [record('1.0.0')], true)
        assert.equal(ledger.setOrigin('widget', OTHER), R)
        assert.equal(ledger.setOrigin('gadget', OTHER), OTHER)
        await both((one) => [one.origin('widget'), one.origin('gadget'), one.origin('gizmo')], [R, OTHER, undefined])
      })
      it('remembers who signs', async () => {
        ledger.setSigns(R)
        await both((one) => [one.signs(R), one.signs(OTHER)], [true, false])
      })
      it('pins the first keys', async () => {
        ledger.pinKeys(R, { document: { keys: ['first'] }, at: at(1) })
        assert.deepEqual(ledger.pinKeys(R, { document: { keys: ['second'] }, at: at(2) }).document, { keys: ['first'] })
        await both((one) => one.pinnedKeys(R), { document: { keys: ['first'] }, at: at(1) })
      })
      it('forgets what it is told to, and keeps that it was told', async () => {
        ledger.sight(R, 'widget', ['1.0.0', '1.1.0'], at(1))
        ledger.record(R, 'widget', [record('1.0.0'), record('1.1.0')], true)
        assert.deepEqual(ledger.reset({ name: 'widget', version: '1.1.0', reason: 'rebuilt', at: at(5) }), [R])
        assert.deepEqual(ledger.reset({ name: 'nothing', version: undefined, reason: 'r', at: at(5) }), [])
        await both((one) => [[...one.records(R, 'widget').keys()], one.lastReset('widget'), one.resets('widget').map(({ reason }) => reason), one.origin('widget')], [['1.0.0'], 1, ['rebuilt'], R])
      })
      it('knows who built a package, and that it is another from now on', async () => {
        const pin = { ...BY, version: '1.0.0', since: at(1), latest: at(1), because: 'found' as const, until: undefined }
        const before = ledger.identities.revision('widget')
        ledger.identities.add(R, 'widget', [pin])
        assert.notEqual(ledger.identities.revision('widget'), before)
        await both((one) => one.identities.pins(R, 'widget').map(({ sourceRepositoryId }) => sourceRepositoryId), ['1001'])
      })
      it('has a change of who builds wait for a person, and keeps what was decided', async () => {
        const change = { to: NEW, from: BY, firstSeen: at(3), version: '2.0.0' }
        assert.equal(ledger.identities.noteChanges(R, 'widget', [change]).length, 1)
        assert.equal(ledger.identities.noteChanges(R, 'widget', [change]).length, 0)
        await decide(ledger, () => { ledger.identities.decide({ registry: R, name: 'widget', decision: 'approve', identity: NEW, reason: 'moved', by: 'ann', at: at(4) }) })
        await both((one) => [one.identities.changes('widget'), one.identities.pins(R, 'widget').map(({ because }) => because), one.identities.decisions('widget').map(({ by }) => by)], [[], ['approved'], ['ann']])
      })
      it('recalls and lifts', async () => {
        const { id } = await decide(ledger, () => ledger.recalls.add({ name: 'widget', range: '<2', reason: 'stolen', by: 'ann', at: at(1) }))
        assert.equal((await decide(ledger, () => ledger.recalls.add({ name: 'widget', range: '<2', reason: 'again', by: 'bob', at: at(2) }))).id, id)
        assert.equal(ledger.recalls.of('widget').length, 1)
        const revision = ledger.recalls.revision('widget')
        assert.equal((await decide(ledger, () => ledger.recalls.lift(id, { reason: 'cleared', by: 'ann', at: at(3) })))?.lifted?.reason, 'cleared')
        assert.notEqual(ledger.recalls.revision('widget'), revision)
        await both((one) => [one.recalls.of('widget'), one.recalls.all().length], [[], 1])
      })
      it('keeps evidence of what is published here, its maintainers, what archives brought, and policies', async () => {
        const version = { name: 'widget', version: '1.0.0', integrity: 'sha512-first' }
        ledger.keepEvidence(version, { predicateType: 'p', publicGood: true, document: Buffer.from('{}') })
        ledger.setMaintainers('widget', ['ann'])
        ledger.imports.note(R, 'widget', { confirmedAt: at(5), serial: 2, keyid: 'k' })
        ledger.imports.note(R, 'widget', { confirmedAt: at(1), serial: 1, keyid: 'k' })
        ledger.policies.add({ at: at(1), file: '/policy.yaml', texts: new Map([['/policy.yaml', 'version: 1']]), by: 'ann' })
        await both((one) => [
          Buffer.from(one.evidenceOf(version)?.document ?? []).toString(), one.evidenceOf({ ...version, integrity: 'sha512-other' }), one.maintainersOf('widget'), one.imports.get(R, 'widget')?.serial, one.policies.latest?.texts.get('/policy.yaml'),
        ], ['{}', undefined, ['ann'], 2, 'version: 1'])
      })
    })
})
