import type { HelpFor } from './words.ts'

export const EVIDENCE: HelpFor<'evidence'> = {
  'signature-absent': {
    developer: 'This version is not signed by its registry, and the policy asks for that.',
    security: 'dist.signatures is missing or empty though the policy requires a signature, or this registry is known to sign every version.',
    remedy: {
      developer: 'Install a version that is signed.',
      security: 'A registry that never signs is told from one that hides signatures by `signs` of its uplink. Let one version through with `policy allow NAME@VERSION --waives signature-absent`.',
    },
  },
  'signature-key-unknown': {
    developer: 'This version is signed with a key that the mirror does not know.',
    security: 'The keyid is in none of the keys that TUF or `registryKeys` give for this registry. New keys were looked for first.',
    remedy: {
      developer: 'Install another version, and tell whoever runs the mirror.',
      security: 'If the registry announced a new key, add it to `registryKeys`, or check that the mirror reaches TUF. Do not take the key from the answer that uses it.',
    },
  },
  'signature-key-expired': {
    developer: 'This version is signed with a key that had expired before it can have been published.',
    security: 'The key ended before `notBefore`: whoever holds an old key can sign today and claim an old publish time.',
    remedy: {
      developer: 'Install another version.',
      security: 'Ask the registry whether the version is old. If this mirror learned of it late, `policy allow NAME@VERSION --waives signature-key-expired --integrity sha512-...`.',
    },
  },
  'publish-attestation-absent': {
    developer: 'The registry does not attest that it accepted this version, and the policy asks for that.',
    security: 'Registries publish this attestation with provenance, mostly; `publishAttestation: required` refuses all that has none.',
    remedy: {
      developer: 'Install a version that has one, or ask for a waiver.',
      security: 'Ask for it by rule, for packages that have it; or `policy allow NAME@VERSION --waives publish-attestation-absent`.',
    },
  },
  'provenance-absent': {
    developer: 'Nothing proves who built this version, and the policy asks for that.',
    security: 'The version has no provenance though a rule requires it: a release by hand, or by somebody who only has a publish token.',
    remedy: {
      developer: 'Install a version that has provenance, or ask for a waiver.',
      security: 'Ask the maintainers whether they published it by hand. If so, `policy allow NAME@VERSION --waives provenance-absent --integrity sha512-...`.',
    },
  },
  'provenance-unsupported': {
    developer: 'The proof of who built this version is of a kind the mirror cannot judge.',
    security: 'The announced predicate type is neither SLSA provenance v0.2 nor v1. What is not understood does not count.',
    remedy: {
      developer: 'Install another version.',
      security: 'Look at the attestation yourself; `policy allow NAME@VERSION --waives provenance-unsupported --integrity sha512-...` if it convinces you.',
    },
  },
  'attestation-missing': {
    developer: 'The registry announces a proof of this version, and does not have it.',
    security: 'The packument announces attestations and their endpoint says 404, or leaves the announced kind out: lost, or stripped on the way.',
    remedy: {
      developer: 'Try again in a minute; if it stays, install another version.',
      security: 'Ask the registry itself. An uplink that is a mirror and does not pass attestations on needs an address that does, in `attestations`.',
    },
  },
}

export const UNAVAILABLE: HelpFor<'unavailable'> = {
  'evidence-unavailable': {
    developer: 'The registry did not answer, so nothing was decided.',
    security: 'An upstream timed out, failed or answered with something unreadable. This is no refusal, and is not stored.',
    remedy: {
      developer: 'Try again.',
      security: 'Look at the uplink. `onUnavailable: allow` serves without the evidence that is only `ifPresent`, and says so.',
    },
  },
  'verification-pending': {
    developer: 'The proof of this version is not verified yet.',
    security: 'Under `listing: verified`, or where a condition reads evidence, a version waits until its evidence was fetched and verified.',
    remedy: { developer: 'Try again in a few seconds.', security: 'None is needed; if it stays, look at the uplink and at the load of the mirror.' },
  },
  'trust-material-stale': {
    developer: 'The mirror is fetching new keys, so nothing was decided.',
    security: 'The evidence rests on a key, CA or log that the trust material does not name, and newer material is on its way.',
    remedy: { developer: 'Try again in a minute.', security: 'If it stays, check that the mirror reaches TUF, or that its files are current.' },
  },
  'internal-error': {
    developer: 'The mirror failed, so nothing was decided.',
    security: 'Something was thrown or not understood here. Whatever it was, nothing was let through by it.',
    remedy: { developer: 'Try again, and tell whoever runs the mirror.', security: 'The log has the error. If it stays, report it with the log line.' },
  },
}
