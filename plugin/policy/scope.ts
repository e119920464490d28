/** Which packages a file may speak of: a team's file must not open a door of another team. */
import { compilePackagePattern, type PackagePattern } from './package-pattern.ts'
import { splitSpec } from '../domain/package-ref.ts'
import { compileGlob, type Glob } from './glob.ts'
import { Mistake } from './mistake.ts'

/** Lists of patterns, one for each file on the way: a name must match one of every list. None is every package. */
export type Scope = readonly (readonly string[])[]

/** @throws Mistake */
export function compileScopePattern(text: string): PackagePattern {
  const pattern = compilePackagePattern(text)
  if (pattern.range !== undefined) throw new Mistake('has a range of versions', 'Write a pattern on names alone, such as "@acme/ui-*"')
  return pattern
}

/** Compiled once for each list; a policy has a few. */
const compiled = new WeakMap<readonly string[], readonly Glob[]>()

function globsOf(patterns: readonly string[]): readonly Glob[] {
  const known = compiled.get(patterns)
  if (known !== undefined) return known
  const globs = patterns.map((pattern) => compileGlob(pattern))
  compiled.set(patterns, globs)
  return globs
}

export const inScope = (scope: Scope, name: string): boolean => scope.every((patterns) => globsOf(patterns).some((glob) => glob.matches(name)))

/** Whether a pattern, its range apart, names nothing outside the scope. */
export const scopeCovers = (scope: Scope, pattern: string): boolean =>
  scope.every((patterns) => patterns.some((outer) => covers(outer, splitSpec(pattern).name)))

/** Whether every name that `inner` matches is matched by `outer`; see `coversNames`. */
export const covers = (outer: string, inner: string): boolean => coversNames(compileGlob(outer), namesOf(inner))

/** What a pattern on names can match. */
export interface Names {
  readonly text: string
  /** A few of its names that stand for all of them; undefined where they would be too many. */
  readonly instances: readonly string[] | undefined
}

export function namesOf(text: string): Names {
  const parts = text.split(/(\*\*|\*)/)
  return { text, instances: parts.length > 9 ? undefined : instancesOf(parts) }
}

/**
 * Whether every one of the names is matched by `outer`: tried with what each wildcard can stand for, in characters that no pattern
 * holds, so that only a wildcard of `outer` can take them up. Says no where in doubt.
 */
export function coversNames(outer: Glob, { text, instances }: Names): boolean {
  if (outer.text === '**') return true
  return instances === undefined ? outer.text === text : instances.every((name) => outer.matches(name))
}

const UNUSED = '\u{1}'
const SEVERAL = `${UNUSED}/`.repeat(20) + UNUSED
const STANDS_FOR: ReadonlyMap<string, readonly string[]> = new Map([
  ['*', ['', UNUSED]],
  ['**', ['', UNUSED, SEVERAL]],
])

const instancesOf = (parts: readonly string[]): readonly string[] =>
  parts.reduce<readonly string[]>((names, part) => names.flatMap((name) => (STANDS_FOR.get(part) ?? [part]).map((text) => name + text)), [''])
