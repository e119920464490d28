/** What of trust material ends, and when somebody is told: early enough, and never for nothing. */
import assert from 'node:assert/strict'
import type { JsonObject } from '../../../plugin/domain/json.ts'
import type { InstanceState, TrustEnd, TrustState } from '../../../plugin/domain/state.ts'
import { trustAlarms } from '../../../plugin/domain/trust-alarms.ts'
import { parseTrustedRoot } from '../../../plugin/verify/index.ts'
import { seededTrust } from '../../../plugin/verify/trust-material.ts'
import { endsOfRoot, endsOfTuf, keysRunOut } from '../../../plugin/verify/trust-ends.ts'
import { mergeTrustedRoots, PrivateSigstore } from '../../support/private-sigstore.ts'

const NOW = new Date('2026-06-01T00:00:00Z')
const DAY = 86_400_000
const inDays = (days: number): Date => new Date(NOW.getTime() + days * DAY)
const sigstore = PrivateSigstore.create()
const successor = PrivateSigstore.create({ name: 'successor' })

type Validity = readonly [start: string | Date, end?: Date]
const valid = ([start, end]: Validity): JsonObject => ({ start: new Date(start).toISOString(), ...(end === undefined ? {} : { end: end.toISOString() }) })
const listOf = (instance: PrivateSigstore, field: string): readonly JsonObject[] => instance.trustedRoot()[field] as readonly JsonObject[]
/** A root whose CAs, or logs, are valid so. */
const withAuthorities = (...validities: readonly Validity[]): JsonObject => root({ certificateAuthorities: validities.map((one, index) => ({ ...listOf(index === 0 ? sigstore : successor, 'certificateAuthorities')[0], validFor: valid(one) })) })
const withLogs = (...validities: readonly Validity[]): JsonObject => root({ ctlogs: validities.map((one) => withKey(listOf(sigstore, 'ctlogs')[0]!, one)) })
const withKey = (log: JsonObject, validity: Validity): JsonObject => ({ ...log, publicKey: { ...(log.publicKey as JsonObject), validFor: valid(validity) } })
const root = (changes: JsonObject): JsonObject => parseTrustedRoot({ ...sigstore.trustedRoot(), ...changes }, 'trusted_root.json')
/** Beside what the certificates of the private instance say of themselves. */
const endOf = (kind: TrustEnd['kind'], of: JsonObject, now = NOW): Date | undefined => endsOfRoot(of, now).find((end) => end.kind === kind)?.at
const UNTIL = new Date('2049-12-31T00:00:00Z')

describe('what of trust material ends', () => {
  describe('a root', () => {
    it('a certificate authority, at the end of its validity or of its certificate, whichever comes first', () => {
      assert.deepEqual(endOf('ca', withAuthorities(['2020-01-01'])), UNTIL)
      assert.deepEqual(endOf('ca', withAuthorities(['2020-01-01', inDays(20)])), inDays(20))
    })
    it('a log without an end is none', () => assert.deepEqual(endsOfRoot(root({}), NOW).map(({ kind }) => kind), ['ca', 'tsa']))
    it('one whose successor has begun, or begins in time, is none', () => {
      assert.equal(endOf('ctlog', withLogs(['2020-01-01', inDays(5)], ['2026-01-01'])), undefined)
      assert.equal(endOf('ctlog', withLogs(['2020-01-01', inDays(5)], [inDays(4)])), undefined)
      assert.deepEqual(endOf('ctlog', withLogs(['2020-01-01', inDays(5)], [inDays(4), inDays(300)])), inDays(300))
    })
    it('one whose successor begins too late is', () => assert.deepEqual(endOf('ctlog', withLogs(['2020-01-01', inDays(5)], [inDays(6)])), inDays(5)))
    it('one that is kept for old evidence is none', () => assert.equal(endOf('ctlog', withLogs(['2020-01-01', inDays(-100)], [inDays(-101)])), undefined))
    it('the last one, once it has ended', () => assert.deepEqual(endOf('ctlog', withLogs(['2020-01-01', inDays(-100)], ['2021-01-01', inDays(-3)])), inDays(-3)))
    it('none in force yet: now', () => assert.deepEqual(endOf('ctlog', withLogs([inDays(3)])), NOW))
    it('two roots in one, as during a rotation: the later', () => {
      const merged = parseTrustedRoot(mergeTrustedRoots(withAuthorities(['2020-01-01', inDays(5)]), successor.trustedRoot()), 'x')
      assert.deepEqual(endOf('ca', merged), UNTIL)
    })
    it('of the public-good instance, nothing within a year of the release of its root', () => {
      const { trustedRoot } = seededTrust('https://registry.example')
      const soon = endsOfRoot(trustedRoot, NOW).filter(({ at }) => at < inDays(30))
      assert.deepEqual(soon, [])
    })
  })

  describe('keys of a registry', () => {
    const key = (starts: Date | null, expires: Date | null, usages: readonly ('signatures' | 'attestations')[] = ['signatures', 'attestations']) =>
      ({ keyid: 'k', spki: '', keytype: '', scheme: '', starts: starts?.toISOString() ?? null, expires: expires?.toISOString() ?? null, usages })
    it('run out with the last', () => {
      assert.deepEqual(keysRunOut([key(null, inDays(9)), key(null, inDays(40))], NOW), inDays(40))
      assert.equal(keysRunOut([key(null, inDays(9)), key(inDays(8), null)], NOW), undefined)
      assert.equal(keysRunOut([], NOW), undefined)
    })
    it('for the usage that runs out first', () => assert.deepEqual(keysRunOut([key(null, null, ['signatures']), key(null, inDays(9), ['attestations'])], NOW), inDays(9)))
    it('with a gap before the next', () => assert.deepEqual(keysRunOut([key(null, inDays(9)), key(inDays(10), null)], NOW), inDays(9)))
  })

  it('roles of TUF, each with its end; what the targets delegate to is theirs', () => {
    const role = (days: number): string => JSON.stringify({ signed: { expires: inDays(days).toISOString() } })
    const ends = endsOfTuf(new Map([['root.json', role(100)], ['mirror/timestamp.json', role(3)], ['snapshot.json', role(9)], ['targets.json', role(80)], ['registry.json', role(60)], ['notes.txt', role(1)], ['spoilt.json', '{']]))
    assert.deepEqual(Object.fromEntries(ends.map(({ kind, at }) => [kind, at])), { 'tuf-root': inDays(100), 'tuf-timestamp': inDays(3), 'tuf-snapshot': inDays(9), 'tuf-targets': inDays(60) })
  })
})

describe('alarms before trust ends', () => {
  const instance = (ends: readonly TrustEnd[], asOf: Date | undefined = NOW): InstanceState => ({ instance: 'acme', source: 'a file', asOf, ends, refreshes: { succeeded: 1, failed: 0 } })
  const end = (kind: TrustEnd['kind'], days: number, isOwn = true): TrustEnd => ({ kind, at: inDays(days), isOwn })
  const stageOf = (one: TrustEnd, asOf?: Date): number | undefined => trustAlarms({ instances: [instance([one], asOf)], uplinks: [] }, NOW)[0]?.stage

  for (const kind of ['ca', 'ctlog', 'tlog', 'tsa', 'tuf-root', 'tuf-targets'] as const)
    it(`${kind}: 30 days before, 7, 1 and when it has ended; of others, 7 days before`, () => {
      assert.deepEqual([31, 30, 8, 7, 2, 1, 0.5, 0, -1].map((days) => stageOf(end(kind, days))), [undefined, 30, 30, 7, 7, 1, 1, 0, 0])
      assert.deepEqual([31, 30, 8, 7, 1, 0].map((days) => stageOf(end(kind, days, false))), [undefined, undefined, undefined, 7, 1, 0])
    })
  for (const kind of ['tuf-timestamp', 'tuf-snapshot'] as const) {
    it(`${kind}: signed for a day and fetched today is no alarm`, () => assert.deepEqual([0.9, 0.1].map((days) => stageOf(end(kind, days))), [undefined, undefined]))
    it(`${kind}: near its end and not fetched for two days is one, and past its end in any case`, () => {
      assert.deepEqual([2, 0.9].map((days) => stageOf(end(kind, days), inDays(-2))), [undefined, 1])
      assert.equal(stageOf(end(kind, -0.1)), 0)
    })
  }
  it('says what, of whom, when, and what follows; the soonest first', () => {
    const states: readonly TrustState[] = [{ uplink: 'npmjs', asOf: NOW, expires: undefined, keySource: 'file', keys: 1, keyExpires: inDays(20) }]
    const alarms = trustAlarms({ instances: [instance([end('ca', 25)])], uplinks: states }, NOW)
    assert.deepEqual(alarms.map(({ of, kind, stage }) => [of, kind, stage]), [['uplink:npmjs', 'registry-key', 30], ['instance:acme', 'ca', 30]])
    assert.equal(alarms[1]?.text, 'Sigstore instance acme: its last certificate authority ends on 2026-06-26, in 25 days; what is signed after that does not verify')
  })
  it('keys that TUF brings are announced by others: 7 days before', () => {
    const at = (keySource: TrustState['keySource'], days: number) => trustAlarms({ instances: [], uplinks: [{ uplink: 'npmjs', asOf: NOW, expires: undefined, keySource, keys: 1, keyExpires: inDays(days) }] }, NOW).length
    assert.deepEqual([at('tuf', 20), at('tuf', 6), at('pinned', 20), at('file', 31)], [0, 1, 1, 0])
  })
})
