/** What came before each version of a package, by the moment it can have been published at the earliest. */
import type { Candidate } from './evidence.ts'
import { RANKS, type Before, type Counts, type Hint, type History, type Predecessor, type Rank } from './history.ts'

type Basis = Predecessor['basis']

/** One version, as those after it are compared with it. */
export interface Release {
  readonly version: string
  /** The major; for 0.x `0.minor`. */
  readonly line: string
  readonly isPrerelease: boolean
  readonly notBefore: Date
  /** What its registry signature counts as; undefined where there is none. */
  readonly signature: Basis | undefined
  readonly provenance: Basis | undefined
  readonly hints: readonly Hint[]
}

type States = { readonly [Kind in 'signature' | 'publishAttestation' | 'provenance']: Candidate[Kind]['state'] }

/**
 * What the evidence of a version is worth to those after it. Nothing at all where any of it was found invalid: what is refused as
 * forged sets no example, or whoever forges it would condemn the genuine versions that follow.
 */
export function standingOf({ signature, publishAttestation, provenance }: States, announcesProvenance: boolean): Pick<Release, 'signature' | 'provenance'> {
  if ([signature, publishAttestation, provenance].includes('invalid')) return { signature: undefined, provenance: undefined }
  // Where the endpoint is merely probed, provenance is asked for on a guess, which is nobody's claim.
  return { signature: basisOf(signature), provenance: provenance === 'verified' || announcesProvenance ? basisOf(provenance) : undefined }
}

/** A key that is not known and an answer that did not come leave the claim as it was. */
const basisOf = (state: Candidate['signature']['state']): Basis | undefined =>
  state === 'verified' ? 'verified' : state === 'absent' || state === 'invalid' ? undefined : 'claimed'

/** Nothing is sorted or compared before the first question. `compare` decides between two of one moment. */
export function chronologyOf<One extends Release>(releases: () => readonly One[], compare: (a: One, b: One) => number): History {
  let sorted: readonly One[] | undefined
  const swept = new Map<number, ReadonlyMap<string, Before>>()
  return {
    before: (version, counts) => {
      // Asked for each version of a listing.
      const key = (counts.signature ? 1 : 0) + (counts.provenance ? 2 : 0)
      sorted ??= releases().toSorted((a, b) => momentOf(a) - momentOf(b) || compare(a, b))
      const known = swept.get(key) ?? sweep(sorted, counts)
      swept.set(key, known)
      return known.get(version) ?? NOTHING
    },
  }
}

/** A time that is none proves nothing: such a version is preceded by all others, and precedes none of them. */
const momentOf = ({ notBefore }: Release): number => {
  const time = notBefore.getTime()
  // Not Infinity: the difference of two is no number.
  return Number.isNaN(time) ? Number.MAX_SAFE_INTEGER : time
}

const NO_HINTS: ReadonlySet<Hint> = new Set()
const NOTHING: Before = { inLine: undefined, offLine: undefined, hints: NO_HINTS }

/** The best of each line so far, and of all lines the best two: the best of the others is the first that is not one's own. */
class Past {
  readonly #lines = new Map<string, { best: Predecessor | undefined; hints: ReadonlySet<Hint> }>()
  #first: { readonly line: string; readonly best: Predecessor } | undefined
  #second: { readonly line: string; readonly best: Predecessor } | undefined

  before(line: string): Before {
    const own = this.#lines.get(line)
    const other = this.#first?.line === line ? this.#second : this.#first
    return { inLine: own?.best, offLine: other?.best, hints: own?.hints ?? NO_HINTS }
  }

  add({ line, hints }: Release, one: Predecessor | undefined): void {
    if (one === undefined && hints.length === 0) return
    const own = this.#lines.get(line) ?? { best: undefined, hints: NO_HINTS }
    this.#lines.set(line, own)
    if (hints.some((hint) => !own.hints.has(hint))) own.hints = new Set([...own.hints, ...hints])
    if (one === undefined) return
    if (isAtLeast(one, own.best)) own.best = one
    if (isAtLeast(one, this.#first?.best)) {
      if (this.#first?.line !== line) this.#second = this.#first
      this.#first = { line, best: one }
    } else if (this.#first?.line !== line && isAtLeast(one, this.#second?.best)) this.#second = { line, best: one }
  }
}

/** Of two that are worth the same the verified one is named, and then the later one: it is what people remember. */
const isAtLeast = (one: Predecessor, best: Predecessor | undefined): boolean => best === undefined || weightOf(one) >= weightOf(best)
const weightOf = ({ rank, basis }: Predecessor): number => RANKS.indexOf(rank) * 2 + (basis === 'verified' ? 1 : 0)

function sweep(sorted: readonly Release[], counts: Counts): ReadonlyMap<string, Before> {
  const stable = new Past()
  const all = new Past()
  const before = new Map<string, Before>()
  for (const release of sorted) {
    const { version, line, isPrerelease } = release
    before.set(version, (isPrerelease ? all : stable).before(line))
    const one = predecessorOf(release, counts)
    all.add(release, one)
    if (!isPrerelease) stable.add(release, one)
  }
  return before
}

/** Undefined where nothing vouches for it: it outranks nobody. */
function predecessorOf({ version, notBefore, signature, provenance }: Release, counts: Counts): Predecessor | undefined {
  const made = (rank: Rank, basis: Basis): Predecessor => ({ version, rank, basis, notBefore })
  if (counts.provenance && provenance !== undefined) return made('provenance', provenance)
  return counts.signature && signature !== undefined ? made('signature', signature) : undefined
}
