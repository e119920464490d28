import { bits, context, integer, octets, oid, primitive, sequence, set, TRUE, utcTime, utf8 } from './der.ts'
import type { Identity } from './identity.ts'
import { keyPairOf, sha256, sign, type KeyPair } from './keys.ts'

const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'))
/** Anchors hold from here to there, so that evidence of any age can be minted. */
export const ANCHORS_FROM = new Date('2020-01-01T00:00:00Z')
const ANCHORS_UNTIL = new Date('2049-12-31T00:00:00Z')
const TEN_MINUTES = 600_000

const nameOf = (organization: string, commonName: string): Buffer =>
  sequence(set(sequence(oid('2.5.4.10'), utf8(organization))), set(sequence(oid('2.5.4.3'), utf8(commonName))))

const extension = (id: string, value: Uint8Array, critical = false): Buffer =>
  sequence(oid(id), ...(critical ? [TRUE] : []), octets(value))

const keyIdentifier = (spki: Uint8Array): Buffer => sha256(spki).subarray(0, 20)
const subjectKey = (spki: Uint8Array): Buffer => extension('2.5.29.14', octets(keyIdentifier(spki)))
const authorityKey = (spki: Uint8Array, identifier = keyIdentifier(spki)): Buffer => extension('2.5.29.35', sequence(primitive(0, identifier)))
const basicConstraints = extension('2.5.29.19', sequence(TRUE), true)
const keyUsage = (first: number, unused: number): Buffer => extension('2.5.29.15', bits(Buffer.of(first), unused), true)
const extendedKeyUsage = (purpose: string, critical = false): Buffer =>
  extension('2.5.29.37', sequence(oid(`1.3.6.1.5.5.7.3.${purpose}`)), critical)

interface Template {
  readonly serial: number
  readonly issuer: Buffer
  readonly subject: Buffer
  readonly from: Date
  readonly until: Date
  readonly spki: Uint8Array
  readonly extensions: readonly Buffer[]
}

/** RFC 5280, 4.1.2 */
const tbsOf = (t: Template): Buffer =>
  sequence(
    context(0, integer(2)),
    integer(t.serial),
    ECDSA_SHA256,
    t.issuer,
    sequence(utcTime(t.from), utcTime(t.until)),
    t.subject,
    t.spki,
    context(3, sequence(...t.extensions)),
  )

const certificateOf = (template: Template, issuer: KeyPair): Buffer => {
  const tbs = tbsOf(template)
  return sequence(tbs, ECDSA_SHA256, bits(sign(issuer, tbs)))
}

/** A self-signed certificate of an authority. */
export interface Authority {
  readonly key: KeyPair
  readonly name: Buffer
  readonly certificate: Buffer
  /** Its subject key identifier, where it is not made as here. */
  readonly keyIdentifier?: Buffer
}

export function authorityOf(seed: string, organization: string, commonName: string): Authority {
  const key = keyPairOf(seed)
  const name = nameOf(organization, commonName)
  const extensions = [basicConstraints, keyUsage(0x06, 1), subjectKey(key.spki), authorityKey(key.spki)]
  const names = { issuer: name, subject: name }
  const dates = { from: ANCHORS_FROM, until: ANCHORS_UNTIL }
  return { key, name, certificate: certificateOf({ serial: 1, ...names, ...dates, spki: key.spki, extensions }, key) }
}

/** The certificate of a timestamp authority, under its root. */
export function timestampCertificate(root: Authority, key: KeyPair, organization: string, serial: number): Buffer {
  const extensions = [keyUsage(0x80, 7), extendedKeyUsage('8', true), subjectKey(key.spki), authorityKey(root.key.spki)]
  const subject = nameOf(organization, 'timestamp signing')
  const dates = { from: ANCHORS_FROM, until: ANCHORS_UNTIL }
  return certificateOf({ serial, issuer: root.name, subject, ...dates, spki: key.spki, extensions }, root.key)
}

export interface LeafOptions {
  readonly at: Date
  readonly serial: number
  /** The key of the CT log that vouches for the certificate; none for a certificate without SCT. */
  readonly ctlog: KeyPair | undefined
  /** Other than `codeSigning` is a certificate that Fulcio would not issue. */
  readonly purpose?: 'codeSigning' | 'serverAuth' | 'none'
}

/** Issues a code-signing certificate as Fulcio does: ten minutes, the identity in extensions, an embedded SCT. */
export function issue(ca: Authority, spki: Uint8Array, identity: Identity, options: LeafOptions): Buffer {
  const purpose = options.purpose ?? 'codeSigning'
  const template: Template = {
    serial: options.serial,
    issuer: ca.name,
    subject: sequence(),
    from: new Date(options.at.getTime() - 1000),
    until: new Date(options.at.getTime() + TEN_MINUTES),
    spki,
    extensions: [
      keyUsage(0x80, 7),
      ...(purpose === 'none' ? [] : [extendedKeyUsage(purpose === 'codeSigning' ? '3' : '1')]),
      subjectKey(spki),
      authorityKey(ca.key.spki, ca.keyIdentifier),
      // RFC 5280, 4.2.1.6: 1 is an e-mail address, 6 a URI; critical because the subject is empty.
      extension('2.5.29.17', sequence(primitive(identity.email === true ? 1 : 6, Buffer.from(identity.san))), true),
      ...identity.extensions.map(([number, value]) => claim(number, value)),
    ],
  }
  if (options.ctlog === undefined) return certificateOf(template, ca.key)
  const sct = sctOf(options.ctlog, ca.key, tbsOf(template), options.at)
  return certificateOf({ ...template, extensions: [...template.extensions, sct] }, ca.key)
}

/** Fulcio, docs/oid-info.md: 1 to 6 are raw bytes, from 8 on a DER UTF8String. */
const claim = (number: number, value: string): Buffer =>
  extension(`1.3.6.1.4.1.57264.1.${number}`, number <= 6 ? Buffer.from(value) : utf8(value))

/** RFC 6962, 3.2 and 3.3: the log signs the certificate as it is without this extension. */
function sctOf(log: KeyPair, issuer: KeyPair, tbs: Buffer, at: Date): Buffer {
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(BigInt(at.getTime()))
  const size = Buffer.alloc(3)
  size.writeUIntBE(tbs.length, 0, 3)
  const signed = Buffer.concat([Buffer.of(0, 0), time, Buffer.of(0, 1), sha256(issuer.spki), size, tbs, Buffer.of(0, 0)])
  const signature = sign(log, signed)
  const sct = Buffer.concat([Buffer.of(0), sha256(log.spki), time, Buffer.of(0, 0, 4, 3, 0, signature.length), signature])
  return extension('1.3.6.1.4.1.11129.2.4.2', octets(Buffer.concat([uint16(sct.length + 2), uint16(sct.length), sct])))
}

const uint16 = (value: number): Buffer => Buffer.of(value >> 8, value & 0xff)
