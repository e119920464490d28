/** What an operator or a TUF repository gives to trust: a refusal names the problem, and what is accepted can be used. */
import { ConfigurationError } from '../../../plugin/domain/errors.ts'
import { compileTrust } from '../../../plugin/verify/compiled-trust.ts'
import { buildTrustMaterial, parseRegistryKeys, parseTrustedRoot } from '../../../plugin/verify/index.ts'
import { verifyRegistrySignatures } from '../../../plugin/verify/registry-signature.ts'
import { must, orRefused, type Target } from '../target.ts'
import { sigstore } from './evidence.ts'

const INTEGRITY = `sha512-${'A'.repeat(86)}==`
const source = { trustedRoot: 'fuzz', registryKeys: 'fuzz' }
const json = (input: Buffer): unknown => {
  try {
    return JSON.parse(input.toString())
  } catch {
    return undefined
  }
}

const trustedRoot: Target = {
  name: 'trusted-root',
  kind: 'json',
  seeds: () => [JSON.stringify(sigstore.trustedRoot())],
  words: ['tlogs', 'ctlogs', 'certChain', 'rawBytes', 'PKIX_ED25519', 'PKCS1_RSA_PKCS1V5', 'SHA2_256', '2020-01-01T00:00:00Z', '2020-13-01T00:00:00Z'],
  covers: ['verify/trusted-root.ts', 'verify/compiled-trust.ts', 'verify/time.ts'],
  quick: 400,
  run: (input) => {
    const root = orRefused(() => parseTrustedRoot(json(input), 'root.json'), ConfigurationError)
    if (root === undefined) return
    must(JSON.stringify(parseTrustedRoot(root, 'root.json')) === JSON.stringify(root), 'the normal form is not normal')
    // What passes at start is not found out by the first bundle.
    compileTrust(buildTrustMaterial({ trustedRoot: root, registryKeys: [], source }))
  },
}

const signature = sigstore.signRegistry('widget', '1.0.0', INTEGRITY)
const registryKeys: Target = {
  name: 'registry-keys',
  kind: 'json',
  seeds: () => [sigstore.registryKeys(), sigstore.registryKeysTarget()].map((keys) => JSON.stringify(keys)),
  words: ['keyid', 'keyId', 'npm:signatures', 'npm:attestations', 'ecdsa-sha2-nistp256', 'PKIX_ECDSA_P256_SHA_256', 'expires', '2025-01-29'],
  covers: ['verify/registry-keys.ts', 'verify/registry-signature.ts', 'verify/base64.ts', 'verify/time.ts'],
  quick: 800,
  run: (input) => {
    const keys = orRefused(() => parseRegistryKeys(json(input), 'keys.json'), ConfigurationError)
    if (keys === undefined) return
    const trust = { trustedRoot: {}, registryKeys: keys, revision: 'fuzz' }
    const [found] = verifyRegistrySignatures('widget', [{ version: '1.0.0', integrity: INTEGRITY, signatures: [signature] }], trust)
    const [other] = verifyRegistrySignatures('widget', [{ version: '1.0.1', integrity: INTEGRITY, signatures: [signature] }], trust)
    must(found !== undefined && other?.result.state !== 'verified', 'a signature vouches for another version')
  },
}

export const TRUST_TARGETS: readonly Target[] = [trustedRoot, registryKeys]
