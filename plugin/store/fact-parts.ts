import { createHmac, hash, timingSafeEqual } from 'node:crypto'
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

  get parts(): number {
    return this.#parts.length
  }

  /** Bytes it takes in memory, about. */
  get size(): number {
    return this.#sizes.reduce((sum, size) => sum + size * HEAP_FACTOR, 1)
  }

  /** Puts a fact where it belongs, as the youngest. @returns the part to write */
  put(key: string, fact: StoredFact): number {
    const part = this.#homes.get(key) ?? this.#roomy()
    this.place(part, key, fact)
    return part
  }

  /** Puts a fact into a part, as it was read. */
  place(part: number, key: string, fact: StoredFact): void {
    this.facts.delete(key)
    this.facts.set(key, fact)
    this.#homes.set(key, part)
    while (this.#parts.length <= part) this.#parts.push(new Map())
    this.#parts[part]?.set(key, fact)
  }

  /** Takes the oldest fact out. @returns the part to write */
  drop(): number {
    const [oldest = ''] = this.facts.keys()
    const part = this.#homes.get(oldest) ?? 0
    this.facts.delete(oldest)
    this.#homes.delete(oldest)
    this.#parts[part]?.delete(oldest)
    return part
  }

  /** A part as text. The first one says how many there are. */
  encode(part: number): string {
    const body = encode(this.#parts[part] ?? new Map(), part === 0 ? this.#parts.length : undefined)
    this.sized(part, body)
    return body
  }

  sized(part: number, body: string): void {
    this.#sizes[part] = body.length
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
  readonly anchors: readonly string[]
  readonly facts: readonly (readonly [key: string, anchors: readonly number[], value: Json])[]
}

function encode(facts: ReadonlyMap<string, StoredFact>, parts: number | undefined): string {
  const indices = new Map<string, number>()
  const indexOf = (anchor: string): number => {
    const index = indices.get(anchor) ?? indices.size
    indices.set(anchor, index)
    return index
  }
  const rows = [...facts].map(([key, { anchors, value }]) => [key, anchors.map(indexOf), value] as const)
  return JSON.stringify({ parts, anchors: [...indices.keys()], facts: rows } satisfies Wire)
}

export interface DecodedPart {
  /** How many parts the entry has; what the first one says. */
  readonly parts: number
  readonly facts: readonly (readonly [key: string, fact: StoredFact])[]
}

/** Undefined for what another version of this program wrote in another form. */
export function decodePart(body: string): DecodedPart | undefined {
  try {
    const { parts = 1, anchors, facts } = JSON.parse(body) as Wire
    const anchorsAt = (indices: readonly number[]): string[] => indices.map((index) => anchorAt(anchors, index))
    if (!Number.isSafeInteger(parts) || parts > MAX_PARTS) return undefined
    return { parts, facts: facts.map(([key, indices, value]) => [key, { anchors: anchorsAt(indices), value }]) }
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

const SEAL = 64

/** Over the key too: an entry of another package, or in another place, is as foreign as one made up. */
export const sealed = (key: string, body: string, secret: string | undefined): string => `${sealOf(key, body, secret)} ${body}`

/** What was sealed, or undefined where the seal is of something else. */
export function opened(key: string, stored: string, secret: string | undefined): string | undefined {
  const seal = Buffer.from(stored.slice(0, SEAL), 'latin1')
  const body = stored.slice(SEAL + 1)
  const expected = Buffer.from(sealOf(key, body, secret), 'latin1')
  return seal.length === expected.length && timingSafeEqual(seal, expected) ? body : undefined
}

function sealOf(key: string, body: string, secret: string | undefined): string {
  // The length first: where the key ends is not for the body to say.
  const text = `${String(key.length)}:${key}${body}`
  return secret === undefined ? hash('sha256', text) : createHmac('sha256', secret).update(text).digest('hex')
}
