/** What the soak's upstream has and what its clients ask for: chosen by a seed, so that both processes know it and every run is the same. */
/** Order for the upstream, as a POST: `{ touch: [INDEX…], at: ISO 8601 }`. */
export const CHANGE = '/-/soak'
/** Names below it are never the upstream's. */
export const PUBLISHED = 'here-'
/** Names nobody has. */
export const UNKNOWN = 'nobody-'

/** Versions that have a tarball, counted from the newest; the integrity of the others belongs to no bytes. */
export const WITH_TARBALL = 3

/** Reproducible numbers from 0 up to 1 (mulberry32). */
export function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const HUGE = 20
const isLarge = (index: number): boolean => index % 400 === 50

export interface PackagePlan {
  readonly name: string
  /** Oldest first. */
  readonly versions: readonly string[]
  readonly provenance: boolean
  /** The registry's signature of the newest is of something else. */
  readonly isSpoiled: boolean
  /** Bytes of its tarballs, about. */
  readonly tarball: number
}

/** The package at `index`, from 0; what is asked for most comes first. */
export function planOf(index: number): PackagePlan {
  const next = random(index + 1)
  const count = index === HUGE ? 3000 : isLarge(index) ? 600 : 5 + Math.floor(next() * 56)
  const line = Math.ceil(count / 10)
  return {
    name: nameOf(index),
    versions: Array.from({ length: count }, (_, at) => `${1 + Math.floor(at / line)}.${at % line}.0`),
    provenance: index % 50 === 7,
    isSpoiled: index % 40 === 3,
    tarball: 2000 + Math.floor(next() ** 3 * 150_000),
  }
}

/** One in eight has a scope. */
export const nameOf = (index: number): string => (index % 8 === 5 ? `@soak/p-${index}` : `soak-${index}`)
/** Undefined for any other name. */
export function indexOf(name: string): number | undefined {
  const index = Number(/^(?:@soak\/p|soak)-(\d{1,6})$/.exec(name)?.[1] ?? NaN)
  return nameOf(index) === name ? index : undefined
}
export const fileOf = (name: string, version: string): string => `${name.replace(/^@[^/]+\//, '')}-${version}.tgz`
/** A version published while the soak runs, at the `change`th change of its package; every fourth change takes the one before away. */
export const changed = (change: number): string => `90.${change}.0`
export const changesLeft = (changes: number): readonly number[] =>
  Array.from({ length: changes }, (_, at) => at + 1).filter((change) => change % 4 !== 0 && (change % 4 !== 3 || change === changes))
