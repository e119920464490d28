import assert from 'node:assert/strict'
import { operatorsView, type Operated } from '../../plugin/compose-operators.ts'
import { measuredBytes, measuredDecisions, measuredVerifier, telemetryOf, tracedFacts } from '../../plugin/compose-telemetry.ts'
import { Unavailable } from '../../plugin/domain/errors.ts'
import type { Decision, Verifier } from '../../plugin/domain/ports.ts'
import { reason } from '../../plugin/domain/reason.ts'
import { busySource } from '../support/metrics.ts'

const telemetry = () => telemetryOf({ propagatesTraces: false })
const VERIFIED = { state: 'verified', facts: {} } as never

describe('telemetry', () => {
  describe('of a verifier', () => {
    const verifierOf = (results: Partial<Verifier>): Verifier => ({ signatures: () => Promise.resolve([]), attestations: () => Promise.reject(new Error('none')), close: () => Promise.resolve(), ...results })

    it('counts what came of each signature, and one call', async () => {
      const measured = telemetry()
      const anchored = [{ result: VERIFIED, anchors: [] }, { result: { state: 'invalid', reasons: [reason('signature-invalid', '')] } as const, anchors: [] }, { result: { state: 'unknown-key', reasons: [reason('signature-key-unknown', '')] } as const, anchors: [] }]
      const verifier = measuredVerifier(verifierOf({ signatures: () => Promise.resolve(anchored as never) }), measured)
      assert.equal(await verifier.signatures('widget', [], {} as never), anchored)
      const { results, seconds } = measured.measures.verifications
      assert.deepEqual(results.entries, [['signature verified', 1], ['signature invalid', 1], ['signature undecided', 1]])
      assert.equal(seconds.signatures.count, 1)
    })
    it('what could not be finished is undecided, never invalid', async () => {
      const measured = telemetry()
      const failure = new Unavailable('evidence-unavailable', 'too slow')
      const verifier = measuredVerifier(verifierOf({ attestations: () => Promise.reject(failure) }), measured)
      await assert.rejects(verifier.attestations({ ref: { name: 'widget', version: '1.0.0' } } as never, {} as never), failure)
      assert.deepEqual(measured.measures.verifications.results.entries, [['publish-attestation undecided', 1], ['provenance undecided', 1]])
    })
  })

  it('of decisions: each is counted, and handed on as it is', () => {
    const measured = telemetry()
    const handed: Decision[] = []
    const decision = { kind: 'refused', ref: { name: 'widget', version: '1.0.0' }, verdict: { outcome: 'deny', rule: '', reasons: [reason('recalled', '')] } } as unknown as Decision
    measuredDecisions({ record: (one) => { handed.push(one) } }, measured).record(decision)
    assert.deepEqual([handed, measured.measures.decisions.decisions.get('refused deny'), measured.measures.decisions.reasons.get('refused recalled')], [[decision], 1, 1])
  })

  it('of stores: results and failures are theirs', async () => {
    const measured = telemetry()
    const found = { sha512: 'a' } as never
    const calls: string[] = []
    const bytes = measuredBytes({
      tarball: (sha512: string) => Promise.resolve(sha512 === 'a' ? found : undefined),
      ready: () => found,
      get: () => Promise.resolve(undefined),
      put: () => Promise.reject(new Error('full')),
      ingest: (_source: unknown, sha512: string, from: string) => { calls.push(`${sha512} ${from}`); return Promise.resolve(found) },
      close: () => { calls.push('closed'); return Promise.resolve() },
    }, measured)
    assert.deepEqual([await bytes.tarball('a'), await bytes.tarball('b'), bytes.ready('a')], [found, undefined, found])
    assert.equal(await bytes.ingest([] as never, 'c', 'npmjs'), found)
    await assert.rejects(bytes.put(new Uint8Array()), /full/)
    await bytes.close()
    assert.deepEqual([measured.measures.caches.tarballs, calls], [{ memory: 0, disk: 1, miss: 1 }, ['c npmjs', 'closed']])
    const facts = new Map()
    const store = tracedFacts({ load: () => Promise.resolve(facts), add: () => Promise.reject(new Error('locked')), close: () => Promise.resolve() }, measured)
    assert.equal(await store.load('widget'), facts)
    await assert.rejects(store.add('widget', facts), /locked/)
  })

  describe('for operators', () => {
    const view = (more: Partial<Operated> = {}, metrics: { access: []; allow: [] } | undefined = { access: [], allow: [] }) =>
      operatorsView({ ...busySource(), trustProblems: () => [], storeProblems: () => [], isClosed: () => false, databases: { ledger: '/none/at/all.db' }, ...more }, { metrics, cache: { dir: '/none/at/all', memory: 0, disk: 0 } }, telemetry())

    it('problems are those of trust and stores, by check', () => {
      assert.deepEqual(view().notReady(), [])
      assert.deepEqual(view({ trustProblems: () => ['no root'], storeProblems: () => ['full'] }).notReady(), [{ check: 'trust', message: 'no root' }, { check: 'stores', message: 'full' }])
    })
    it('a mirror that shuts down has one problem: its stores are closed', () => {
      const never = (): never => { throw new Error('asked') }
      assert.deepEqual(view({ isClosed: () => true, storeProblems: never, trustProblems: never }).notReady().map(({ check }) => check), ['running'])
    })
    it('files that are not there take nothing, and a disk that cannot be asked is not a full one', async () => {
      const text = (await view().metrics?.text()) ?? ''
      assert.match(text, /^provenance_database_size_bytes\{database="ledger"\} 0$/m)
      assert.doesNotMatch(text, /^provenance_disk_free_bytes \d/m)
    })
    it('no metrics where they are switched off', () => assert.equal(operatorsView({ ...busySource(), trustProblems: () => [], storeProblems: () => [], isClosed: () => false, databases: {} }, { metrics: undefined, cache: { dir: '.', memory: 0, disk: 0 } }, telemetry()).metrics, undefined))
  })
})
