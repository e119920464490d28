export { createVerifier, type VerifierOptions } from './verifier.ts'
export { parseRegistryKeys } from './registry-keys.ts'
export {
  buildTrustMaterial,
  keysTargetOf,
  loadTrustMaterial,
  seededTrust,
  type TrustOptions,
  type TrustParts,
} from './trust-material.ts'
export { publicGoodOf } from './public-good.ts'
export { parseTrustedRoot } from './trusted-root.ts'
export { assembleTrust, readTrustBasis, type TrustBasis, type TrustConfiguration } from './trust-basis.ts'
export { TrustKeeper, type TrustKeeperOptions } from './trust-keeper.ts'
