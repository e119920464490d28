/** Every sentence of a verdict: for a developer at a terminal, naming what was expected and what was found. ASCII. */
import type { EvidenceNeeds } from '../domain/ports.ts'
import { reason, type Reason, type ReasonCode } from '../domain/reason.ts'

export type EvidenceKind = keyof EvidenceNeeds

const EVIDENCE = {
  signature: { code: 'signature-absent', noun: 'registry signature' },
  publishAttestation: { code: 'publish-attestation-absent', noun: 'publish attestation' },
  provenance: { code: 'provenance-absent', noun: 'provenance' },
} as const satisfies Record<EvidenceKind, { code: ReasonCode; noun: string }>

export const absent = (kind: EvidenceKind): Reason =>
  reason(EVIDENCE[kind].code, `the registry has no ${EVIDENCE[kind].noun} for it, and the policy requires one`)

export const pending = (kind: EvidenceKind): Reason =>
  reason('verification-pending', `its ${EVIDENCE[kind].noun} is not verified yet`, { evidence: kind })

export const withdrawn = (kind: EvidenceKind): Reason =>
  reason('evidence-withdrawn', `its ${EVIDENCE[kind].noun} was verified here before and is gone upstream`, { evidence: kind })

export const notUnderstood = (kind: EvidenceKind): Reason =>
  reason('internal-error', `the state of its ${EVIDENCE[kind].noun} is not understood`, { evidence: kind })

export const integrityNotUsable = (state: 'missing' | 'malformed'): Reason =>
  reason(
    `integrity-${state}`,
    state === 'missing' ? 'the registry gives no sha512 for its tarball' : 'its integrity is not one canonical sha512',
  )

export const keyExpired = (keyid: string, keyExpires: string, notBefore: Date): Reason =>
  reason('signature-key-expired', `it is signed with a key that expired on ${show(keyExpires)}, before ${when(notBefore)}`, {
    keyid: show(keyid),
    keyExpires: show(keyExpires),
    notBefore: when(notBefore),
  })

export const tooYoung = (notBefore: Date, age: number, until: Date | undefined): Reason =>
  until === undefined
    ? reason('release-too-young', `its publish time cannot be told, and the policy waits ${span(age)}`, {
        minimumReleaseAge: span(age),
      })
    : reason('release-too-young', `it was published ${when(notBefore)} and the policy waits ${span(age)}, until ${when(until)}`, {
        minimumReleaseAge: span(age),
        notBefore: when(notBefore),
        until: when(until),
      })

export const deniedByRule = (why: string): Reason =>
  reason('denied-by-rule', `a rule of the policy refuses it: ${show(why)}`, { reason: show(why) })

export const noRule = (): Reason => reason('internal-error', 'no rule of the policy speaks of it, so it is refused')

export function noBranchMet(branches: readonly { readonly text: string; readonly codes: readonly ReasonCode[] }[]): Reason {
  const parts = branches.map(({ text, codes }) => `${text} (${codes.join(', ')})`)
  const detail = Object.fromEntries(parts.map((part, index) => [`branch${index + 1}`, show(part)]))
  return reason('requirement-unmet', show(`the policy asks for one of: ${parts.join('; ')}`, 600), detail)
}

const HINTS = {
  stagedPublish: { code: 'staged-publish-absent', noun: 'published in stages' },
  trustedPublisher: { code: 'trusted-publisher-absent', noun: 'published by a trusted publisher' },
} as const satisfies Record<string, { code: ReasonCode; noun: string }>

export const hintAbsent = (hint: keyof typeof HINTS): Reason =>
  reason(HINTS[hint].code, `the registry does not say that it was ${HINTS[hint].noun}, and the policy asks for that`, { hint })

export const riskyTrigger = (trigger: string): Reason =>
  reason('trigger-mismatch', `it was built on ${show(trigger)}, which lets strangers act with the rights of the project`, {
    expected: 'a trigger that only the project controls',
    actual: show(trigger),
  })

export const conditionUnmet = (condition: string): Reason =>
  reason('condition-unmet', `it does not meet a condition of the policy: ${show(condition)}`, { condition: show(condition) })

export const mismatch = (code: ReasonCode, noun: string, expected: string, actual: string): Reason =>
  reason(code, `its provenance is certified for ${noun} ${show(actual)}, and the policy asks for ${show(expected)}`, {
    expected: show(expected),
    actual: show(actual),
  })

export const claimMissing = (claim: string, noun: string, expected: string): Reason =>
  reason(
    'identity-claim-missing',
    `the certificate of its provenance names no ${noun}, and the policy asks for ${show(expected)}`,
    {
      claim,
      expected: show(expected),
    },
  )

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

const EMAIL = /[^\s/@:<>()]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}/g

/**
 * Text from outside as it may be shown: printable ASCII on one line, cut at `limit`. A signer may be a person, and no e-mail
 * address is ever shown or logged.
 */
export function show(text: string, limit = 300): string {
  const printable = text
    .slice(0, 4096)
    .replace(EMAIL, '[e-mail address]')
    .replace(/[^\x20-\x7e]+/g, '?')
  return printable.length > limit ? `${printable.slice(0, limit)}...` : printable
}
