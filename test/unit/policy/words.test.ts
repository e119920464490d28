/** Every sentence of a verdict, whoever wrote the parts of it: what a person at a terminal is told when an install is refused. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { isReasonCode, REASON_CODES, type Reason, type ReasonCode } from '../../../plugin/domain/reason.ts'
import * as words from '../../../plugin/policy/words.ts'

const ROOT = path.resolve(import.meta.dirname, '../../..')
const AT = new Date('2026-06-01T00:00:00Z')
const NEVER = new Date(Number.NaN)

/** What an upstream, a certificate or an author of a policy might write. */
const TEXTS = ['v1.0.0', 'x'.repeat(5000), 'two\nlines\u001b[31m', 'p\u0430ckage \u{1f600}', 'mallory <mallory@evil.example>', '', 'https://user:hunter2@host.example/a'] as const

const builder = (text: string) => ({
  issuer: text,
  sourceRepository: text === '' ? undefined : text,
  sourceRepositoryId: '1',
  sourceOwnerId: '2',
  workflow: text,
})
const pin = (text: string) => ({ ...builder(text), version: text, since: AT, latest: AT, because: 'settled' as const, until: undefined })
const MISMATCHES: readonly ReasonCode[] = REASON_CODES.filter((code) => code.endsWith('-mismatch'))

const made = (text: string): readonly Reason[] => [
  ...(['signature', 'publishAttestation', 'provenance'] as const).flatMap((kind) => [words.absent(kind), words.pending(kind), words.withdrawn(kind), words.notUnderstood(kind)]),
  words.publishedWithoutProvenance(),
  words.integrityNotUsable('missing'),
  words.integrityNotUsable('malformed'),
  words.keyExpired(text, text, AT),
  words.tooYoung(AT, 86_400_000, AT),
  words.tooYoung(NEVER, 90_000, undefined),
  words.deniedByRule(text),
  words.noRule(),
  words.noBranchMet([{ text, codes: ['provenance-absent'] }, { text, codes: ['release-too-young'] }]),
  ...(['inLine', 'offLine'] as const).flatMap((line) =>
    ([AT, 'never', undefined] as const).map((until) => words.downgraded(line, { version: text, rank: 'provenance', basis: 'claimed', notBefore: AT }, 'none', until)),
  ),
  ...(['stagedPublish', 'trustedPublisher'] as const).flatMap((hint) => [words.hintAbsent(hint), words.hintLost(hint)]),
  words.riskyTrigger(text),
  words.conditionUnmet(text),
  ...MISMATCHES.map((code) => words.mismatch(code, 'source repository', text, text)),
  words.claimMissing('runner', 'runner', text),
  words.identityChanged('widget', [pin(text)], builder(text), 'workflow'),
  words.identityChanged('widget', [], undefined, 'repository'),
  words.ownerChanged(builder(text), builder(text)),
  words.contentsUnknown(),
  words.noRepository(text),
  words.otherRepository(text, text),
  words.foreignDependency({ field: 'dependencies', name: text, spec: text, kind: 'git' }),
  words.lockedElsewhere({ field: text, name: text, spec: text, kind: 'url' }),
]

const REASONS = TEXTS.flatMap((text) => made(text))
const MAX = 340

describe('policy: sentences', () => {
  it('every function that makes one is tried', () => {
    const HELPERS = ['when', 'span', 'show']
    const source = readFileSync(import.meta.filename, 'utf8')
    assert.deepEqual(Object.keys(words).filter((name) => !HELPERS.includes(name) && !source.includes(`words.${name}(`)), [])
  })
  const rejects = (title: string, isBad: (reason: Reason) => boolean): void => {
    it(title, () => assert.deepEqual(REASONS.filter(isBad).map(({ code, message }) => `${code}: ${message.slice(0, 200)}`), []))
  }
  rejects('printable ASCII on one line', ({ message, detail = {} }) => [message, ...Object.values(detail)].some((text) => !/^[\x20-\x7e]*$/.test(text)))
  rejects('one clause to go on with: no capital, no full stop', ({ message }) => /^[A-Z]/.test(message) || /[.!]$/.test(message.replace(/\.\.\.$/, '')))
  rejects(`at most ${String(MAX)} characters, so that it fits a reason phrase with what stands around it`, ({ message }) => message.length > MAX)
  rejects('no e-mail address and no password', ({ message, detail = {} }) => [message, ...Object.values(detail)].some((text) => /mallory@evil|hunter2/.test(text)))
  rejects('no hole where something was not known', ({ message }) => /undefined|null|NaN|\[object|Invalid Date/.test(message))

  it('a mismatch names what was expected and what was found, however long one of them is', () => {
    for (const [expected, actual] of [['https://github.com/acme/*', 'y'.repeat(5000)], ['z'.repeat(5000), 'https://github.com/evil/x']] as const) {
      for (const code of MISMATCHES) {
        const { message, detail } = words.mismatch(code, 'source repository', expected, actual)
        for (const part of [expected.slice(0, 20), actual.slice(0, 20)]) assert.ok(message.includes(part), `${code}: ${part}`)
        assert.ok(detail?.expected !== undefined && detail.actual !== undefined, code)
      }
    }
  })
  it('what waits says until when', () => {
    for (const { message, detail } of [words.tooYoung(AT, 1000, AT), words.downgraded('inLine', { version: '1.0.0', rank: 'provenance', basis: 'verified', notBefore: AT }, 'none', AT)]) {
      assert.ok(message.includes('2026-06-01T00:00:00Z'), message)
      assert.equal(detail?.until, '2026-06-01T00:00:00Z')
    }
  })
})

/** Sentences that are written where the reason is found. */
const WRITTEN = globSync('plugin/**/*.ts', { cwd: ROOT }).flatMap((file) =>
  [...readFileSync(path.join(ROOT, file), 'utf8').matchAll(/\b(?:reason|fault|invalid|unsupported|new Fault|new Unavailable)\(\s*'([a-z-]+)',\s*(?:`([^`]*)`|'((?:[^'\\]|\\.)*)'|"([^"]*)")/g)].map(
    ([, code = '', template, single, double]) => ({ file, code, text: template ?? single ?? double ?? '' }),
  ),
)

describe('sentences in the source', () => {
  it('there are many', () => assert.ok(WRITTEN.length > 30, String(WRITTEN.length)))
  const rejects = (title: string, isBad: (one: (typeof WRITTEN)[number]) => boolean): void => {
    it(title, () => assert.deepEqual(WRITTEN.filter(isBad).map(({ file, text }) => `${file}: ${text}`), []))
  }
  rejects('have a code', ({ code }) => !isReasonCode(code))
  rejects('are ASCII', ({ text }) => !/^[\x20-\x7e]*$/.test(text))
  rejects('begin small and have no full stop', ({ text }) => /^[A-Z]/.test(text) || /[.!]$/.test(text))
  rejects('are short without what is put in', ({ text }) => text.replace(/\$\{[^}]*\}/g, '').length > 200)
})
