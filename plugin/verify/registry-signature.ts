import { verify } from 'node:crypto'
import type { Evidence, SignatureFacts } from '../domain/evidence.ts'
import { isOneSha512 } from '../domain/integrity.ts'
import { specOf, type PackageRef } from '../domain/package-ref.ts'
import type { RegistrySignature } from '../domain/packument.ts'
import type { Anchored, RegistryKey, SignatureTask } from '../domain/ports.ts'
import { reason, type ReasonCode } from '../domain/reason.ts'
import { decodeBase64 } from './base64.ts'
import { everythingOf, keysFor, type PlainTrust, type UsableKey } from './compiled-trust.ts'

/** npm signs with one key at a time, two while they rotate. */
const MAX_SIGNATURES = 32

type Result = Anchored<Evidence<SignatureFacts>>

/**
 * Verifies `dist.signatures` (ECDSA P-256 over SHA-256 of `name@version:integrity`, by key id). One that a known key refutes
 * condemns the version, whatever else is there: a registry does not publish bad signatures beside good ones.
 * When a key began is not asked: the time to compare it with would be unsigned.
 */
export function verifyRegistrySignatures(name: string, tasks: readonly SignatureTask[], trust: PlainTrust): readonly Result[] {
  const keys = signatureKeysOf(trust.registryKeys)
  return tasks.map((task) => verifyTask({ name, version: task.version }, task, keys, everythingOf(trust)))
}

const compiled = new WeakMap<readonly RegistryKey[], ReadonlyMap<string, UsableKey>>()
function signatureKeysOf(registryKeys: readonly RegistryKey[]): ReadonlyMap<string, UsableKey> {
  const keys = compiled.get(registryKeys) ?? keysFor('signatures', registryKeys)
  compiled.set(registryKeys, keys)
  return keys
}

function verifyTask(
  ref: PackageRef,
  { integrity, signatures }: SignatureTask,
  keys: ReadonlyMap<string, UsableKey>,
  everything: string,
): Result {
  const spec = specOf(ref)
  const refused = (
    state: 'invalid' | 'unknown-key',
    code: ReasonCode,
    message: string,
    detail?: Readonly<Record<string, string>>,
  ): Result => ({
    result: { state, reasons: [reason(code, message, detail)] },
    anchors: [everything],
  })
  // What is signed is text: only one canonical hash stands for one digest.
  if (!isOneSha512(integrity))
    return refused(
      'invalid',
      'integrity-malformed',
      `the integrity of ${spec} is not one canonical sha512, so no signature can vouch for it`,
    )
  if (signatures === 'malformed' || signatures.length > MAX_SIGNATURES)
    return refused('invalid', 'signature-invalid', `the registry signatures of ${spec} are malformed`)
  if (signatures.length === 0) return { result: { state: 'absent' }, anchors: [] }

  const message = Buffer.from(`${spec}:${integrity}`)
  const known = signatures.flatMap((signature) => {
    const key = keys.get(signature.keyid)
    return key === undefined ? [] : [{ key, verified: verifies(message, signature, key) }]
  })
  const bad = known.find(({ verified }) => !verified)
  if (bad !== undefined)
    return refused('invalid', 'signature-invalid', `a registry signature of ${spec} does not verify`, {
      keyid: bad.key.entry.keyid,
    })
  const [good] = known
  if (good === undefined)
    return refused('unknown-key', 'signature-key-unknown', `no key trusted here made the registry signature of ${spec}`, {
      keyid: signatures[0]?.keyid ?? '',
    })
  const { keyid, expires } = good.key.entry
  return { result: { state: 'verified', facts: { keyid, keyExpires: expires } }, anchors: known.map(({ key }) => key.anchor) }
}

/** OpenSSL takes no other DER than the canonical one; base64 is as strict here. */
function verifies(message: Buffer, { sig }: RegistrySignature, { key }: UsableKey): boolean {
  const signature = decodeBase64(sig)
  if (signature === undefined) return false
  try {
    return verify('sha256', message, key, signature)
  } catch {
    // An error at a hostile signature means it did not verify.
    return false
  }
}
