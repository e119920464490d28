import type { HelpFor } from './words.ts'

/** No remedy here lets the version through: that somebody wants it is what an attacker counts on. */
const ANOTHER = 'Install another version, and do not fetch this one past the mirror.'
const REPORT =
  'Ask the registry for the same address from another network: if it answers the same, report the version to the registry, else look for who stands in between.'

export const FORGERY: HelpFor<'forgery'> = {
  'signature-invalid': {
    developer: "The registry's signature of this version is not over its name, version and bytes.",
    security: 'A key of the registry that is known here did not sign this name, version and integrity: the entry was changed afterwards, or the signature was taken from another version.',
    remedy: { developer: ANOTHER, security: REPORT },
  },
  'publish-attestation-invalid': {
    developer: 'The registry attests that it accepted these bytes, and the attestation does not verify.',
    security: 'The publish attestation is not signed by a key of the registry, or its log entry is not genuine.',
    remedy: { developer: ANOTHER, security: REPORT },
  },
  'provenance-invalid': {
    developer: 'The proof of who built this version does not verify.',
    security: 'Signature, certificate, log entry or timestamp of the provenance failed against the trusted root; a signer that is a person, or comes from another Sigstore instance, fails too.',
    remedy: {
      developer: ANOTHER,
      security: 'If it was built under a Sigstore instance of your own, name it in `trust.instances`; with `instance-not-allowed`, its packages there. Otherwise report the version to its maintainers.',
    },
  },
  'subject-mismatch': {
    developer: 'The proof that comes with this version is about something else.',
    security: 'An attestation names another package, version or digest than the one it is served for, several subjects, or none.',
    remedy: { developer: ANOTHER, security: REPORT },
  },
  'statement-mismatch': {
    developer: 'The proof that comes with this version contradicts itself.',
    security: 'Predicate, certificate, key hint and outer type of an attestation disagree, or two attestations of one type do: signed by one, about another.',
    remedy: { developer: ANOTHER, security: REPORT },
  },
  'manifest-mismatch': {
    developer: 'The registry promises another install than the tarball holds.',
    security: 'Name, version, dependencies, bin, install scripts, os, cpu, libc or engines of the packument and of the package.json in the tarball differ, so that reviewers and installers see two packages; or the file is no tarball an installer should read.',
    remedy: {
      developer: ANOTHER,
      security: 'Compare the two yourself: the explanation names the field. If a tool of the publisher writes them apart, tell its maintainers; the next version can be right.',
    },
  },
  'integrity-missing': {
    developer: 'The registry gives no sha512 for this version, so nothing says which bytes are right.',
    security: 'Only a shasum, or nothing, stands in the packument: versions published before 2017, mostly. A sha1 can be collided.',
    remedy: {
      developer: 'Install a newer version.',
      security: 'If it must be this one, look at the bytes, and pin them: `policy allow NAME@VERSION --waives integrity-missing --integrity sha512-...`.',
    },
  },
  'integrity-malformed': {
    developer: 'The integrity of this version is not one plain sha512.',
    security: 'Two hashes, another algorithm or another spelling: whoever checks may choose the weakest, so none is accepted.',
    remedy: { developer: ANOTHER, security: 'Report it to the registry; the publisher should publish the version anew under another number.' },
  },
  'integrity-mismatch': {
    developer: 'The bytes that arrived are not the bytes that were promised.',
    security: 'The tarball has another sha512 than the packument says. Nothing of it was served or kept, and it is asked for again at the next request.',
    remedy: { developer: 'Try again later; if it stays, install another version.', security: REPORT },
  },
  'integrity-changed': {
    developer: 'This version is not what it was when it was first verified here.',
    security: 'The packument names another sha512 than the one this mirror verified or served before. Published versions do not change.',
    remedy: {
      developer: ANOTHER,
      security: 'Find out from the registry why. Only if it explains it, forget the old bytes: `ledger reset NAME@VERSION --reason ...`.',
    },
  },
}
