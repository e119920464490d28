/** `explain`, `issue`, `policy diff`, `policy init`: as processes on the own store and against a running mirror, with golden outputs. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { stringify } from 'yaml'
import { configOf } from '../../plugin/cli/ledger.ts'
import { readDecisions } from '../../plugin/cli/decision-log.ts'
import { explain } from '../../plugin/cli/explain.ts'
import { diffPolicies } from '../../plugin/cli/policy-diff.ts'
import { initPolicy } from '../../plugin/cli/policy-init.ts'
import { lintPolicy } from '../../plugin/cli/show-policy.ts'
import { issue } from '../../plugin/cli/upstream-issue.ts'
import { openDecisionLog } from '../../plugin/compose-log.ts'
import { parsePolicy } from '../../plugin/compose.ts'
import type { Fetcher } from '../../plugin/domain/fetched.ts'
import { ConfigurationError } from '../../plugin/domain/errors.ts'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { LockfileError } from '../../plugin/lockfile/index.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { startTestMirror, type TestMirror } from '../support/mirror.ts'
import { githubIdentity, PrivateSigstore, REGISTRY } from '../support/private-sigstore.ts'
import { recordOf } from '../unit/notify/support.ts'

const MAIN = path.resolve(import.meta.dirname, '../../plugin/cli/main.ts')
const GOLDEN = path.resolve(import.meta.dirname, '../data/cli')
const at = (month: number): Date => new Date(Date.UTC(2025, month - 1, 10, 12))

interface Result {
  readonly code: number
  readonly out: string
  readonly err: string
}

describe('questions on the command line', function () {
  this.timeout(60_000)
  let registry: FakeRegistry
  let mirror: TestMirror
  let dir: string
  let config: string

  before(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    publishAll(registry)
    dir = mkdtempSync(path.join(tmpdir(), 'questions-'))
    config = path.join(dir, 'config.yaml')
    writeFileSync(path.join(dir, 'root.json'), JSON.stringify(registry.sigstore.trustedRoot()))
    writeFileSync(path.join(dir, 'keys.json'), JSON.stringify(registry.sigstore.registryKeys()))
    writeFileSync(path.join(dir, 'package-lock.json'), JSON.stringify(LOCKFILE))
    writeFileSync(path.join(dir, 'lax.yaml'), stringify(LAX))
    writeFileSync(path.join(dir, 'hard.yaml'), stringify(HARD))
    const uplinks = { fake: { url: registry.url, timeout: '2s', trust: { registry: REGISTRY, registryKeys: './keys.json' } } }
    const provenance = { policy: './hard.yaml', uplinks, trust: { trustedRoot: './root.json', offline: true } }
    writeFileSync(config, stringify({ storage: './storage', packages: { '**': { access: '$all' } }, middlewares: { provenance } }))
    // Both judge alike: what one has seen makes no difference here.
    mirror = await startTestMirror({ registry, policy: HARD })
  })
  after(async () => {
    await mirror.close()
    await registry.close()
    rmSync(dir, { recursive: true, force: true })
  })

  const run = (...args: readonly string[]): Promise<Result> =>
    new Promise((resolve) => {
      const env = { ...process.env, FORCE_COLOR: undefined, NO_COLOR: '1', HOME: dir }
      execFile(process.execPath, ['--no-warnings', MAIN, ...args], { cwd: dir, env }, (error, out, err) => {
        resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, out, err })
      })
    })
  const own = (...args: readonly string[]): Promise<Result> => run(...args, '--config', config)
  /** In this process, which is faster; terminals and exit codes are the processes'. */
  const here = async (answer: Promise<{ readonly code: number; readonly lines: readonly string[] } | readonly string[]>): Promise<{ code: number; out: string }> => {
    const found = await answer
    const [code, lines] = 'code' in found ? [found.code, found.lines] : [0, found]
    return { code, out: stripVTControlCharacters(`${lines.join('\n')}\n`).replaceAll(`${dir}/`, '') }
  }
  const inDir = (file: string): string => path.join(dir, file)
  const diff = (before_: string, after_: string, more: object = { lockfile: [inDir('package-lock.json')] }) => here(diffPolicies(before_, after_, { config, ...more }))

  it('explain: a refused version, all about it, in 80 columns', async () => {
    const { code, out } = await own('explain', '@acme/ui@2.1.0')
    golden('explain-version.txt', out)
    assert.equal(code, 1)
    assert.deepEqual(tooWide(out), [])
  })

  it('explain: a package, where a change of who builds it and the end of provenance jump out', async () => {
    const { code, out } = await here(explain('@acme/ui', { config }))
    golden('explain-package.txt', out)
    assert.equal(code, 0)
    assert.deepEqual(tooWide(out), [])
  })

  it('explain: who built a version, each part with its link', async () => {
    const { out } = await here(explain('@acme/ui@3.0.0', { config }))
    const [, built = ''] = out.split('Built by\n')
    golden('explain-built-by.txt', built.replace(/\b\d{7}\b/g, 'INDEX'))
  })

  it('explain: against a running mirror, the same', async () => {
    const [mine, theirs] = [await here(explain('@acme/ui@2.0.0', { config })), await here(explain('@acme/ui@2.0.0', { mirror: mirror.url }))]
    assert.equal(theirs.out, mine.out)
    assert.deepEqual([mine.code, theirs.code], [0, 0])
  })

  it('explain: --json is the document of the mirror', async () => {
    const { out } = await here(explain('legacy@1.0.0', { config, json: true }))
    const document = JSON.parse(out) as JsonObject
    const theirs = await mirror.json('/-/provenance/v1/packages/legacy/1.0.0')
    assert.deepEqual(document, theirs)
  })

  it('explain: exit codes 2 for what is not known, 3 for a mirror that cannot be reached; one sentence each', async () => {
    const results = await Promise.all([own('explain', '@acme/ui@9.9.9'), run('explain', 'legacy', '--mirror', 'http://127.0.0.1:9')])
    assert.deepEqual(results.map(({ code }) => code), [2, 3])
    assert.deepEqual(results.map(({ out, err }) => [out, err.trim().split('\n').length]), [['', 1], ['', 1]])
    assert.match(results[0].err, /3\.0\.0, 2\.1\.0, 2\.0\.0/)
  })

  it('explain: neither an unknown package nor nonsense is taken for an answer', async () => {
    for (const spec of ['nowhere', 'x y', '@acme/ui@']) await assert.rejects(explain(spec, { config }), ConfigurationError)
    await assert.rejects(explain('legacy', { mirror: 'ftp://mirror.example' }), ConfigurationError)
    await assert.rejects(explain('legacy', { mirror: mirror.url, config }), ConfigurationError)
    await assert.rejects(explain('legacy', { mirror: `${registry.url}/-/npm/v1/keys?` }), ConfigurationError)
  })

  it('explain: what cannot be judged now is undecided', async () => {
    const off = registry.status('/-/npm/v1/attestations/late@1.0.0', 500)
    const { code } = await here(explain('late@1.0.0', { config }))
    off.off()
    assert.equal(code, 3)
  })

  it('issue: asks to restore provenance, with the evidence', async () => {
    const { code, out } = await here(issue('@acme/ui@2.1.0', { config }))
    golden('issue-restore.md', out)
    assert.equal(code, 0)
  })

  it('issue: asks to publish with provenance', async () => {
    const { out } = await here(issue('legacy@1.0.0', { config }))
    golden('issue-publish.md', out)
  })

  it('issue: asks for nothing where there is provenance, or later versions have it', async () => {
    for (const spec of ['@acme/ui@2.0.0', 'started@1.0.0', '@acme/ui']) await assert.rejects(async () => issue(spec, { config }), ConfigurationError)
  })

  it('policy diff: both ways over a lockfile, and 1 when something that was served is refused', async () => {
    const forth = await own('policy', 'diff', 'lax.yaml', 'hard.yaml', '--lockfile', 'package-lock.json')
    const back = await diff(inDir('hard.yaml'), inDir('lax.yaml'), { lockfile: [inDir('package-lock.json')], json: true })
    golden('policy-diff.txt', forth.out)
    assert.deepEqual([forth.code, back.code], [1, 0])
    const { changes } = JSON.parse(back.out) as { readonly changes: readonly { readonly spec: string; readonly old: { readonly said: string }; readonly new: { readonly served: boolean } }[] }
    assert.deepEqual(changes.map(({ spec, old, new: next }) => [spec, old.said, next.served]), [['legacy@1.0.0', 'deny', true]])
  })

  it('policy diff: over what was given out, and who has what the new policy refuses', async () => {
    await assert.rejects(diff(inDir('lax.yaml'), inDir('hard.yaml'), { fetched: true }), ConfigurationError)
    const { log } = openDecisionLog(configOf({ config }), { readOnly: false, warn: (message) => assert.fail(message) })
    const carol = { address: '10.1.2.3', client: 'npm/11', user: 'carol', token: null }
    for (const [kind, name] of [['served', 'legacy'], ['served', '@acme/ui'], ['refused', 'other']] as const) log.add(recordOf({ kind, package: name, version: '1.0.0', asker: carol }))
    await log.close()
    const { code, out } = await diff(inDir('lax.yaml'), inDir('hard.yaml'), { fetched: true, json: true })
    const { changes, versions, fetched } = JSON.parse(out) as { readonly changes: readonly { readonly spec: string }[]; readonly versions: number; readonly fetched: readonly Fetcher[] }
    assert.deepEqual([code, versions, changes.map(({ spec }) => spec)], [1, 2, ['legacy@1.0.0']])
    assert.deepEqual(fetched.map(({ user, versions: given }) => [user, ...given.map(({ package: name, version }) => `${name}@${version}`)]), [['carol', 'legacy@1.0.0']])
    assert.match((await diff(inDir('lax.yaml'), inDir('hard.yaml'), { fetched: true })).out, /who fetched what the new policy refuses[\s\S]*carol {2}10\.1\.2\.3[\s\S]*legacy@1\.0\.0 {2}once/)
  })

  it('policy diff: over a log; nothing changes between a policy and itself, and no versions is a mistake', async () => {
    writeFileSync(path.join(dir, 'mirror.log'), LOG.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'))
    const same = await diff(inDir('hard.yaml'), inDir('hard.yaml'), { log: inDir('mirror.log') })
    assert.equal(same.code, 0)
    // A mirror's own decision log is what there is to compare over, where there is one.
    for (const end of ['', '-wal', '-shm']) rmSync(inDir(`provenance-decisions.db${end}`), { force: true })
    await assert.rejects(diff('observe', 'strict', {}), ConfigurationError)
    await assert.rejects(diff('observe', 'nowhere.yaml'), ConfigurationError)
    await assert.rejects(diff('observe', 'strict', { log: inDir('hard.yaml') }), ConfigurationError)
    await assert.rejects(diff('observe', 'strict', { lockfile: [inDir('hard.yaml')] }), LockfileError)
    assert.match(same.out, /0 of 2 versions change/)
  })

  it('policy lint --log: names the waivers that were not needed', async () => {
    const waivers = ['legacy@1.0.0', 'solo@1.0.0'].map((spec) => ({ package: spec, waives: ['provenance-absent'], reason: 'x', approvedBy: 'y', expires: '2099-01-01' }))
    const policy = { version: 1, extends: 'recommended', defaults: { provenance: 'required' }, waivers }
    const [first] = parsePolicy(policy, 'policy').waivers
    const line = { decision: 'warned', package: 'legacy', version: '1.0.0', waivers: [first?.id], at: '2026-01-02T00:00:00.000Z' }
    writeFileSync(path.join(dir, 'waived.yaml'), stringify(policy))
    writeFileSync(path.join(dir, 'waived.log'), JSON.stringify(line))
    const { out } = await here(Promise.resolve(lintPolicy(inDir('waived.yaml'), { decisions: await readDecisions(inDir('waived.log')) })))
    assert.match(out, /warning: .*solo@1\.0\.0: was not needed/)
    assert.match(out, /waiver for legacy@1\.0\.0 \(provenance-absent\): used 1 times/)
    assert.doesNotMatch(out, /legacy@1\.0\.0: was not needed/)
  })

  it('policy init: a policy that lints clean, twice the same, and refuses nothing that is in use once its waivers stand', async () => {
    const first = await own('policy', 'init')
    const second = await initPolicy([inDir('package-lock.json')], { config })
    assert.equal(first.out, second.text)
    assert.equal(first.code, 0)
    const today = new Date().toISOString().slice(0, 10)
    const expires = new Date(Date.now() + 90 * 86_400_000).toISOString().slice(0, 10)
    golden('policy-init.yaml', first.out.replaceAll(today, 'TODAY').replaceAll(expires, 'EXPIRES'))
    const policy = parsePolicy(first.out, 'proposal')
    assert.deepEqual([policy.mode, policy.warnings], ['monitor', []])
    writeFileSync(path.join(dir, 'proposed.yaml'), first.out.replace('mode: monitor', 'mode: enforce'))
    assert.equal((await diff(inDir('lax.yaml'), inDir('proposed.yaml'))).code, 0)
    assert.doesNotMatch((await diff('observe', inDir('proposed.yaml'))).out, /REFUSED/)
  })
})

/** Compared with what is committed; written where it is missing, by a person. */
function golden(file: string, output: string): void {
  // Digests change with the preset, and with the zlib that packed the tarballs.
  const actual = output.replace(/policy [0-9a-f]{12}/g, 'policy REVISION').replace(/sha512-[\w+/]{86}==/g, 'sha512-BYTES')
  const place = path.join(GOLDEN, file)
  if (!existsSync(place) && process.env.CI !== 'true') writeFileSync(place, actual)
  assert.equal(actual, readFileSync(place, 'utf8'))
}

/** What is one word, such as an address, stays whole. */
const tooWide = (text: string): readonly string[] => text.split('\n').filter((line) => line.length > 80 && line.trim().includes(' ') && !/(https:|sha512-)\S{40,}/.test(line))

const LAX = { version: 1, extends: 'recommended', mode: 'enforce' }
const HARD = { version: 1, extends: 'recommended', rules: [{ name: 'Nothing without provenance', packages: ['**'], require: { provenance: 'required', identityPin: 'repository' } }] }

const LOCKED = ['@acme/ui@2.0.0', '@acme/core@1.0.0', 'legacy@1.0.0', 'solo@1.0.0']
const LOCKFILE = {
  name: 'project',
  version: '1.0.0',
  lockfileVersion: 3,
  packages: {
    '': { name: 'project', version: '1.0.0', dependencies: Object.fromEntries(LOCKED.map((spec) => [spec.slice(0, spec.lastIndexOf('@')), '*'])) },
    ...Object.fromEntries(LOCKED.map((spec) => [`node_modules/${spec.slice(0, spec.lastIndexOf('@'))}`, { version: spec.slice(spec.lastIndexOf('@') + 1) }])),
    'node_modules/unsigned': { version: '1.0.0' },
    'node_modules/from-git': { version: '1.0.0', resolved: 'git+ssh://git@github.com/acme/from-git.git#abc' },
  },
}
const decision = (spec: string): object => ({ level: 40, decision: 'served', package: spec.slice(0, spec.lastIndexOf('@')), version: spec.slice(spec.lastIndexOf('@') + 1), at: '2026-01-02T00:00:00.000Z' })
const LOG = ['not JSON', { level: 30, msg: 'something else' }, decision('legacy@1.0.0'), decision('solo@1.0.0'), decision('solo@1.0.0'), '{"decision":"served","pack']

function publishAll(registry: FakeRegistry): void {
  const acme = (tag: string) => githubIdentity({ repo: 'acme/ui', ref: `refs/tags/${tag}`, runId: '7' })
  registry.publish({ name: '@acme/ui', version: '1.0.0', time: at(1), provenance: acme('v1.0.0') })
  registry.publish({ name: '@acme/ui', version: '2.0.0', time: at(3), provenance: acme('v2.0.0') })
  registry.publish({ name: '@acme/ui', version: '2.1.0', time: at(5) })
  const globex = githubIdentity({ repo: 'globex/ui', repoId: '6001', ownerId: '7001', ref: 'refs/tags/v3.0.0', event: 'pull_request_target' })
  registry.publish({ name: '@acme/ui', version: '3.0.0', time: at(7), provenance: globex })
  registry.publish({ name: '@acme/core', version: '1.0.0', time: at(2), provenance: githubIdentity({ repo: 'acme/core', repoId: '1002' }) })
  registry.publish({ name: 'solo', version: '1.0.0', time: at(2), provenance: githubIdentity({ repo: 'solo/solo', repoId: '9001', ownerId: '9002', workflow: '.github/workflows/ship.yml' }) })
  registry.publish({ name: 'legacy', version: '1.0.0', time: at(1) })
  registry.publish({ name: 'late', version: '1.0.0', time: at(1), provenance: githubIdentity({ repo: 'acme/late' }) })
  registry.publish({ name: 'started', version: '1.0.0', time: at(1) })
  registry.publish({ name: 'started', version: '1.1.0', time: at(2), provenance: githubIdentity({ repo: 'acme/started' }) })
  registry.publish({ name: 'unsigned', version: '1.0.0', time: at(1), signed: false })
}
