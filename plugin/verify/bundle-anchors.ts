import type { X509Certificate } from '@sigstore/core'
import type { SignedEntity } from '@sigstore/verify'
import type { CompiledInstance, KnownInstance, TrustedAuthority, TrustedLog } from './compiled-trust.ts'

/** Who a bundle says signed it. */
export type Signer =
  { readonly kind: 'certificate'; readonly certificate: X509Certificate } | { readonly kind: 'key'; readonly hint: string }

/**
 * The anchors a verified entity rests on. Where several entries of the root could have vouched (the same log under two
 * validities, two CAs of one name) all of them are named: to verify once more costs less than to keep a fact too long.
 * @throws RangeError when nothing in the root vouched, which contradicts the verification before
 */
export function anchorsOfEntity(entity: SignedEntity, signer: Signer, loggedAt: Date, trust: CompiledInstance): readonly string[] {
  const logs = entity.tlogEntries.flatMap(({ logId }) => logsInService(trust.tlogs, logId.keyId, loggedAt))
  const stamps = entity.timestamps.flatMap((timestamp) =>
    timestamp.$case === 'timestamp-authority'
      ? some(
          trust.timestampAuthorities,
          ({ chain }) => chain[0]?.serialNumber.equals(timestamp.timestamp.signerSerialNumber) === true,
        )
      : [],
  )
  return [...new Set([...logs, ...stamps, ...anchorsOfSigner(signer, trust)])]
}

/** What of an entity is named in no entry of the trust material, in words; undefined when all of it is. Nothing is verified. */
export function unknownAnchor(entity: SignedEntity, signer: Signer, trust: KnownInstance): string | undefined {
  const isLog = (id: Buffer): boolean => trust.tlogs.some(({ keyId }) => keyId.equals(id))
  if (signer.kind === 'certificate' && !isIssuerKnown(signer.certificate, trust)) return 'certificate authority'
  if (!entity.tlogEntries.every(({ logId }) => isLog(logId.keyId))) return 'transparency log'
  if (signer.kind === 'certificate' && !isCtLogKnown(signer.certificate, trust)) return 'certificate transparency log'
  return entity.timestamps.every((timestamp) => isStampKnown(timestamp, trust)) ? undefined : 'timestamp authority'
}

/** By name and key: a CA that is rotated keeps its name. */
const isIssuerKnown = ({ issuer, extAuthorityKeyID }: X509Certificate, { authorities }: KnownInstance): boolean =>
  authorities.some(({ chain }) =>
    chain.some(({ subject, extSubjectKeyID }) => {
      const [wanted, has] = [extAuthorityKeyID?.keyIdentifier, extSubjectKeyID?.keyIdentifier]
      return subject.equals(issuer) && (wanted === undefined || has === undefined || has.equals(wanted))
    }),
  )

/** A certificate without any timestamp of a CT log is not one by an unknown log. */
function isCtLogKnown({ extSCT }: X509Certificate, { ctlogs }: KnownInstance): boolean {
  const scts = extSCT?.signedCertificateTimestamps ?? []
  return scts.length === 0 || scts.some(({ logID }) => ctlogs.some(({ keyId }) => keyId.equals(logID)))
}

const isStampKnown = (timestamp: SignedEntity['timestamps'][number], { timestampAuthorities }: KnownInstance): boolean =>
  timestamp.$case !== 'timestamp-authority' ||
  timestampAuthorities.some(({ chain }) => chain[0]?.serialNumber.equals(timestamp.timestamp.signerSerialNumber) === true)

const issuersOf = ({ issuer }: X509Certificate, { authorities }: KnownInstance): readonly TrustedAuthority[] =>
  authorities.filter(({ chain }) => chain.some(({ subject }) => subject.equals(issuer)))

function anchorsOfSigner(signer: Signer, trust: CompiledInstance): readonly string[] {
  if (signer.kind === 'key') {
    const key = trust.attestationKeys.get(signer.hint)
    return some(key === undefined ? [] : [key], () => true)
  }
  const { certificate } = signer
  const scts = certificate.extSCT?.signedCertificateTimestamps ?? []
  return [
    ...some(issuersOf(certificate, trust), () => true),
    ...scts.flatMap((sct) => some(trust.ctlogs, ({ keyId }) => keyId.equals(sct.logID))),
  ]
}

/**
 * The logs of that id which were in service at the time. The library asks so of a promise, whose time is the log's own; a
 * proof alone has none, and without this a log's key that was retired could go on making proofs.
 */
function logsInService(logs: readonly TrustedLog[], keyId: Buffer, at: Date): readonly string[] {
  return some(logs, (log) => log.keyId.equals(keyId) && log.start <= at && (log.end === undefined || at <= log.end))
}

function some<Anchor extends { readonly anchor: string }>(
  all: readonly Anchor[],
  matches: (one: Anchor) => boolean,
): readonly string[] {
  const found = all.filter(matches)
  if (found.length === 0) throw new RangeError('nothing in the trust material vouches for this')
  return found.map(({ anchor }) => anchor)
}
