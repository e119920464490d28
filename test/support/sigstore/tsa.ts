import { context, generalizedTime, integer, NULL, octets, oid, sequence, set, utcTime } from './der.ts'
import { authorityOf, timestampCertificate, type Authority } from './fulcio.ts'
import { keyPairOf, sha256, sign, type KeyPair } from './keys.ts'

const SHA256 = sequence(oid('2.16.840.1.101.3.4.2.1'), NULL)
const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'))
const TST_INFO = oid('1.2.840.113549.1.9.16.1.4')
const SIGNED_DATA = oid('1.2.840.113549.1.7.2')
const SERIAL = 2

/** A timestamp authority: a root, and the certificate that signs. */
export interface TimestampAuthority {
  readonly root: Authority
  readonly key: KeyPair
  readonly certificate: Buffer
}

export function timestampAuthorityOf(seed: string, organization: string): TimestampAuthority {
  const root = authorityOf(`${seed}:root`, organization, 'timestamp root')
  const key = keyPairOf(seed)
  return { root, key, certificate: timestampCertificate(root, key, organization, SERIAL) }
}

/** A TimeStampResp (RFC 3161, 2.4.2) over the SHA-256 of `data`; `at` counts in whole seconds. */
export function timestamp(tsa: TimestampAuthority, data: Uint8Array, at: Date): Buffer {
  const imprint = sequence(SHA256, octets(sha256(data)))
  const info = sequence(integer(1), oid('1.3.6.1.4.1.57264.2'), imprint, integer(0xdeadbeef), generalizedTime(at))
  const attributes = [
    sequence(oid('1.2.840.113549.1.9.3'), set(TST_INFO)),
    sequence(oid('1.2.840.113549.1.9.5'), set(utcTime(at))),
    sequence(oid('1.2.840.113549.1.9.4'), set(octets(sha256(info)))),
  ]
  // RFC 5652, 5.4: what is signed is the attributes as a SET, although they travel under a context tag.
  const signature = sign(tsa.key, set(...attributes))
  const signer = sequence(
    integer(1),
    sequence(tsa.root.name, integer(SERIAL)),
    SHA256,
    context(0, ...attributes),
    ECDSA_SHA256,
    octets(signature),
  )
  const content = sequence(TST_INFO, context(0, octets(info)))
  const token = sequence(SIGNED_DATA, context(0, sequence(integer(3), set(SHA256), content, set(signer))))
  return sequence(sequence(integer(0)), token)
}
