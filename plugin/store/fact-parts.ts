import { randomBytes } from 'node:crypto'
import type { Json } from '../domain/json.ts'
import type { StoredFact } from '../domain/ports.ts'

/** Facts of one part: a few milliseconds to write or to read, whatever the package. */
const PART = 150
/** Of any package: three facts for each of 100,000 versions, and room. */
const MAX_PARTS = 10_000
/** Of bytes as they are written: parsed they are many small objects. Measured. */
const HEAP_FACTOR = 5

/** The facts of one package, and in which part of its entry each is kept. A fact that is replaced stays in its part. */
export class FactEntry {
  readonly facts = new Map<string, StoredFact>()
  readonly #parts: Map<string, StoredFact>[] = []
  readonly #homes = new Map<string, number>()
  readonly #sizes: number[] = []
  /** Of each part but the first, as the first tells it in the storage: another one is another writing of that part. */
  readonly #tags: (string | undefined)[] = []
  /** Parts that the storage does not have as they are here. */
  readonly unwritten = new Set<number>()
  /** How many parts there are, as the first tells it in the storage. */
  told = 0
  /** Somebody else is known to have added to it. */
  isBehind = false

  get parts(): number {
    return this.#parts.length
  }

  /** Bytes it takes in memory, about. */
  get size(): number {
    return this.#sizes.reduce((sum, size) => sum + size * HEAP_FACTOR, 1)
  }

  /** Puts a fact where it belongs, as the youngest. */
  put(key: string, fact: StoredFact): void {
    const part = this.#homes.get(key) ?? this.#roomy()
    this.place(part, key, fact)
    this.unwritten.add(part)
  }

  /** Puts a fact into a part, as it was read. */
  place(part: number, key: string, fact: StoredFact): void {
    const home = this.#homes.get(key)
    if (home !== undefined && home !== part) this.#parts[home]?.delete(key)
    this.facts.delete(key)
    this.facts.set(key, fact)
    this.#homes.set(key, part)
    this.reserve(part + 1)
    this.#parts[part]?.set(key, fact)
  }

  /** Takes a part in as it was read. What is here and not written yet stays: it is the younger one. */
  absorb(part: number, { facts, size }: DecodedPart): void {
    this.reserve(part + 1)
    this.#sizes[part] = size
    for (const [key, fact] of facts) {
      const known = this.facts.get(key)
      const home = this.#homes.get(key)
      if (known !== undefined && (restsOnTheSame(known, fact) || (home !== undefined && this.unwritten.has(home)))) continue
      this.place(part, key, fact)
    }
  }

  /** There are at least so many parts. */
  reserve(parts: number): void {
    while (this.#parts.length < parts) this.#parts.push(new Map())
  }

  /** Takes the oldest fact out. */
  drop(): void {
    const [oldest = ''] = this.facts.keys()
    const part = this.#homes.get(oldest) ?? 0
    this.facts.delete(oldest)
    this.#homes.delete(oldest)
    this.#parts[part]?.delete(oldest)
    this.unwritten.add(part)
  }

  /** A part as text. The first one says how many there are, and which writing each is where others write too. */
  encode(part: number, isShared: boolean): string {
    if (isShared && part > 0) this.#tags[part] = randomBytes(6).toString('base64url')
    const head = part > 0 ? {} : { parts: this.#parts.length, ...(isShared && { tags: this.#parts.map((_facts, index) => this.#tags[index] ?? '') }) }
    const body = encode(this.#parts[part] ?? new Map(), head)
    this.#sizes[part] = body.length
    if (part === 0) this.told = this.#parts.length
    return body
  }

  /** Whether another writing of a part is here. */
  hasOther(part: number, tags: DecodedPart['tags']): boolean {
    const tag = this.#tags[part]
    return tag === undefined || tag !== (tags[part] ?? '')
  }

  tagged(part: number, tags: DecodedPart['tags']): void {
    this.#tags[part] = tags[part] ?? ''
  }

  /** The last part first: the others are full, unless facts were dropped. */
  #roomy(): number {
    const found = this.#parts.findLastIndex(({ size }) => size < PART)
    return found === -1 ? this.#parts.length : found
  }
}

/** Anchors repeat from fact to fact: they are written once and pointed to. */
interface Wire {
  readonly parts?: number | undefined
  readonly tags?: readonly string[] | undefined
  readonly anchors: readonly string[]
  readonly facts: readonly (readonly [key: string, anchors: readonly number[], value: Json])[]
}

function encode(facts: ReadonlyMap<string, StoredFact>, head: Pick<Wire, 'parts' | 'tags'>): string {
  const indices = new Map<string, number>()
  const indexOf = (anchor: string): number => {
    const index = indices.get(anchor) ?? indices.size
    indices.set(anchor, index)
    return index
  }
  const rows = [...facts].map(([key, { anchors, value }]) => [key, anchors.map(indexOf), value] as const)
  return JSON.stringify({ ...head, anchors: [...indices.keys()], facts: rows } satisfies Wire)
}

export interface DecodedPart {
  /** How many parts the entry has; what the first one says. */
  readonly parts: number
  /** By the number of the part. */
  readonly tags: readonly string[]
  /** Bytes, as it is written. */
  readonly size: number
  readonly facts: readonly (readonly [key: string, fact: StoredFact])[]
}

/** Undefined for what another version of this program wrote in another form. */
export function decodePart(body: string): DecodedPart | undefined {
  try {
    const { parts = 1, tags = [], anchors, facts } = JSON.parse(body) as Wire
    const anchorsAt = (indices: readonly number[]): string[] => indices.map((index) => anchorAt(anchors, index))
    if (!Number.isSafeInteger(parts) || parts > MAX_PARTS) return undefined
    return { parts, tags, size: body.length, facts: facts.map(([key, indices, value]) => [key, { anchors: anchorsAt(indices), value }]) }
  } catch {
    return undefined
  }
}

function anchorAt(anchors: readonly string[], index: number): string {
  const anchor = anchors[index]
  if (typeof anchor !== 'string') throw new TypeError('a fact points to no anchor')
  return anchor
}

/** The key of a part: the first goes by the package alone. */
export const partKey = (scope: string, part: number): string => (part === 0 ? scope : `${scope}\n${String(part)}`)

/** After a rotation a fact rests on other anchors: kept out by the one before, it would be verified again for every request. */
export const restsOnTheSame = (known: StoredFact | undefined, fact: StoredFact): boolean =>
  known?.anchors.length === fact.anchors.length && known.anchors.every((anchor, index) => anchor === fact.anchors[index])
