import { seededTrust } from './trust-material.ts'
import { anchorsOfRoot } from './trusted-root.ts'
import type { TrustBasis } from './trust-basis.ts'

/**
 * Whether all that evidence rests on belongs to the public-good Sigstore, by which every client verifies. With a root of the
 * organisation's own that is so for anchors that @sigstore/tuf ships too; no others are taken for public.
 */
export function publicGoodOf({ fileRoot, isPrivate, uplinks: [first] }: TrustBasis): (anchors: readonly string[]) => boolean {
  if (fileRoot === undefined && !isPrivate) return (anchors) => anchors.length > 0
  if (first === undefined) return () => false
  const { ca, ctlog, tlog, tsa } = anchorsOfRoot(seededTrust(first.registry).trustedRoot)
  const known = new Set([...ca, ...ctlog, ...tlog, ...tsa])
  return (anchors) => anchors.length > 0 && anchors.every((anchor) => known.has(anchor))
}
