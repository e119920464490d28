import { X509Certificate } from '@sigstore/core'
import type { TrustMaterial } from '@sigstore/verify'

/**
 * A certificate of the trusted root. Every bundle has the chain above its leaf built anew, and that chain is always the same few
 * certificates: what two of them say of one another is worked out once. Nothing is remembered of a certificate that came with a
 * bundle: its signature, its dates and its place under a CA are verified each time, as the library does it.
 */
export class AnchorCertificate extends X509Certificate {
  readonly #verified = new WeakMap<AnchorCertificate, boolean>()
  #publicKey: Buffer | undefined

  static of(certificate: X509Certificate): AnchorCertificate {
    return new AnchorCertificate(certificate.root)
  }

  override get publicKey(): Buffer {
    return (this.#publicKey ??= super.publicKey)
  }

  override verify(issuer?: X509Certificate): boolean {
    const by = issuer ?? this
    // A leaf can stand where an issuer is looked for: what it vouches for is never taken from memory.
    if (!(by instanceof AnchorCertificate)) return super.verify(by)
    const known = this.#verified.get(by) ?? super.verify(by)
    this.#verified.set(by, known)
    return known
  }

  override equals(other: X509Certificate): boolean {
    return encoded(this).equals(encoded(other))
  }
}

/** A leaf is compared with each of these certificates several times: encoding it costs as much as its signature. */
const encodings = new WeakMap<X509Certificate, Buffer>()
function encoded(certificate: X509Certificate): Buffer {
  const bytes = encodings.get(certificate) ?? certificate.root.toDER()
  encodings.set(certificate, bytes)
  return bytes
}

/** The same trust material, whose certificates remember what they say of one another. */
export const withAnchors = (material: TrustMaterial): TrustMaterial => ({
  ...material,
  certificateAuthorities: material.certificateAuthorities.map(anchored),
  timestampAuthorities: material.timestampAuthorities.map(anchored),
})

const anchored = (authority: TrustMaterial['certificateAuthorities'][number]): TrustMaterial['certificateAuthorities'][number] => ({
  ...authority,
  certChain: authority.certChain.map((certificate) => AnchorCertificate.of(certificate)),
})
