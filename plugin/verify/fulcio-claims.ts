import type { X509Certificate } from '@sigstore/core'
import type { SignerIdentity } from '../domain/signer-identity.ts'
import { EvidenceFault, guarded } from './fault.ts'

const FULCIO = '1.3.6.1.4.1.57264.1.'
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17'
const EXTENDED_KEY_USAGE = '2.5.29.37'
const CODE_SIGNING = '1.3.6.1.5.5.7.3.3'
/** RFC 5280, 4.2.1.6: GeneralName, uniformResourceIdentifier */
const URI_NAME = 6
const UTF8_STRING = 0x0c
const SEQUENCE = 0x30
const LAST_KNOWN_CLAIM = 24
const GITHUB_ISSUER = 'https://token.actions.githubusercontent.com'
const CODE = 'provenance-invalid'

type Asn1 = X509Certificate['root']

/**
 * The identity a certificate certifies, from a leaf whose chain was verified (Fulcio, docs/certificate-specification.md and
 * docs/oid-info.md). Also what chain building leaves unchecked: that the certificate is for signing code and is no CA.
 * @throws EvidenceFault `provenance-invalid` when it is malformed or contradicts itself, `provenance-unsupported` when it
 * names something other than a workflow
 */
export function signerIdentityOf(leaf: X509Certificate): SignerIdentity {
  return guarded(CODE, 'the certificate is malformed', () => {
    assertForm(leaf.root)
    const extensions = extensionsOf(leaf)
    if (leaf.isCA) throw new EvidenceFault(CODE, 'the certificate is that of an authority', { cause: 'ca' })
    assertCodeSigning(extensions.get(EXTENDED_KEY_USAGE))
    const subjectAlternativeName = uriOf(extensions.get(SUBJECT_ALTERNATIVE_NAME))
    return identityOf(subjectAlternativeName, claimsOf(extensions))
  })
}

/**
 * RFC 5280, 4.1: the parts around what is signed, which the library does not look at, so that one certificate is one sequence of
 * bytes. The algorithm outside the signature is the one inside (4.1.1.2).
 */
function assertForm({ tag, subs }: Asn1): void {
  const [tbs, algorithm, signature] = subs
  const isWhole = tag.toDER() === SEQUENCE && tbs?.tag.toDER() === SEQUENCE && subs.length === 3
  const isSame = algorithm !== undefined && tbs?.subs[2]?.toDER().equals(algorithm.toDER()) === true
  // The first octet of a BIT STRING counts its unused bits, and a signature has whole octets.
  if (!isWhole || !isSame || signature?.tag.isBitString() !== true || signature.value[0] !== 0)
    throw new TypeError('not a certificate')
}

/** RFC 5280, 4.2: no extension twice. A reader that takes the first and one that takes the last would see two signers. */
function extensionsOf(leaf: X509Certificate): ReadonlyMap<string, Asn1> {
  const extensions = new Map<string, Asn1>()
  for (const extension of leaf.extensions) {
    const oid = extension.subs[0]?.toOID()
    const value = extension.subs.at(-1)
    if (oid === undefined || value?.tag.isOctetString() !== true) throw new TypeError('not an extension')
    if (extensions.has(oid))
      throw new EvidenceFault(CODE, 'the certificate has one extension twice', { cause: 'duplicate-extension', oid })
    extensions.set(oid, value)
  }
  return extensions
}

function assertCodeSigning(usage: Asn1 | undefined): void {
  const purposes = usage?.subs[0]?.subs.map((purpose) => purpose.toOID()) ?? []
  if (!purposes.includes(CODE_SIGNING))
    throw new EvidenceFault(CODE, 'the certificate is not for signing code', { cause: 'extended-key-usage' })
}

/** An e-mail address is a person and not a build; it is told apart by its tag and never quoted. */
function uriOf(extension: Asn1 | undefined): string {
  const names = extension?.subs[0]?.subs ?? []
  const [name] = names
  const uri = name?.value.toString('latin1') ?? ''
  if (names.length !== 1 || name?.tag.isContextSpecific(URI_NAME) !== true || !/^(?!mailto:)[a-z][a-z0-9+.-]*:/i.test(uri))
    throw new EvidenceFault('provenance-unsupported', 'the signer is not a build: its certificate names no workflow', {
      cause: 'signer',
    })
  // IA5String; and nothing that could break a line of a log.
  if (!/^[\x20-\x7e]+$/.test(uri)) throw new TypeError('not a URI')
  return uri
}

type Claims = ReadonlyMap<number, string>

function claimsOf(extensions: ReadonlyMap<string, Asn1>): Claims {
  const claims = new Map<number, string>()
  for (const [oid, { value }] of extensions) {
    const number = oid.startsWith(FULCIO) ? Number(oid.slice(FULCIO.length)) : NaN
    // What comes after the claims known here may be encoded in another way, and is not used.
    if (!Number.isInteger(number) || number > LAST_KNOWN_CLAIM) continue
    claims.set(number, number <= 6 ? utf8(value) : utf8(contentsOf(value)))
  }
  return claims
}

/** The contents of a DER UTF8String (X.690, 8.1 and 10.1) that is all there is. */
function contentsOf(der: Buffer): Buffer {
  const [tag, first = 0] = der
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f
  const start = 2 + lengthBytes
  if (tag !== UTF8_STRING || lengthBytes > 2 || first === 0x80 || der.length < start) throw new TypeError('not a UTF8String')
  const length = lengthBytes === 0 ? first : der.readUIntBE(2, lengthBytes)
  const shortest = length < 0x80 ? 0 : length < 0x100 ? 1 : 2
  if (lengthBytes !== shortest || der.length !== start + length) throw new TypeError('not a UTF8String in DER')
  return der.subarray(start)
}

const utf8 = (bytes: Uint8Array): string => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)

function identityOf(subjectAlternativeName: string, claims: Claims): SignerIdentity {
  const get = (number: number): string | undefined => claims.get(number)
  const issuer = agreed(claims, 8, 1)
  if (issuer === undefined)
    throw new EvidenceFault('provenance-unsupported', 'the certificate does not say who vouched for the signer', {
      cause: 'issuer',
    })
  return {
    issuer,
    subjectAlternativeName,
    sourceRepository: repositoryOf(get(12), get(5), issuer),
    sourceRepositoryId: get(15),
    sourceOwner: get(16),
    sourceOwnerId: get(17),
    sourceRef: agreed(claims, 14, 6),
    sourceDigest: agreed(claims, 13, 3),
    buildConfig: get(18),
    buildSigner: get(9),
    trigger: agreed(claims, 20, 2),
    runner: get(11),
    run: get(21),
    visibility: get(22),
    environment: get(23),
  }
}

/** A claim in its present form, else in the legacy one; both say the same, or neither is believed. */
function agreed(claims: Claims, present: number, legacy: number): string | undefined {
  const now = claims.get(present)
  const before = claims.get(legacy)
  if (now !== undefined && before !== undefined && now !== before) throw contradiction(present, legacy)
  return now ?? before
}

/** The legacy claim is `owner/repository`, and only of GitHub's issuer is it known on which server. */
function repositoryOf(address: string | undefined, path: string | undefined, issuer: string): string | undefined {
  if (path === undefined) return address
  if (address !== undefined) {
    if (address !== `https://github.com/${path}` && (issuer === GITHUB_ISSUER || !address.endsWith(`/${path}`)))
      throw contradiction(12, 5)
    return address
  }
  return issuer === GITHUB_ISSUER ? `https://github.com/${path}` : undefined
}

const contradiction = (present: number, legacy: number): EvidenceFault =>
  new EvidenceFault(CODE, 'the certificate contradicts itself', { cause: 'contradiction', claims: `${legacy}, ${present}` })
