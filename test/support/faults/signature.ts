import type { RegistrySignature } from '../../../plugin/domain/packument.ts'
import { PrivateSigstore } from '../private-sigstore.ts'
import type { Draft } from '../registry/draft.ts'
import { integrityOf } from '../tarball.ts'
import { withDist, withoutDist, type Fault } from './kit.ts'
import type { FaultId } from './ids.ts'

const foreign = PrivateSigstore.create({ name: 'foreign-registry' })
/** Before the registry's first key ended. */
const BACKDATED = new Date('2024-06-01T00:00:00Z')

const signed = (draft: Draft, ...signatures: readonly RegistrySignature[]): Draft =>
  withDist(draft, { signatures: signatures.map((signature) => ({ ...signature })) })

/** Another `integrity`, signed as it is: the signature is not what is wrong. */
const respelled = (draft: Draft, integrity: string): Draft =>
  signed(withDist(draft, { integrity }), draft.sigstore.signRegistry(draft.name, draft.version, integrity))

/** The same sha512 to a lenient decoder: the unused bits of the last character are set. */
const notCanonical = (integrity: string): string => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  const last = alphabet.indexOf(integrity.at(-3) ?? 'A')
  return `${integrity.slice(0, -3)}${alphabet.charAt(last | 1)}==`
}

export const SIGNATURE_FAULTS = {
  '1a': {
    title: 'signature of another version',
    apply: (draft) => signed(draft, draft.sigstore.signRegistry(draft.name, '99.0.0', draft.integrity)),
  },
  '1b': {
    title: 'signature of another package',
    apply: (draft) => signed(draft, draft.sigstore.signRegistry(`${draft.name}-other`, draft.version, draft.integrity)),
  },
  '1c': {
    title: 'signature of another integrity',
    apply: (draft) => signed(draft, draft.sigstore.signRegistry(draft.name, draft.version, integrityOf(Buffer.from('other')))),
  },
  '1d': {
    title: 'signature by an unknown key',
    apply: (draft) => signed(draft, foreign.signRegistry(draft.name, draft.version, draft.integrity)),
  },
  '1e': {
    title: 'signature by another key under a known keyid',
    apply: (draft) => {
      const { sig } = foreign.signRegistry(draft.name, draft.version, draft.integrity)
      return signed(draft, { keyid: draft.sigstore.registryKey.keyid, sig })
    },
  },
  '1f': { title: 'signature missing where required', apply: (draft) => withoutDist(draft, 'signatures') },
  '1g': { title: 'empty list of signatures', apply: (draft) => signed(draft) },
  '1h': {
    title: 'one good signature, one bad',
    apply: (draft) => {
      const { name, version, integrity, sigstore } = draft
      return signed(draft, sigstore.signRegistry(name, version, integrity), sigstore.signRegistry(name, '99.0.0', integrity))
    },
  },
  '1i': {
    title: 'key expired before notBefore though time is backdated',
    prepare: (options) => ({ ...options, time: BACKDATED }),
    apply: (draft) => {
      const { name, version, integrity, sigstore } = draft
      return signed(draft, sigstore.signRegistry(name, version, integrity, sigstore.expiredKey))
    },
  },
  '1j': {
    title: 'integrity with two hashes',
    apply: (draft) => respelled(draft, `${draft.integrity} ${integrityOf(Buffer.from('other bytes'))}`),
  },
  '1j.canonical': { title: 'integrity not canonical', apply: (draft) => respelled(draft, notCanonical(draft.integrity)) },
  '1j.sha1': { title: 'integrity of sha1 only', apply: (draft) => respelled(draft, integrityOf(draft.tarball, 'sha1')) },
  '1j.missing': { title: 'no integrity, a shasum only', apply: (draft) => withoutDist(draft, 'integrity', 'signatures') },
} satisfies Partial<Record<FaultId, Fault>>
