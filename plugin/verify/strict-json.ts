import type { Json } from '../domain/json.ts'

/** Why a document is not read: `malformed` is not JSON at all, the others are JSON that means different things to different readers. */
export type JsonFault = 'malformed' | 'duplicate-key' | 'too-deep'

export class StrictJsonError extends Error {
  override readonly name = 'StrictJsonError'
  readonly fault: JsonFault
  constructor(fault: JsonFault, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.fault = fault
  }
}

/** Deeper than any statement or bundle npm serves; shallow enough for every recursive reader behind this one. */
export const MAX_JSON_DEPTH = 64

/**
 * Reads JSON that every reader must understand alike (I-JSON, RFC 7493): UTF-8 without a byte order mark, no key twice in
 * one object, bounded depth. JSON.parse takes the last of two equal keys, others the first, and the attacker chooses.
 * @throws StrictJsonError
 */
export function parseStrictJson(bytes: Uint8Array, maxDepth: number = MAX_JSON_DEPTH): Json {
  const text = decode(bytes)
  // Before JSON.parse, so that nothing is built of a document that is too deep.
  assertUnambiguous(text, maxDepth)
  return parse(text) as Json
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new StrictJsonError('malformed', 'not UTF-8', { cause })
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new StrictJsonError('malformed', 'not JSON', { cause })
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c

/**
 * Walks the text once with a stack of the objects that are open. It does not check the grammar: JSON.parse does after it, and
 * a text that JSON.parse accepts is tokenised by it and by this alike.
 */
function assertUnambiguous(text: string, maxDepth: number): void {
  const open: (Set<string> | undefined)[] = []
  let expectsKey = false
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at)
    switch (character) {
      case '{':
      case '[': {
        const object = character === '{'
        if (open.push(object ? new Set() : undefined) > maxDepth)
          throw new StrictJsonError('too-deep', `nested deeper than ${maxDepth} levels`)
        expectsKey = object
        break
      }
      case '}':
      case ']':
        open.pop()
        expectsKey = false
        break
      case ',':
        expectsKey = open.at(-1) !== undefined
        break
      case '"': {
        const end = endOfString(text, at)
        if (expectsKey) addKey(open.at(-1), text.slice(at, end + 1))
        expectsKey = false
        at = end
        break
      }
    }
  }
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === BACKSLASH) at++
    else if (code === QUOTE) return at
  }
  throw new StrictJsonError('malformed', 'a string does not end')
}

function addKey(keys: Set<string> | undefined, literal: string): void {
  // `"a"` and `"\u0061"` are one key.
  const key = literal.includes('\\') ? String(parse(literal)) : literal.slice(1, -1)
  if (keys?.has(key) === true) throw new StrictJsonError('duplicate-key', 'an object has one key twice')
  keys?.add(key)
}
