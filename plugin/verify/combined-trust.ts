import { Unavailable } from '../domain/errors.ts'
import type { TrustedInstance, TrustMaterial } from '../domain/ports.ts'
import type { UplinkKeys } from './trust-basis.ts'
import { buildTrustMaterial } from './trust-material.ts'

/** A named instance; without a root while none was fetched. */
export interface NamedRoot {
  readonly name: string
  readonly root: TrustMaterial | undefined
}

export interface TrustOfPackage {
  /** The default instance's, undefined where there is none yet. */
  readonly own: TrustMaterial | undefined
  readonly keys: UplinkKeys | undefined
  /** Whether the default instance vouches too. */
  readonly ownVouches: boolean
  readonly vouching: readonly NamedRoot[]
  readonly elsewhere: readonly NamedRoot[]
}

/**
 * The trust material of a package that named instances may vouch for, or might if they were allowed.
 * @throws Unavailable (`trust-material-stale`) while the root of any that may vouch is missing: what rests on it would be taken for forged
 */
export function combineTrust({ own, keys, ownVouches, vouching, elsewhere }: TrustOfPackage): TrustMaterial {
  const missing = [...(ownVouches && own === undefined ? ['default'] : []), ...vouching.flatMap(({ name, root }) => (root === undefined ? [name] : []))]
  if (missing.length > 0) throw stale(`no trusted root of the Sigstore instance ${missing.join(', ')} was fetched yet`)
  if (keys === undefined) throw stale("the registry's keys were not fetched yet")
  const trusted = [...(ownVouches ? present([{ name: undefined, root: own }]) : []), ...present(vouching)]
  const [first, ...others] = trusted
  if (first === undefined) throw stale('no Sigstore instance vouches for it')
  const dates = [...(ownVouches ? [own] : []), ...vouching.map(({ root }) => root)].map((root) => root?.asOf)
  return buildTrustMaterial({
    ...first,
    ...(others.length === 0 ? {} : { others }),
    elsewhere: present([...(ownVouches ? [] : [{ name: undefined, root: own }]), ...elsewhere]),
    registryKeys: keys.registryKeys,
    source: {
      trustedRoot: [...(ownVouches && own !== undefined ? [own.source.trustedRoot] : []), ...vouching.map(({ name, root }) => `${name}: ${root?.source.trustedRoot ?? ''}`)].join('; '),
      registryKeys: keys.source,
    },
    asOf: oldest(dates),
    ...(keys.keysArePinned === undefined ? {} : { keysArePinned: true }),
  })
}

const present = (all: readonly { readonly name: string | undefined; readonly root: TrustMaterial | undefined }[]): readonly TrustedInstance[] =>
  all.flatMap(({ name, root }) => (root === undefined ? [] : [{ ...(name === undefined ? {} : { instance: name }), trustedRoot: root.trustedRoot }]))

const stale = (message: string): Unavailable => new Unavailable('trust-material-stale', message)

/** Undefined where one of them does not say. */
function oldest(dates: readonly (Date | undefined)[]): Date | undefined {
  const known = dates.filter((date) => date !== undefined)
  return known.length < dates.length || known.length === 0 ? undefined : new Date(Math.min(...known.map((date) => date.getTime())))
}
