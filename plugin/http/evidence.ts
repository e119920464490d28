import { isObject, own, ownString, type Json, type JsonObject } from '../domain/json.ts'
import type { RegistryKey } from '../domain/ports.ts'

const SERVED_TYPES = new Set([
  'https://github.com/npm/attestation/tree/main/specs/publish/v0.1',
  'https://slsa.dev/provenance/v0.2',
  'https://slsa.dev/provenance/v1',
])

/** What was verified of an attestations document: other predicate types in it were not looked at and are left out. */
export function verifiedPart(document: Uint8Array): JsonObject {
  const parsed: unknown = JSON.parse(Buffer.from(document).toString('utf8'))
  const attestations = isObject(parsed) ? own(parsed, 'attestations') : undefined
  const items = Array.isArray(attestations) ? (attestations as readonly Json[]) : []
  return { attestations: items.filter((item) => isObject(item) && SERVED_TYPES.has(ownString(item, 'predicateType') ?? '')) }
}

/** The registry keys clients need for `npm audit signatures`, as `/-/npm/v1/keys` gives them. */
export function keysDocument(keys: readonly RegistryKey[]): JsonObject {
  const byId = new Map(keys.filter(({ usages }) => usages.includes('signatures')).map((key) => [key.keyid, key]))
  return {
    keys: [...byId.values()].map(({ keyid, spki, keytype, scheme, expires }) => ({ expires, keyid, keytype, scheme, key: spki })),
  }
}
