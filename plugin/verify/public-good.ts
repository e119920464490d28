import { seededTrust } from './trust-material.ts'
import { anchorsOfRoot, splitAnchor } from './trusted-root.ts'
import type { TrustBasis } from './trust-basis.ts'

/**
 * Whether all that evidence rests on belongs to the public-good Sigstore, by which every client verifies. With a root of the
 * organisation's own that is so for anchors that @sigstore/tuf ships too; no others are taken for public.
 */
export function publicGoodOf(basis: TrustBasis): (anchors: readonly string[]) => boolean {
  const shipped = shippedAnchors(basis)
  const isPublic = new Map([[undefined, isPublicGood(basis)], ...basis.instances.map((one) => [one.name, isPublicGood(one.basis)] as const)])
  return (anchors) =>
    anchors.length > 0 &&
    anchors.every((anchor) => {
      const { entry, instance } = splitAnchor(anchor)
      return isPublic.get(instance) === true || shipped().has(entry)
    })
}

/** Of its seeds, or over its TUF repository. */
export const isPublicGood = ({ fileRoot, isPrivate }: TrustBasis): boolean => fileRoot === undefined && !isPrivate

function shippedAnchors({ uplinks: [first] }: TrustBasis): () => ReadonlySet<string> {
  let shipped: ReadonlySet<string> | undefined
  return () => (shipped ??= new Set(first === undefined ? [] : Object.values(anchorsOfRoot(seededTrust(first.registry).trustedRoot)).flat()))
}
