import type { PackageRef } from '../domain/package-ref.ts'
import { Mistake } from './mistake.ts'

/**
 * Our own compiler rather than a glob library: a policy is written against attackers who choose near names, so exactly two
 * things may be special, `**` and `*`. Libraries bring braces, negation, character classes, dot-file rules and case folding,
 * each of which makes some rule mean more than its author reads; and they compile to regular expressions that backtrack.
 */
export interface Glob {
  /** As the policy's author wrote it. */
  readonly text: string
  /** The only value that matches, where the pattern has nothing special in it. */
  readonly literal: string | undefined
  /** Whether the whole value matches: anchored at both ends, case-sensitive. */
  matches(value: string, ref?: PackageRef): boolean
  /** The pattern with the package's name and version in it, for people. */
  describe(ref: PackageRef): string
}

type Token = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'star' | 'globstar' | 'name' | 'version' }

const MAX_PATTERN = 512
const MAX_WILDCARDS = 8
const PIECES = /\*+|\{name\}|\{version\}|[^*{}]+|[{}]/g

/**
 * Compiles a pattern: `**` is everything, `*` stops at a slash, the rest is literal. With `placeholders`, `{name}` and
 * `{version}` stand for the package's own, inserted as literals whatever characters they hold.
 * @throws Mistake
 */
export function compileGlob(text: string, options: { readonly placeholders?: boolean } = {}): Glob {
  refuseForeignSyntax(text)
  const tokens = [...text.matchAll(PIECES)].map(([piece]) => tokenOf(piece, options.placeholders ?? false))
  if (tokens.filter(isWildcard).length > MAX_WILDCARDS)
    throw new Mistake(`has more than ${MAX_WILDCARDS} wildcards`, 'Split it into several patterns')
  const literal = tokens.every((token) => token.kind === 'text') ? text : undefined
  const [start, end] = [textOf(tokens[0]), textOf(tokens.at(-1))]
  const matches = (value: string, ref?: PackageRef): boolean =>
    literal === undefined ? value.startsWith(start) && value.endsWith(end) && run(tokens, value, ref) : value === literal
  const describe = (ref: PackageRef): string =>
    tokens.some(isPlaceholder) ? tokens.map((token) => written(token, ref)).join('') : text
  return { text, literal, matches, describe }
}

function refuseForeignSyntax(text: string): void {
  if (text === '') throw new Mistake('is empty', 'Write a pattern; "**" is everything')
  if (text.trim() !== text) throw new Mistake('begins or ends with a space', 'Take the space out')
  if (text.length > MAX_PATTERN) throw new Mistake(`is longer than ${MAX_PATTERN} characters`, 'Write a shorter pattern')
  if (text.startsWith('!'))
    throw new Mistake('begins with "!"', 'Patterns cannot be negated: put a rule for the exception before this one')
  if (/[@!+*?]\(/.test(text))
    throw new Mistake('uses an extended glob', 'Write one pattern for each case; only * and ** are special')
}

function tokenOf(piece: string, placeholders: boolean): Token {
  if (piece.startsWith('***'))
    throw new Mistake(`has ${piece.length} stars in a row`, 'Write "*" (stops at a slash) or "**" (everything)')
  if (piece === '**') return { kind: 'globstar' }
  if (piece === '*') return { kind: 'star' }
  if (piece === '{name}' || piece === '{version}') {
    if (placeholders) return { kind: piece === '{name}' ? 'name' : 'version' }
    throw new Mistake(`uses ${piece}`, 'Only sourceRef knows {name} and {version}')
  }
  if (piece === '{' || piece === '}')
    throw new Mistake(
      'uses braces',
      placeholders
        ? 'Only {name} and {version} may be in braces'
        : 'Write one pattern for each alternative; only * and ** are special',
    )
  return { kind: 'text', text: piece }
}

const textOf = (token: Token | undefined): string => (token?.kind === 'text' ? token.text : '')
const isWildcard = (token: Token): boolean => token.kind === 'star' || token.kind === 'globstar'
const isPlaceholder = (token: Token): boolean => token.kind === 'name' || token.kind === 'version'

function written(token: Token, ref: PackageRef | undefined): string {
  if (token.kind === 'text') return token.text
  if (token.kind === 'star') return '*'
  if (token.kind === 'globstar') return '**'
  return ref?.[token.kind] ?? `{${token.kind}}`
}

/**
 * Walks all possible positions at once: a step looks at each character at most once, so the time is the pattern's tokens times
 * the value's length, and an attacker who chooses the value gains nothing.
 */
function run(tokens: readonly Token[], value: string, ref: PackageRef | undefined): boolean {
  let positions = new Set([0])
  for (const token of tokens) {
    positions = step(token, positions, value, ref)
    if (positions.size === 0) return false
  }
  return positions.has(value.length)
}

function step(token: Token, positions: ReadonlySet<number>, value: string, ref: PackageRef | undefined): Set<number> {
  const next = new Set<number>()
  if (token.kind === 'globstar') {
    const [first = value.length] = positions
    for (let at = first; at <= value.length; at++) next.add(at)
    return next
  }
  if (token.kind === 'star') {
    // Positions ascend, and a position that is there already was reached by a walk that went on to the slash.
    for (const from of positions)
      for (let at = from; at <= value.length && !next.has(at); at++) {
        next.add(at)
        if (value[at] === '/') break
      }
    return next
  }
  const text = written(token, ref)
  for (const at of positions) if (value.startsWith(text, at)) next.add(at + text.length)
  return next
}
