/** What a running mirror writes into its decision log. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { stringify } from 'yaml'
import { approvePin } from '../../plugin/cli/pins.ts'
import { logged } from '../../plugin/cli/logged.ts'
import { resetLedger } from '../../plugin/cli/ledger.ts'
import { exportLog, showLog, verifyLogs } from '../../plugin/cli/log.ts'
import type { DecisionQuery, LogEntry } from '../../plugin/domain/decision.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { settableClock, startTestMirror, type TestMirror, type TestMirrorOptions } from '../support/mirror.ts'
import { githubIdentity, PrivateSigstore } from '../support/private-sigstore.ts'
import { publishBody, sendPublish } from '../support/publish.ts'
import { temporaryDirectory } from '../support/process.ts'
import { register } from '../support/raw.ts'

const START = new Date('2026-03-01T00:00:00Z')
const OLD = new Date('2026-01-01T00:00:00Z')
const TARBALL = '/widget/-/widget-1.0.0.tgz'
const POLICY = { version: 1, extends: 'recommended', defaults: { minimumReleaseAge: '0', manifestRepository: 'ignore' } } as const
const OTHER = `sha512-${Buffer.alloc(64, 7).toString('base64')}`

describe('decision log of a mirror', function () {
  this.timeout(30_000)
  let registry: FakeRegistry
  let mirror: TestMirror
  const clock = settableClock(START)

  beforeEach(async () => {
    clock.set(START)
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    registry.publish({ name: 'widget', version: '1.0.0', time: OLD, provenance: githubIdentity({ ref: 'refs/tags/v1.0.0' }) })
  })
  afterEach(async () => {
    await mirror.close()
    await registry.close()
  })
  const start = async (more: Partial<TestMirrorOptions> = {}): Promise<void> => {
    mirror = await startTestMirror({ registry, clock, policy: POLICY, uplink: { maxage: '1h' }, ...more })
  }
  const entries = async (query: DecisionQuery = {}): Promise<readonly LogEntry[]> => (await mirror.engine.log.find({ order: 'oldest', limit: 1000, ...query })).entries
  const times = async (query: DecisionQuery): Promise<number> => (await entries(query)).reduce((sum, entry) => sum + entry.times, 0)
  const ask = async (where: string, headers: Readonly<Record<string, string>> = {}): Promise<number> => {
    const response = await mirror.get(where, headers)
    await response.arrayBuffer()
    return response.status
  }
  /** For commands, which read the configuration's file. */
  const config = (): string => {
    const file = path.join(mirror.dir, 'config.yaml')
    writeFileSync(file, stringify({ storage: './storage', packages: { '**': { access: '$all', proxy: 'fake' } }, middlewares: { provenance: { uplinks: { fake: { url: registry.url } }, trust: { offline: true } } } }))
    return file
  }

  it('names who was served what, by which policy, and what was verified of it', async () => {
    await start()
    assert.equal(await ask(TARBALL, { 'user-agent': 'npm/11.0.0' }), 200)
    const [loaded, served, ...rest] = await entries()
    assert.deepEqual(rest, [])
    assert.equal(loaded?.kind, 'policy-loaded')
    assert.deepEqual(
      [served?.kind, served?.package, served?.version, served?.outcome, served?.policyRevision, served?.uplink, served?.asker],
      ['served', 'widget', '1.0.0', 'allow', mirror.engine.policy.revision, 'fake', { address: '127.0.0.1', client: 'npm/11.0.0', user: null, token: null }],
    )
    assert.match(served?.integrity ?? '', /^sha512-/)
    assert.deepEqual([served?.evidence?.signature, served?.evidence?.provenance], [true, true])
  })
  it('has each warm answer, once, with who asked', async () => {
    await start()
    for (let round = 0; round < 4; round++) await ask(TARBALL, { 'user-agent': `npm/${String(round)}` })
    assert.ok(mirror.engine.work.warm > 0)
    assert.deepEqual((await entries({ kinds: ['served'] })).map(({ asker }) => asker.client), ['npm/0', 'npm/1', 'npm/2', 'npm/3'])
  })
  it('counts what the same asker is given again, on every way to it', async () => {
    await start()
    for (let round = 0; round < 20; round++) await ask(TARBALL, round % 2 === 0 ? {} : { range: 'bytes=0-9' })
    assert.ok(mirror.engine.work.warm > 10)
    assert.equal(await times({ kinds: ['served'] }), 20)
    for (let round = 0; round < 5; round++) await ask(TARBALL)
    const served = await entries({ kinds: ['served'] })
    assert.equal(served.reduce((sum, entry) => sum + entry.times, 0), 25)
    assert.ok(served.length <= 4, String(served.length))
    const { coverage } = await mirror.engine.log.summary({ from: START.toISOString(), to: new Date(START.getTime() + 1000).toISOString(), bucket: 1 })
    assert.equal(coverage.served, 25)
    clock.advance(60_000)
    await ask(TARBALL)
    assert.deepEqual((await entries({ kinds: ['served'] })).slice(served.length).map((entry) => entry.times), [1])
  })
  it('does not say that bytes were served to somebody who takes others only', async () => {
    await start()
    for (let round = 0; round < 3; round++) await ask(TARBALL)
    assert.equal(await ask(TARBALL, { 'pacote-integrity': OTHER }), 403)
    const found = await entries({ kinds: ['refused'] })
    assert.deepEqual(found.map(({ reasons }) => reasons.map(({ code }) => code)), [['integrity-mismatch']])
    assert.equal(await times({ kinds: ['served'] }), 3)
  })
  it('names the user of a token, and no token', async () => {
    await start()
    const token = await register(mirror.url, 'jo')
    await ask(TARBALL, { authorization: `Bearer ${token}` })
    const [served] = await entries({ kinds: ['served'] })
    assert.equal(served?.asker.user, 'jo')
    assert.doesNotMatch(JSON.stringify(served), new RegExp(token.slice(0, 20).replace(/[^\w]/g, '.')))
  })
  it('believes X-Forwarded-For of a proxy that Verdaccio trusts, also in warm answers', async () => {
    await start({ core: { server: { trustProxy: '127.0.0.1' } } })
    for (let round = 0; round < 3; round++) await ask(TARBALL, { 'x-forwarded-for': '203.0.113.9, 198.51.100.4' })
    assert.deepEqual(new Set((await entries({ kinds: ['served'] })).map(({ asker }) => asker.address)), new Set(['198.51.100.4']))
    assert.ok(mirror.engine.work.warm > 0)
  })
  it('believes nobody else: a client would name an address of his choice', async () => {
    await start()
    for (let round = 0; round < 3; round++) await ask(TARBALL, { 'x-forwarded-for': '203.0.113.9' })
    assert.deepEqual(new Set((await entries({ kinds: ['served'] })).map(({ asker }) => asker.address)), new Set(['127.0.0.1']))
  })
  it('has each refusal, with its reasons and rule; what is withheld once, also after a restart', async () => {
    const denied = { ...POLICY, rules: [{ name: 'no widgets', packages: ['widget'], verdict: 'deny', reason: 'broken' }] }
    await start({ policy: denied })
    for (let round = 0; round < 2; round++) {
      await ask('/widget')
      assert.equal(await ask(TARBALL), 403)
    }
    await mirror.close({ keep: true })
    await start({ policy: denied, dir: mirror.dir })
    await ask('/widget')
    const all = await entries()
    assert.deepEqual(all.filter(({ kind }) => kind !== 'policy-loaded').map(({ kind }) => kind), ['withheld', 'refused', 'refused'])
    assert.deepEqual([all[2]?.rule, all[2]?.reasons[0]?.code], ['no widgets', 'denied-by-rule'])
  })
  it('has what could not be decided, where the registry does not answer', async () => {
    await start()
    registry.behave('/gadget', (response) => { response.writeHead(500).end() })
    assert.equal(await ask('/gadget/-/gadget-1.0.0.tgz'), 503)
    const last = (await entries()).at(-1)
    assert.deepEqual([last?.kind, last?.package, last?.version, last?.reasons[0]?.code], ['unavailable', 'gadget', null, 'evidence-unavailable'])
  })
  it('has what is published here, and what is refused', async () => {
    await start({ policy: { ...POLICY, rules: [{ name: 'ours are built', packages: ['@acme/*'], origin: 'local', require: { provenance: 'required' } }] } })
    const token = await register(mirror.url, 'jo')
    assert.equal((await sendPublish(mirror.url, token, publishBody({ name: 'plain', version: '1.0.0' }))).status, 201)
    assert.equal((await sendPublish(mirror.url, token, publishBody({ name: '@acme/ui', version: '1.0.0' }))).status, 403)
    const found = await entries({ kinds: ['published', 'publish-refused'] })
    assert.deepEqual(found.map(({ kind, package: name, asker, reasons }) => [kind, name, asker.user, reasons.map(({ code }) => code).join()]), [
      ['published', 'plain', 'jo', ''],
      ['publish-refused', '@acme/ui', 'jo', 'provenance-absent'],
    ])
    assert.deepEqual(await entries({ kinds: ['refused'] }), [])
  })
  it('has the first use of a waiver', async () => {
    const waived = { ...POLICY, defaults: { minimumReleaseAge: '100d', manifestRepository: 'ignore' }, waivers: [{ package: 'widget@1.0.0', waives: ['release-too-young'], reason: 'ask jo@example.org', approvedBy: 'jo', expires: '2090-04-01T00:00:00Z' }] }
    await start({ policy: waived })
    for (let round = 0; round < 3; round++) assert.equal(await ask(TARBALL), 200)
    assert.equal((await entries({ kinds: ['waiver-used'] })).length, 1)
    assert.equal(await times({ kinds: ['warned'] }), 3)
  })
  it('has who builds a package now, and that an operator approved', async () => {
    await start({ policy: { version: 1, extends: 'strict', defaults: { minimumReleaseAge: '0', manifestRepository: 'ignore' } }, uplink: { maxage: '0s' } })
    assert.equal(await ask(TARBALL), 200)
    clock.advance(60 * 86_400_000)
    registry.publish({ name: 'widget', version: '1.1.0', time: new Date('2026-03-20T00:00:00Z'), provenance: githubIdentity({ repo: 'mallory/widget', repoId: '6001', ownerId: '6002', ref: 'refs/tags/v1.1.0' }) })
    await ask('/widget')
    await ask('/widget/-/widget-1.1.0.tgz')
    await ask('/widget/-/widget-1.1.0.tgz')
    const [pending, ...more] = await entries({ kinds: ['pin-pending'] })
    assert.deepEqual([pending?.package, pending?.version, more.length], ['widget', '1.1.0', 0])
    const to = (pending?.detail?.to as { sourceRepository: string }).sourceRepository
    const options = { config: config(), to, reason: 'moved', approvedBy: 'jo@example.org' }
    await logged(options, (log) => approvePin('widget', options, log))
    const [approved] = await entries({ kinds: ['pin-approved'] })
    assert.deepEqual([approved?.package, approved?.detail?.by], ['widget', '[e-mail address]'])
  })
  it('takes entries of commands while it runs, and verifies with them', async () => {
    await start()
    await ask(TARBALL)
    await entries()
    const options = { config: config(), reason: 'a test' }
    await logged(options, (log) => resetLedger('widget@1.0.0', options, log))
    await ask(TARBALL)
    // The command has a clock of its own.
    const inOrder = (await entries()).toSorted((a, b) => a.sequence - b.sequence)
    assert.deepEqual(inOrder.map(({ kind }) => kind), ['policy-loaded', 'served', 'ledger-reset', 'served'])
    const { code, lines } = await verifyLogs(undefined, { config: options.config })
    assert.equal(code, 0, lines.join('\n'))
  })
  it('is shown, exported and verified by commands', async () => {
    await start()
    await ask(TARBALL)
    await entries()
    const file = config()
    assert.match((await showLog({ config: file, limit: '5', kind: ['served'] })).join('\n'), /^\S+ {2}served +widget@1\.0\.0 .*by 127\.0\.0\.1$/)
    const output = path.join(mirror.dir, 'export.jsonl')
    await exportLog({ config: file, output })
    assert.equal((await verifyLogs(output, { config: file })).code, 0)
    await assert.rejects(showLog({ config: file, limit: '5', from: 'yesterday' }), { name: 'ConfigurationError' })
  })
  it('has a policy that was changed, and one that was refused', async () => {
    const dir = temporaryDirectory('decision-log-policy-')
    const file = path.join(dir, 'policy.yaml')
    const write = (age: string): void => { writeFileSync(file, stringify({ ...POLICY, defaults: { minimumReleaseAge: age } })) }
    write('0')
    await start({ dir, section: { policy: file } })
    write('7d')
    mirror.engine.rollout.reload('signal')
    write('soon')
    mirror.engine.rollout.reload('signal')
    const { revision } = mirror.engine.policy
    assert.deepEqual((await entries()).toSorted((a, b) => a.sequence - b.sequence).map(({ kind, detail }) => [kind, detail?.cause]), [['policy-loaded', 'start'], ['policy-loaded', 'signal'], ['policy-refused', 'signal']])
    assert.equal((await entries({ kinds: ['policy-refused'] }))[0]?.policyRevision, revision)
  })
})
