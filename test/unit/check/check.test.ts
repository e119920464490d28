import assert from 'node:assert/strict'
import { check, exitCodeOf, grouped, type Addresses, type Answer, type Checked, type Subject, type VerdictSource } from '../../../plugin/check/index.ts'
import { Unavailable } from '../../../plugin/domain/errors.ts'
import { sriOf } from '../../../plugin/domain/integrity.ts'
import type { LockedPackage, LockfileFormat } from '../../../plugin/lockfile/index.ts'
import { judged, locked, refused } from './support.ts'

const MIRROR: Addresses = { mirrors: [new URL('https://npm.acme.example/npm/')], replaced: ['public.example'] }
const [OURS, OTHERS] = [sriOf('ab'.repeat(64)), sriOf('cd'.repeat(64))]

const source = (answers: Readonly<Record<string, Answer | Error>>, asked: string[] = []): VerdictSource => ({
  title: 'a test',
  judge: (name, versions) => {
    asked.push(name)
    const all = versions.map((version) => [version, answers[`${name}@${version}`] ?? judged()] as const)
    const thrown = all.map(([, answer]) => answer).find((answer) => answer instanceof Error)
    return thrown instanceof Error ? Promise.reject(thrown) : Promise.resolve(new Map(all as readonly (readonly [string, Answer])[]))
  },
  known: () => Promise.resolve('absent'),
  warm: () => Promise.resolve({ state: 'absent' }),
  isWarm: () => Promise.resolve(false),
  close: () => Promise.resolve(),
})

const subject = (packages: readonly LockedPackage[], format: LockfileFormat = 'npm'): Subject => ({ file: 'lock', format, formatVersion: '3', packages })
const run = (of: Subject, from: VerdictSource, addresses = MIRROR): Promise<Checked> => check(of, { source: from, addresses, limit: (task) => task() })
const codes = ({ findings }: Checked): readonly string[] => findings.map(({ level, code }) => `${level} ${code}`)

describe('check', () => {
  it('each package is asked about once, all its versions together', async () => {
    const asked: string[] = []
    await run(subject([locked(), locked({ version: '2.0.0' }), locked({ kind: 'alias', version: '2.0.0' })]), source({}, asked))
    assert.deepEqual(asked, ['left'])
  })
  it('what comes from no registry is not covered and asked of nobody', async () => {
    const asked: string[] = []
    const kinds = ['git', 'url', 'file', 'workspace', 'bundled'] as const
    const checked = await run(subject(kinds.map((kind) => locked({ kind }))), source({}, asked))
    assert.deepEqual(codes(checked), ['uncovered git-dependency', 'uncovered url-dependency', 'uncovered file-dependency'])
    assert.deepEqual([asked, checked.counts.workspaces, checked.counts.bundled, exitCodeOf([checked])], [[], 1, 1, 1])
  })

  const ADDRESSES: readonly (readonly [LockfileFormat, string, boolean])[] = [
    ['npm', 'https://npm.acme.example/npm/left/-/left-1.1.0.tgz', true],
    ['npm', 'https://npm.acme.example/other/left/-/left-1.1.0.tgz', false],
    ['npm', 'http://npm.acme.example/npm/left/-/left-1.1.0.tgz', false],
    ['npm', 'https://public.example/left/-/left-1.1.0.tgz', true],
    ['yarn-1', 'https://public.example/left/-/left-1.1.0.tgz#0123', false],
    ['bun', 'https://public.example/left/-/left-1.1.0.tgz', false],
    ['npm', 'https://elsewhere.example/left.tgz', false],
    ['npm', 'https://npm.acme.example.evil.test/npm/left.tgz', false],
    ['npm', 'https://npm.acme.example@evil.test/npm/left.tgz', false],
    ['npm', 'not an address', false],
  ]
  for (const [format, resolved, covered] of ADDRESSES)
    it(`[16c] ${format}, ${resolved}: ${covered ? 'comes through the mirror' : 'goes past it'}`, async () => {
      assert.deepEqual(codes(await run(subject([locked({ resolved })], format), source({}))), covered ? [] : ['uncovered past-the-mirror'])
    })

  const NAMED: readonly (readonly [string, string, Partial<LockedPackage>, boolean])[] = [
    ['another package', 'https://npm.acme.example/npm/evil/-/evil-1.1.0.tgz', {}, true],
    ['another version', 'https://npm.acme.example/npm/left/-/left-1.0.0.tgz', {}, true],
    ['a package of that name in a scope', 'https://npm.acme.example/npm/@evil/left/-/left-1.1.0.tgz', {}, true],
    ['a package of that name in a scope, escaped', 'https://npm.acme.example/npm/@evil%2fleft/-/left-1.1.0.tgz', {}, true],
    ['another scope', 'https://npm.acme.example/npm/@evil/ui/-/ui-1.1.0.tgz', { name: '@acme/ui' }, true],
    ['a file that a path leads away from', 'https://npm.acme.example/npm/left/-/left-1.1.0.tgz/../../../evil/-/evil-1.1.0.tgz', {}, true],
    ['another package at the public registry', 'https://public.example/evil/-/evil-1.1.0.tgz', {}, true],
    ['another package, with the digest of that one', 'https://npm.acme.example/npm/evil/-/evil-1.1.0.tgz', { integrity: OTHERS }, true],
    ['another package, with both digests', 'https://npm.acme.example/npm/evil/-/evil-1.1.0.tgz', { integrity: `${OURS} ${OTHERS}` }, true],
    ['a tarball that no registry has at such a place', 'https://npm.acme.example/npm/left-1.1.0.tgz', {}, true],
    ['a registry, and no tarball', 'https://npm.acme.example/npm/', {}, false],
    ['itself', 'https://npm.acme.example/npm/left/-/left-1.1.0.tgz', {}, false],
    ['itself, in a scope', 'https://npm.acme.example/npm/@acme/ui/-/ui-1.1.0.tgz', { name: '@acme/ui' }, false],
    ['itself, in a scope, escaped', 'https://npm.acme.example/npm/@acme%2fui/-/ui-1.1.0.tgz', { name: '@acme/ui' }, false],
    ['itself, with the scope in the name of the file', 'https://npm.acme.example/npm/@acme/ui/-/@acme/ui-1.1.0.tgz', { name: '@acme/ui' }, false],
    ['itself under an odd name, with the digest of the right bytes', 'https://npm.acme.example/npm/left/-/left-v1.1.0.tgz', { integrity: OURS }, false],
  ]
  for (const [what, resolved, more, other] of NAMED)
    it(`[3e] an address of ${what}: ${other ? 'is refused' : 'is right'}`, async () => {
      const one = locked({ resolved, ...more })
      const checked = await run(subject([one]), source({ [`${one.name}@1.1.0`]: judged({ integrity: OURS }) }))
      assert.equal(codes(checked).includes('refused other-tarball'), other)
      assert.equal(exitCodeOf([checked]), other ? 1 : 0)
    })

  it('[6a] a lockfile that expects other bytes than the registry has is refused, whatever the verdict', async () => {
    const checked = await run(subject([locked({ integrity: OTHERS })]), source({ 'left@1.1.0': judged({ integrity: OURS }) }))
    assert.deepEqual(codes(checked), ['refused integrity-mismatch'])
    assert.equal(exitCodeOf([checked]), 1)
  })
  it('one of several digests may be the registry\'s, and a sha1 says nothing', async () => {
    for (const integrity of [OURS, `sha1-x ${OURS}`, 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk='])
      assert.deepEqual(codes(await run(subject([locked({ integrity })]), source({ 'left@1.1.0': judged({ integrity: OURS }) }))), [])
  })

  it('an outcome that is unavailable, or no answer at all, is undecided and never allowed', async () => {
    const answers = { 'left@1.1.0': judged({ outcome: 'unavailable', reasons: [{ code: 'verification-pending', message: 'later' }] }), 'b@1.1.0': new Unavailable('evidence-unavailable', 'down') }
    const checked = await run(subject([locked(), locked({ name: 'b' })]), source(answers))
    assert.deepEqual(codes(checked), ['undecided verification-pending', 'undecided evidence-unavailable'])
    assert.deepEqual([checked.counts.allowed, exitCodeOf([checked])], [0, 3])
    const silent: VerdictSource = { ...source({}), judge: () => Promise.resolve(new Map()) }
    assert.deepEqual(codes(await run(subject([locked()]), silent)), ['undecided internal-error'])
  })
  it('what nobody has, and what only the running mirror can judge', async () => {
    const checked = await run(subject([locked(), locked({ name: 'ours' })]), source({ 'left@1.1.0': { state: 'absent' }, 'ours@1.1.0': { state: 'published-here' } }))
    assert.deepEqual(codes(checked), ['missing not-found', 'undecided published-here'])
  })
  it('the nearest version that passes, and whether the ranges allow it', async () => {
    const nearest = async (ranges: readonly string[]): Promise<boolean | undefined> => {
      const checked = await run(subject([locked({ ranges })]), source({ 'left@1.1.0': refused('provenance-absent', { nearest: '1.0.9' }) }))
      return checked.findings[0]?.nearest?.inRange
    }
    assert.deepEqual([await nearest(['^1.0.0']), await nearest(['^1.0.0', '1.1.0']), await nearest([]), await nearest(['latest'])], [true, false, undefined, undefined])
  })
  it('worst first: forgery, what is not seen at all, then the rest; warnings last', async () => {
    const answers = {
      'a@1.1.0': judged({ outcome: 'warn', reasons: [{ code: 'evidence-withdrawn', message: 'm' }] }),
      'b@1.1.0': refused('release-too-young'),
      'c@1.1.0': refused('signature-invalid'),
      'd@1.1.0': refused('signature-absent'),
      'e@1.1.0': judged({ outcome: 'unavailable', reasons: [{ code: 'evidence-unavailable', message: 'm' }] }),
    }
    const packages = ['a', 'b', 'c', 'd', 'e'].map((name) => locked({ name }))
    const { findings } = await run(subject([...packages, locked({ kind: 'git' })]), source(answers))
    assert.deepEqual(grouped(findings).map(({ code }) => code), ['signature-invalid', 'git-dependency', 'signature-absent', 'release-too-young', 'evidence-unavailable', 'evidence-withdrawn'])
  })
})
