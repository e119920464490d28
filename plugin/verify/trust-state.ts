import type { TrustMaterial } from '../domain/ports.ts'
import type { InstanceState, TrustState } from '../domain/state.ts'
import type { KeptTrust } from './kept-trust.ts'
import { isPublicGood } from './public-good.ts'
import { wantedTargets, type TrustBasis } from './trust-basis.ts'
import { endsOfRoot, endsOfTuf, keysRunOut } from './trust-ends.ts'

interface StateParts {
  readonly material: TrustMaterial | undefined
  readonly kept: KeptTrust | undefined
  readonly now: Date
}

/** An uplink's trust material as operators watch it. */
export function trustStateOf(uplink: string, basis: TrustBasis, { material, kept, now }: StateParts): TrustState {
  const isOfFile = basis.uplinks.find(({ name }) => name === uplink)?.fileKeys !== undefined
  const keys = material?.registryKeys ?? []
  return {
    uplink,
    asOf: material?.asOf,
    // What files say of themselves is their owner's to watch.
    expires: isOfFile && basis.fileRoot !== undefined ? undefined : expiryOf(kept),
    keySource: keys.length === 0 ? 'none' : isOfFile ? 'file' : material?.keysArePinned === true ? 'pinned' : 'tuf',
    keys: keys.length,
    keyExpires: keysRunOut(keys, now),
  }
}

/** When the first of the roles' metadata ends: nothing fetched is taken after that (TUF specification, 5). What is kept stays in force. */
const expiryOf = (kept: KeptTrust | undefined): Date | undefined => earliest(endsOfTuf(kept?.metadata ?? new Map()).map(({ at }) => at))

/** A Sigstore instance as operators watch it. */
export function instanceStateOf(instance: string, basis: TrustBasis, { material, kept, refreshes, now }: StateParts & Pick<InstanceState, 'refreshes'>): InstanceState {
  return {
    instance,
    source: material?.source.trustedRoot,
    asOf: material?.asOf,
    ends: [
      ...(material === undefined ? [] : endsOfRoot(material.trustedRoot, now)).map((end) => ({ ...end, isOwn: !isPublicGood(basis) })),
      // Where TUF is never asked, what was kept of it is not waiting for anything newer.
      ...(basis.offline || wantedTargets(basis).length === 0 ? [] : endsOfTuf(kept?.metadata ?? new Map())).map((end) => ({ ...end, isOwn: basis.isPrivate })),
    ],
    refreshes,
  }
}

const earliest = (dates: readonly Date[]): Date | undefined =>
  dates.length === 0 ? undefined : new Date(Math.min(...dates.map((date) => date.getTime())))
