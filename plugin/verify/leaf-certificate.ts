import { ASN1Obj, X509Certificate } from '@sigstore/core'
import type { Bundle } from '@sigstore/bundle'
import type { SignedEntity } from '@sigstore/verify'

/**
 * DER of the same parts in the same order as the library's, written once from its end to its beginning: a certificate is encoded
 * four times for each verification, and the library takes two buffers of a kilobyte for each of its 150 parts.
 */
class LeafAsn1 extends ASN1Obj {
  constructor({ tag, value, subs }: ASN1Obj) {
    super(tag, value, subs.map((sub) => new LeafAsn1(sub)))
  }

  override toDER(): Buffer {
    const bytes = Buffer.alloc(sizeOf(this))
    write(this, bytes, bytes.length)
    return bytes
  }
}

/** X.690, 8.1.3: one octet up to 127; above, one that counts the octets behind it. */
function lengthOctets(length: number): number {
  let octets = 1
  if (length >= 0x80) for (let rest = length; rest > 0; rest = Math.floor(rest / 0x100)) octets++
  return octets
}

const contentSize = ({ subs, value }: ASN1Obj): number =>
  subs.length === 0 ? value.length : subs.reduce((sum, sub) => sum + sizeOf(sub), 0)

function sizeOf(node: ASN1Obj): number {
  const content = contentSize(node)
  return 1 + lengthOctets(content) + content
}

/** @returns where it begins, when it ends at `end` */
function write({ tag, value, subs }: ASN1Obj, bytes: Buffer, end: number): number {
  let at = end
  if (subs.length === 0) bytes.set(value, (at -= value.length))
  else for (const sub of subs.toReversed()) at = write(sub, bytes, at)
  const length = end - at
  if (length < 0x80) bytes[--at] = length
  else {
    const last = at
    for (let rest = length; rest > 0; rest = Math.floor(rest / 0x100)) bytes[--at] = rest % 0x100
    const octets = last - at
    bytes[--at] = 0x80 | octets
  }
  bytes[--at] = tag.toDER()
  return at
}

/** The certificate a bundle was signed with. All that the library does with it, it does; only its encoding is quicker. */
class LeafCertificate extends X509Certificate {
  /** A copy of its own, from which parts can be taken out. Its values are shared: nobody writes to them. */
  override clone(): X509Certificate {
    return new LeafCertificate(new LeafAsn1(this.root))
  }
}

/**
 * The same entity, with a leaf that is encoded quickly. Where the quick encoding is not what the bundle holds, byte for byte, the
 * leaf stays the library's own: no two certificates can be given one encoding to have one verified for the other.
 */
export function withQuickLeaf(entity: SignedEntity, { verificationMaterial: { content } }: Bundle): SignedEntity {
  if (entity.key.$case !== 'certificate' || content.$case === 'publicKey') return entity
  const holder = content.$case === 'certificate' ? content.certificate : content.x509CertificateChain.certificates[0]
  const root = new LeafAsn1(entity.key.certificate.root)
  if (holder === undefined || !root.toDER().equals(holder.rawBytes)) return entity
  return { ...entity, key: { $case: 'certificate', certificate: new LeafCertificate(root) } }
}
