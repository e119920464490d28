import assert from 'node:assert/strict'
import fc from 'fast-check'
import { compileGlob } from '../../../plugin/policy/glob.ts'
import { parsePolicy } from '../../../plugin/policy/index.ts'
import { compilePackagePattern } from '../../../plugin/policy/package-pattern.ts'
import { covers } from '../../../plugin/policy/scope.ts'
import { NOW } from './support.ts'

const RUNS = { seed: 20_260_101, numRuns: 500 } as const

/** Patterns of few letters, so that they begin and end alike, and take each other's names. */
const piece = fc.constantFrom('a', 'b', 'ab', '-', '*', '**', 'a*', '*b')
const pattern = fc
  .tuple(fc.constantFrom('', '', '@s/'), fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join('')))
  .map(([scope, text]) => (text === '**' ? text : scope + text))
  .filter((text) => !/\*{3}/.test(text) && isPattern(text))

function isPattern(text: string): boolean {
  try {
    return compilePackagePattern(text).text === text
  } catch {
    return false
  }
}

/** What is said of rules of one pattern each, or of several, tried against every rule before. */
function tried(rules: readonly (readonly string[])[]): readonly string[] {
  return rules.flatMap((patterns, index) => {
    const takers = patterns.map((inner) => rules.findIndex((outers, order) => order < index && outers.some((outer) => covers(outer, inner))))
    return takers.includes(-1) || takers[0] === undefined ? [] : [`rules[${String(index)}] r${String(takers[0])}`]
  })
}

const said = (rules: readonly (readonly string[])[]): readonly string[] =>
  parsePolicy({ version: 1, extends: 'recommended', rules: rules.map((packages, index) => ({ name: `r${String(index)}`, packages })) }, 'policy.yaml', { now: NOW })
    .warnings.flatMap(({ path, message }) => {
      const [, taker] = /is never reached, since "(\w+)"/.exec(message) ?? []
      return taker === undefined ? [] : [`${path} ${taker}`]
    })

describe('policy: rules that are never reached', () => {
  it('are told as if each were held against every one before it', () => {
    let found = 0
    fc.assert(
      fc.property(fc.array(fc.array(pattern, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 12 }), (rules) => {
        const expected = tried(rules)
        found += expected.length
        assert.deepEqual(said(rules), expected)
      }),
      RUNS,
    )
    assert.ok(found > RUNS.numRuns, String(found))
  })

  for (const [what, rules, expected] of [
    ['one that ends with less of the same', [['*-b'], ['x-a-b']], ['rules[1] r0']],
    ['one whose beginning and end overlap in the name', [['ab*ba'], ['aba']], []],
    ['one between two stars', [['*a*'], ['*ba*']], ['rules[1] r0']],
    ['a star at the end takes no name with more behind it', [['a-*-b'], ['a-*']], []],
  ] as const)
    it(`${what}: ${expected.length === 0 ? 'reached' : 'not reached'}`, () => { assert.deepEqual(said(rules), expected) })
})

describe('policy: globs by their ends', () => {
  const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')
  /** The same as a regular expression, which here may be as slow as it likes. */
  const expression = (text: string): RegExp =>
    new RegExp(`^${text.split(/(\*\*|\*)/).map((part) => (part === '**' ? '[^]*' : part === '*' ? '[^/]*' : escaped(part))).join('')}$`)
  it('match what the whole pattern matches', () => {
    let matched = 0
    fc.assert(
      fc.property(pattern, fc.array(fc.constantFrom('a', 'b', '-', '/', '@s/'), { maxLength: 6 }), (text, letters) => {
        const value = letters.join('')
        const expected = expression(text).test(value)
        if (expected) matched++
        assert.equal(compileGlob(text).matches(value), expected, `${text} and ${value}`)
      }),
      { ...RUNS, numRuns: 3000 },
    )
    assert.ok(matched > 100, String(matched))
  })
})
