import { isObject, own, ownObject, ownString, type Json } from '../domain/json.ts'
import { reason, type Reason } from '../domain/reason.ts'
import { parseStrictJson } from '../domain/strict-json.ts'

/** The provenance that came with a publish, as an attestations document. Nothing of it is verified. */
export interface ClaimedAttestations {
  readonly predicateType: string
  /** As `/-/npm/v1/attestations/` answers. */
  readonly document: Uint8Array
}

/** npm's bundles have 6-8 KB. */
const MAX_CHARACTERS = 1024 ** 2
const PROVENANCE = new Set(['https://slsa.dev/provenance/v0.2', 'https://slsa.dev/provenance/v1'])

/**
 * The `data` of a `.sigstore` attachment (libnpmpublish: the bundle's JSON as it is, not base64) as an attestations document.
 * The type the statement calls itself stands outside, as npm's registry would put it; the verifier holds the two together.
 */
export function attestationsOf(data: string): ClaimedAttestations | { readonly refusal: Reason } {
  if (data.length > MAX_CHARACTERS) return invalid('is larger than any bundle')
  const bundle = parse(Buffer.from(data))
  if (!isObject(bundle)) return invalid('is not a Sigstore bundle in JSON')
  const payload = ownString(ownObject(bundle, 'dsseEnvelope') ?? {}, 'payload')
  const statement = payload === undefined ? undefined : parse(Buffer.from(payload, 'base64'))
  const predicateType = isObject(statement) ? own(statement, 'predicateType') : undefined
  if (typeof predicateType !== 'string') return invalid('holds no in-toto statement')
  if (!PROVENANCE.has(predicateType))
    return { refusal: reason('provenance-unsupported', 'the attestation that came with it is not SLSA provenance of a version this mirror can judge') }
  // Written anew: the text as it came could close the document and open another.
  return { predicateType, document: Buffer.from(JSON.stringify({ attestations: [{ predicateType, bundle }] })) }
}

const invalid = (what: string): { readonly refusal: Reason } => ({ refusal: reason('provenance-invalid', `the attestation that came with it ${what}`) })

function parse(bytes: Uint8Array): Json | undefined {
  try {
    return parseStrictJson(bytes)
  } catch {
    return undefined
  }
}
