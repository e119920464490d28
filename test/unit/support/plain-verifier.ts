import crypto from 'node:crypto'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { toTrustMaterial, Verifier } from '@sigstore/verify'
import type { JsonObject } from '../../../plugin/domain/json.ts'

interface TargetKey {
  readonly keyId: string
  readonly publicKey: { readonly rawBytes: string; readonly validFor?: { readonly start?: string; readonly end?: string } }
}

/** `@sigstore/verify` as it is, over a TrustedRoot and the keys target of a registry. */
export function verifierOf(root: JsonObject, target: JsonObject): Verifier {
  const keys = target.keys as unknown as readonly TargetKey[]
  const material = toTrustMaterial(TrustedRoot.fromJSON(root), (hint) => {
    const found = keys.find((key) => key.keyId === hint)
    if (found === undefined) throw Object.assign(new Error('unknown key'), { code: 'PUBLIC_KEY_ERROR' })
    const { start, end } = found.publicKey.validFor ?? {}
    const publicKey = spkiKey(found.publicKey.rawBytes)
    return { publicKey, validFor: (at) => new Date(start ?? 0) <= at && (end === undefined || at <= new Date(end)) }
  })
  return new Verifier(material)
}

export const spkiKey = (base64: string): crypto.KeyObject =>
  crypto.createPublicKey({ key: Buffer.from(base64, 'base64'), format: 'der', type: 'spki' })
