/** The commands of docs/trust.md make a root that evidence verifies by, and rotate it as the page says. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { trustAlarms } from '../../../plugin/domain/trust-alarms.ts'
import { verifyAttestationDocument } from '../../../plugin/verify/attestation-document.ts'
import { compileTrust } from '../../../plugin/verify/compiled-trust.ts'
import { buildTrustMaterial, parseTrustedRoot } from '../../../plugin/verify/index.ts'
import { endsOfRoot } from '../../../plugin/verify/trust-ends.ts'
import { githubIdentity, PrivateSigstore, provenanceStatement, REGISTRY, type KeylessOptions } from '../../support/private-sigstore.ts'
import { anchorsIn } from '../../support/sigstore/files.ts'

const PAGE = readFileSync(path.resolve(import.meta.dirname, '../../../docs/trust.md'), 'utf8')
const HOUR = 3_600_000
const artifact = { name: '@acme/widget', version: '1.0.0', sha512: 'ab'.repeat(64) }
const identity = githubIdentity({ ref: 'refs/tags/v1.0.0' })
const statement = provenanceStatement(artifact, identity)

/** What `date` says each time it is asked: the root is made, the services switch a day later, and a day after that the old parts end. */
const begun = new Date(Math.ceil(Date.now() / 1000) * 1000)
const [switched, ended] = [new Date(begun.getTime() + 24 * HOUR), new Date(begun.getTime() + 48 * HOUR)]
const SET_DATE = `times=(${[begun, switched, ended].map((date) => date.toISOString().replace('.000', '')).join(' ')})
date() { local n; n=$(cat .date 2>/dev/null || echo 0); echo "\${times[$n]}"; echo $((n + 1)) > .date; }
`

describe('docs: trust', function () {
  this.timeout(20_000)
  let dir: string
  let old: PrivateSigstore
  let fresh: PrivateSigstore
  before(function () {
    dir = mkdtempSync(path.join(tmpdir(), 'trust-'))
    const commands = [...PAGE.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block).join('\n')
    try {
      execFileSync('openssl', ['version'])
    } catch {
      this.skip()
    }
    execFileSync('bash', ['-c', `${SET_DATE}${commands}`], { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] })
    const anchors = (suffix: string) => ({ ca: `fulcio${suffix}`, ctlog: `ctlog${suffix}`, rekor: `rekor${suffix}`, rekorHost: `rekor${suffix}.acme.example` })
    old = PrivateSigstore.create({ name: 'old', anchors: anchorsIn(dir, anchors('')) })
    fresh = PrivateSigstore.create({ name: 'fresh', anchors: anchorsIn(dir, anchors('2')) })
  })
  after(() => { rmSync(dir, { recursive: true, force: true }) })

  const rootOf = (file: string) => parseTrustedRoot(JSON.parse(readFileSync(path.join(dir, file), 'utf8')), file)
  const state = (file: string | ReturnType<typeof parseTrustedRoot>, by: PrivateSigstore, at: Date, options: KeylessOptions = {}): string => {
    const trustedRoot = typeof file === 'string' ? rootOf(file) : file
    const trust = compileTrust(buildTrustMaterial({ trustedRoot, registryKeys: [], source: { trustedRoot: '', registryKeys: '' } }))
    const document = Buffer.from(JSON.stringify({ attestations: [{ predicateType: statement.predicateType, bundle: by.keyless(statement, identity, { at, ...options }) }] }))
    const { provenance } = verifyAttestationDocument({ ref: artifact, sha512: artifact.sha512, document, registry: REGISTRY }, trust).result
    return provenance.state
  }
  const before1 = new Date(begun.getTime() + HOUR)
  const between = new Date(switched.getTime() + HOUR)
  const afterwards = new Date(ended.getTime() + HOUR)

  it('a root made by its commands is one, and what its keys sign verifies', () => {
    for (const options of [{}, { timestamp: true }, { promise: false, timestamp: true }]) assert.equal(state('trusted_root.json', old, before1, options), 'verified', JSON.stringify(options))
    assert.equal(state('trusted_root.json', fresh, between), 'invalid')
  })
  it('nothing counts before it begins', () => assert.equal(state('trusted_root.json', old, new Date(begun.getTime() - HOUR)), 'invalid'))
  it('with both, the old ones go on and the new ones count from the switch', () => {
    assert.deepEqual([state('both.json', old, before1), state('both.json', old, between), state('both.json', fresh, between)], ['verified', 'verified', 'verified'])
    assert.equal(state('both.json', fresh, before1), 'invalid')
  })
  it('once the old ones have ended, what they signed before counts, and nothing after', () => {
    assert.deepEqual([state('ended.json', old, before1), state('ended.json', fresh, afterwards), state('ended.json', old, afterwards)], ['verified', 'verified', 'invalid'])
  })
  it('without the old ones, what they signed does not count', () => {
    const root = rootOf('ended.json') as Record<'tlogs' | 'ctlogs' | 'certificateAuthorities', readonly object[]>
    const alone = parseTrustedRoot({ ...root, tlogs: root.tlogs.slice(1), ctlogs: root.ctlogs.slice(1), certificateAuthorities: root.certificateAuthorities.slice(1) }, 'alone')
    assert.deepEqual([state(alone, old, before1), state(alone, fresh, afterwards)], ['invalid', 'verified'])
  })
  it('a bundle of old and new parts is of both.json, which has them all, and of no root that lacks one', () => {
    assert.equal(state('both.json', fresh, between, { from: { log: old } }), 'verified')
    assert.equal(state('trusted_root.json', fresh, between, { from: { log: old } }), 'invalid')
  })
  it('no step of the rotation is an alarm, and the certificates are one in their last month', () => {
    const alarms = (file: string, now: Date) =>
      trustAlarms({ instances: [{ instance: 'acme', source: file, asOf: undefined, ends: endsOfRoot(rootOf(file), now).map((end) => ({ ...end, isOwn: true })), refreshes: { succeeded: 0, failed: 0 } }], uplinks: [] }, now).map(({ kind }) => kind)
    assert.deepEqual([alarms('trusted_root.json', before1), alarms('both.json', between), alarms('ended.json', between), alarms('ended.json', afterwards)], [[], [], [], []])
    const years = (count: number): Date => new Date(begun.getTime() + (count * 365 - 20) * 24 * HOUR)
    assert.deepEqual([alarms('trusted_root.json', years(5)), alarms('trusted_root.json', years(10))], [['tsa'], ['tsa', 'ca']])
  })
})
