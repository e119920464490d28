/** Every sentence of a verdict: for a developer at a terminal, naming what was expected and what was found. ASCII. */
import type { ForeignDependency, IdentityPin } from '../domain/history.ts'
import type { Predecessor, Rank } from '../domain/history.ts'
import { withoutMail } from '../domain/mail.ts'
import type { EvidenceNeeds } from '../domain/ports.ts'
import { describeBuilder, type BuiltBy } from '../domain/pins.ts'
import { reason, type Reason, type ReasonCode } from '../domain/reason.ts'

export type EvidenceKind = keyof EvidenceNeeds

/**
 * How much of a foreign text stands in a sentence; the detail has more. Clients cut a sentence at 400 characters, and what it expected and
 * found must both be in front of that, whoever chose how long one of them is.
 */
const BRIEF = 120

const EVIDENCE = {
  signature: { code: 'signature-absent', noun: 'registry signature', field: 'dist.signatures' },
  publishAttestation: { code: 'publish-attestation-absent', noun: 'publish attestation', field: 'dist.attestations' },
  provenance: { code: 'provenance-absent', noun: 'provenance', field: 'dist.attestations' },
} as const satisfies Record<EvidenceKind, { code: ReasonCode; noun: string; field: string }>

export const absent = (kind: EvidenceKind): Reason =>
  reason(EVIDENCE[kind].code, `the registry has no ${EVIDENCE[kind].noun} (${EVIDENCE[kind].field}) for it, and the policy requires one`, { missing: EVIDENCE[kind].field })

/** Of what is published here nobody but the publisher could have sent it, so the remedy is theirs to hear. */
export const publishedWithoutProvenance = (): Reason =>
  reason('provenance-absent', 'it is published here without provenance (npm publish --provenance, in CI), and the policy requires it', {
    missing: 'dist.attestations',
  })

export const pending = (kind: EvidenceKind): Reason =>
  reason('verification-pending', `its ${EVIDENCE[kind].noun} is not verified yet`, { evidence: kind })

export const withdrawn = (kind: EvidenceKind): Reason =>
  reason('evidence-withdrawn', `its ${EVIDENCE[kind].noun} was verified here before and is gone upstream`, { evidence: kind })

export const notUnderstood = (kind: EvidenceKind): Reason =>
  reason('internal-error', `the state of its ${EVIDENCE[kind].noun} is not understood`, { evidence: kind })

export const integrityNotUsable = (state: 'missing' | 'malformed'): Reason =>
  reason(
    `integrity-${state}`,
    state === 'missing' ? 'the registry gives no sha512 (dist.integrity) for its tarball' : 'its integrity is not one canonical sha512',
    state === 'missing' ? { missing: 'dist.integrity' } : undefined,
  )

export const keyExpired = (keyid: string, keyExpires: string, notBefore: Date): Reason =>
  reason('signature-key-expired', `it is signed with a key that expired on ${show(keyExpires, 40)}, before ${when(notBefore)}`, {
    keyid: show(keyid),
    keyExpires: show(keyExpires),
    notBefore: when(notBefore),
  })

/** `claimed`: the registry gives a time; without one, `notBefore` is when this mirror first saw the version, or a log did. */
export const tooYoung = (notBefore: Date, age: number, until: Date | undefined, claimed = true): Reason => {
  const missing = claimed ? {} : { missing: 'time' }
  if (until === undefined)
    return reason('release-too-young', `its publish time cannot be told, and the policy waits ${span(age)}`, { minimumReleaseAge: span(age), ...missing })
  const published = claimed ? `it was published ${when(notBefore)}` : `the registry gives no publish time (time) for it, it is known since ${when(notBefore)}`
  return reason('release-too-young', `${published} and the policy waits ${span(age)}, until ${when(until)}`, {
    minimumReleaseAge: span(age),
    notBefore: when(notBefore),
    until: when(until),
    ...missing,
  })
}

export const deniedByRule = (why: string): Reason =>
  reason('denied-by-rule', `the policy denies it, saying "${show(why, 200)}"`, { reason: show(why) })

export const noRule = (): Reason => reason('internal-error', 'no rule of the policy speaks of it, so it is refused')

export function noBranchMet(branches: readonly { readonly text: string; readonly codes: readonly ReasonCode[] }[]): Reason {
  const parts = branches.map(({ text, codes }) => `${text} (${codes.join(', ')})`)
  const detail = Object.fromEntries(parts.map((part, index) => [`branch${index + 1}`, show(part)]))
  return reason('requirement-unmet', show(`the policy asks for one of: ${parts.join('; ')}`, 280), detail)
}

const RANK_NOUNS = { none: 'nothing', signature: 'a registry signature', provenance: 'provenance' } as const satisfies Record<Rank, string>

/** `until`: from when on it is only a warning; undefined where it is one already. */
export function downgraded(
  line: 'inLine' | 'offLine',
  { version, rank, basis }: Predecessor,
  actual: Rank,
  until: Date | 'never' | undefined,
): Reason {
  const predecessor = show(version)
  const vouches = `${actual === 'none' ? 'nothing vouches' : `only ${RANK_NOUNS[actual]} vouches`} for it`
  const before = `${show(version, 60)} before it, of ${line === 'inLine' ? 'the same' : 'another'} release line,`
  const had = `${basis === 'verified' ? 'has' : 'is said to have'} ${RANK_NOUNS[rank]}`
  const then = until === undefined ? '' : until === 'never' ? ', and the policy never lets that pass' : `, and the policy waits until ${when(until)}`
  return reason('trust-downgrade', `${vouches}, while ${before} ${had}${then}`, {
    expected: rank,
    actual,
    line,
    predecessor,
    basis,
    ...(until === undefined ? {} : { until: until === 'never' ? until : when(until) }),
  })
}

const HINTS = {
  stagedPublish: { code: 'staged-publish-absent', noun: 'published in stages' },
  trustedPublisher: { code: 'trusted-publisher-absent', noun: 'published by a trusted publisher' },
} as const satisfies Record<string, { code: ReasonCode; noun: string }>

export const hintAbsent = (hint: keyof typeof HINTS): Reason =>
  reason(HINTS[hint].code, `the registry does not say that it was ${HINTS[hint].noun}, and the policy asks for that`, { hint })

export const hintLost = (hint: keyof typeof HINTS): Reason =>
  reason('trust-downgrade', `earlier versions of its release line were ${HINTS[hint].noun}, and the registry does not say so of it; unsigned either way`, {
    hint,
    line: 'inLine',
  })

export const riskyTrigger = (trigger: string): Reason =>
  reason('trigger-mismatch', `it was built on ${show(trigger, BRIEF)}, which lets strangers act with the rights of the project`, {
    expected: 'a trigger that only the project controls',
    actual: show(trigger),
  })

export const conditionUnmet = (condition: string): Reason =>
  reason('condition-unmet', `it does not meet a condition of the policy: ${show(condition, 200)}`, { condition: show(condition) })

export const mismatch = (code: ReasonCode, noun: string, expected: string, actual: string): Reason =>
  reason(code, `its provenance is certified for ${noun} ${show(actual, BRIEF)}, and the policy asks for ${show(expected, BRIEF)}`, {
    expected: show(expected),
    actual: show(actual),
  })

export const claimMissing = (claim: string, noun: string, expected: string): Reason =>
  reason(
    'identity-claim-missing',
    `the certificate of its provenance names no ${noun}, and the policy asks for ${show(expected, BRIEF)}`,
    {
      claim,
      expected: show(expected),
    },
  )

/** Nobody else built the package so far; the last of those who did is named. */
export function identityChanged(name: string, pins: readonly IdentityPin[], actual: BuiltBy | undefined, level: 'repository' | 'workflow'): Reason {
  const last = pins.toSorted((a, b) => a.since.getTime() - b.since.getTime()).at(-1)
  const said = (by: BuiltBy | undefined): string => (by === undefined ? 'none' : builder(by, level))
  const to = actual?.sourceRepositoryId ?? actual?.sourceRepository
  const approve = to === undefined ? 'no certificate that names no repository can be approved' : `verdaccio-provenance pins approve ${name} --to ${to}`
  return reason('identity-changed', `it is built by ${show(said(actual), BRIEF)}, and the package was built by ${show(said(last), BRIEF)} so far`, {
    expected: show(said(last)),
    actual: show(said(actual)),
    ...(last === undefined ? {} : { since: when(last.since), pinnedBy: show(last.version) }),
    approve: show(approve),
  })
}

const builder = (by: BuiltBy, level: 'repository' | 'workflow'): string =>
  level === 'repository' ? describeBuilder(by) : `${by.workflow ?? 'an unknown workflow'} of ${describeBuilder(by)}`

/** The same repository by its certified id: given away, or taken with the account. */
export const ownerChanged = (pinned: BuiltBy | undefined, actual: BuiltBy | undefined): Reason => {
  const [expected = 'none', now = 'none'] = [pinned, actual].map((by) => (by === undefined ? 'none' : show(describeBuilder(by), BRIEF)))
  return reason('identity-changed', `its repository belongs to another owner now: ${now}, and was ${expected}`, { expected, actual: now })
}

export const contentsUnknown = (): Reason => reason('internal-error', 'what its tarball says was not looked at')

export const noRepository = (certified: string | undefined): Reason =>
  reason('manifest-repository-mismatch', `its package.json names no repository, and its provenance is certified for ${show(certified ?? 'none', BRIEF)}`, {
    expected: show(certified ?? 'none'),
    actual: 'none',
  })

export const otherRepository = (certified: string, written: string): Reason =>
  reason('manifest-repository-mismatch', `its package.json names the repository ${shownAddress(written)}, and its provenance is certified for ${show(certified, BRIEF)}`, {
    expected: show(certified),
    actual: shownAddress(written),
  })

const SOURCES: Readonly<Record<ForeignDependency['kind'], string>> = {
  git: 'a Git repository',
  url: 'an address',
  file: 'a file or directory',
  unknown: 'of a kind that no registry serves',
}

export const foreignDependency = ({ field, name, spec, kind }: ForeignDependency): Reason =>
  reason('dependency-source', `it depends on ${show(name, 100)} as ${shownAddress(spec)}, which is ${SOURCES[kind]} and comes past this mirror`, {
    field,
    name: show(name, 100),
    spec: shownAddress(spec),
    kind,
  })

/** Of a lockfile in the tarball, which only npm up to 11 reads, and no client's user sees. */
export const lockedElsewhere = ({ field, name, spec, kind }: ForeignDependency): Reason =>
  reason('dependency-source', `the ${show(field, 40)} in its tarball has npm fetch ${show(name, 100)} as ${shownAddress(spec)}, past this mirror`, {
    field: show(field, 40),
    name: show(name, 100),
    spec: shownAddress(spec),
    kind,
  })

/** Without the user and password that an address may hold: neither is shown or logged. */
const shownAddress = (text: string): string => show(text.slice(0, 1000).replace(/(^|\/\/)[^\s/]*@(?=[^\s/])/, '$1'), BRIEF)

export const when = (date: Date): string =>
  Number.isNaN(date.getTime()) ? 'an unknown time' : date.toISOString().replace('.000Z', 'Z')

/** A duration in its largest whole unit: `36h`, `14d`. */
export function span(milliseconds: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
  ] as const
  const [unit, size] = units.find(([, size]) => milliseconds % size === 0) ?? ['s', 1000]
  return `${milliseconds / size}${unit}`
}

/**
 * Text from outside as it may be shown: printable ASCII on one line, cut at `limit`. A signer may be a person, and no e-mail
 * address is ever shown or logged.
 */
export function show(text: string, limit = 300): string {
  const printable = withoutMail(text.slice(0, 4096)).replace(/[^\x20-\x7e]+/g, '?')
  return printable.length > limit ? `${printable.slice(0, limit)}...` : printable
}
