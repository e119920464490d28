/** What a target is, and how it says that something is wrong. */

export interface Target {
  readonly name: string
  /** What is changed: a tree of JSON, or bytes. */
  readonly kind: 'json' | 'bytes'
  /** Where a run begins; made anew each time, so that evidence need not be kept. */
  readonly seeds: () => readonly (Buffer | string)[]
  /** Pieces the format is made of. */
  readonly words: readonly string[]
  /** Files below plugin/ that it is about. */
  readonly covers: readonly string[]
  /** Iterations of the short run. */
  readonly quick: number
  /** Largest input that is tried, in bytes. */
  readonly longest?: number
  /** Changes an input that was changed, as a format with checksums needs it. */
  readonly mend?: (input: Buffer) => Buffer
  /** Throws when the parser does what it must not: another error than its documented ones, or an answer that is wrong. */
  readonly run: (input: Buffer) => Promise<void> | void
}

/** A promise of a parser that an input broke. */
export class Broken extends Error {
  override readonly name = 'Broken'
}

export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Broken(what)
}

type ErrorClass = abstract new (...args: never[]) => Error

/** The value, or undefined when the parser refused in one of its documented ways. */
export function orRefused<Value>(parse: () => Value, ...documented: readonly ErrorClass[]): Value | undefined {
  try {
    return parse()
  } catch (error) {
    if (documented.some((one) => error instanceof one)) return undefined
    throw error
  }
}
