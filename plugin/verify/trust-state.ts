import { isObject, ownObject, ownString } from '../domain/json.ts'
import type { TrustMaterial } from '../domain/ports.ts'
import type { TrustState } from '../domain/state.ts'
import type { KeptTrust } from './kept-trust.ts'
import type { TrustBasis } from './trust-basis.ts'

/** An uplink's trust material as operators watch it. */
export function trustStateOf(uplink: string, basis: TrustBasis, { material, kept, now }: { readonly material: TrustMaterial | undefined; readonly kept: KeptTrust | undefined; readonly now: Date }): TrustState {
  const isOfFile = basis.uplinks.find(({ name }) => name === uplink)?.fileKeys !== undefined
  const keys = material?.registryKeys ?? []
  const ends = keys.flatMap(({ expires }) => (expires === null ? [] : [new Date(expires)])).filter((end) => end > now)
  return {
    uplink,
    asOf: material?.asOf,
    // What files say of themselves is their owner's to watch.
    expires: isOfFile && basis.fileRoot !== undefined ? undefined : expiryOf(kept),
    keySource: keys.length === 0 ? 'none' : isOfFile ? 'file' : material?.keysArePinned === true ? 'pinned' : 'tuf',
    keys: keys.length,
    keyExpires: earliest(ends),
  }
}

/** When the first of the roles' metadata ends: nothing fetched is taken after that (TUF specification, 5). What is kept stays in force. */
function expiryOf(kept: KeptTrust | undefined): Date | undefined {
  const dates = [...(kept?.metadata ?? [])].filter(([name]) => name.endsWith('.json')).map(([, text]) => expiresOf(text))
  return earliest(dates.flatMap((date) => (date === undefined ? [] : [date])))
}

function expiresOf(text: string): Date | undefined {
  try {
    const document: unknown = JSON.parse(text)
    const expires = isObject(document) ? ownString(ownObject(document, 'signed') ?? {}, 'expires') : undefined
    const date = new Date(expires ?? NaN)
    return Number.isNaN(date.getTime()) ? undefined : date
  } catch {
    return undefined
  }
}

const earliest = (dates: readonly Date[]): Date | undefined =>
  dates.length === 0 ? undefined : new Date(Math.min(...dates.map((date) => date.getTime())))
