import type { Json } from './json.ts'

/**
 * JSON of which there is only one reading. RFC 8259 leaves open what a repeated key means: JavaScript keeps the last value,
 * others the first, and whoever signs or publishes can let two programs see two documents.
 */
export interface JsonLimits {
  /** Objects and arrays inside one another; a scalar has depth 0. */
  readonly maxDepth?: number
}

/** Why a document is not read: `malformed` is not JSON at all, the others are JSON that means different things to different readers. */
export type JsonFault = 'malformed' | 'duplicate-key' | 'too-deep'

export class StrictJsonError extends SyntaxError {
  override readonly name = 'StrictJsonError'
  readonly fault: JsonFault
  constructor(fault: JsonFault, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.fault = fault
  }
}

/** Deeper than any statement or bundle npm serves; shallow enough for every recursive reader behind this one. */
const MAX_JSON_DEPTH = 64

/**
 * Reads JSON that every reader must understand alike (I-JSON, RFC 7493): UTF-8 without a byte order mark, no key twice in
 * one object, bounded depth. JSON.parse takes the last of two equal keys, others the first, and the attacker chooses.
 * @throws StrictJsonError
 */
export function parseStrictJson(bytes: Uint8Array, maxDepth: number = MAX_JSON_DEPTH): Json {
  const text = malformedUnless('not UTF-8', () => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  // Before JSON.parse, so that nothing is built of a document that is too deep.
  const repeated = malformedUnless('not JSON', () => repeatedMembers(text, { maxDepth }))
  const value = malformedUnless('not JSON', () => JSON.parse(text) as Json)
  if (repeated.length > 0) throw new StrictJsonError('duplicate-key', 'an object has one key twice')
  return value
}

function malformedUnless<Result>(message: string, read: () => Result): Result {
  try {
    return read()
  } catch (cause) {
    throw cause instanceof StrictJsonError ? cause : new StrictJsonError('malformed', message, { cause })
  }
}

/**
 * Both readings of JSON whose keys may repeat: `last` is what JavaScript sees, `first` what a parser sees that keeps the
 * first value. They are the same object when no key is repeated.
 * @throws SyntaxError when it is not JSON or is nested deeper than the limit
 */
export function parseBothWays(text: string, limits: JsonLimits = {}): { readonly last: unknown; readonly first: unknown } {
  const last: unknown = JSON.parse(text)
  const repeated = repeatedMembers(text, limits)
  return { last, first: repeated.length === 0 ? last : JSON.parse(without(text, repeated)) }
}

/** A member whose key its object had before, from the comma in front of it to its end. */
interface Repeated {
  readonly key: string
  readonly from: number
  readonly to: number
}

interface Level {
  /** Keys seen so far; undefined in an array. */
  readonly keys: Set<string> | undefined
  comma: number
  expectsKey: boolean
  repeats: string | undefined
}

/**
 * Scans for structure alone: JSON.parse checks the grammar, and a text that it accepts is tokenised by it and by this alike.
 * Iterative, since depth is the attacker's to choose.
 */
function repeatedMembers(text: string, { maxDepth = Infinity }: JsonLimits): readonly Repeated[] {
  const found: Repeated[] = []
  const levels: Level[] = []
  const endMember = (level: Level, to: number): void => {
    if (level.repeats !== undefined) found.push({ key: level.repeats, from: level.comma, to })
    level.repeats = undefined
  }
  for (let i = 0; i < text.length; i++) {
    const level = levels.at(-1)
    switch (text[i]) {
      case '{':
      case '[': {
        const keys = text[i] === '{' ? new Set<string>() : undefined
        levels.push({ keys, comma: i, expectsKey: keys !== undefined, repeats: undefined })
        if (levels.length > maxDepth) throw new StrictJsonError('too-deep', `nested deeper than ${maxDepth} levels`)
        break
      }
      case '}':
      case ']':
        if (level !== undefined) endMember(level, i)
        levels.pop()
        break
      case ',':
        if (level === undefined) break
        endMember(level, i)
        level.comma = i
        level.expectsKey = level.keys !== undefined
        break
      case '"': {
        const end = endOfString(text, i)
        if (level?.keys !== undefined && level.expectsKey) {
          // Parsed, because `"na\u006de"` is another spelling of `"name"`.
          const key = JSON.parse(text.slice(i, end + 1)) as string
          if (level.keys.has(key)) level.repeats = key
          level.keys.add(key)
          level.expectsKey = false
        }
        i = end
        break
      }
      default:
    }
  }
  return found
}

function endOfString(text: string, start: number): number {
  let i = start + 1
  while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1
  return i
}

/** The text with the repeated members cut out; one that lies inside another goes with it. */
function without(text: string, repeated: readonly Repeated[]): string {
  let kept = ''
  let position = 0
  for (const { from, to } of repeated.toSorted((a, b) => a.from - b.from)) {
    if (from < position) continue
    kept += text.slice(position, from)
    position = to
  }
  return kept + text.slice(position)
}
