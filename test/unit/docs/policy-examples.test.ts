/** Every policy that the documentation shows is one. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import { sriOf } from '../../../plugin/domain/integrity.ts'
import { parsePolicy, runExamples, type TrustPolicy } from '../../../plugin/policy/index.ts'
import { KEYS } from '../../../plugin/policy/schema.ts'

const ROOT = path.resolve(import.meta.dirname, '../../..')
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8')
const NOW = new Date('2026-06-01T00:00:00Z')

interface Block {
  readonly file: string
  readonly line: number
  readonly text: string
}

const blocksOf = (file: string): readonly Block[] => {
  const document = read(file)
  return [...document.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(({ index, 1: text = '' }) => ({ file, line: document.slice(0, index).split('\n').length, text }))
}

/** What a reader fills in. Nothing else may be left out. */
const filledIn = (text: string): string =>
  text.replaceAll('{ … }', '{}').replaceAll('[ … ]', '[]').replaceAll('sha512-…', sriOf('ab'.repeat(64))).replace(/: …$/gm, ': because')

/** Keys of a rule are shown without the rule, one or several times. */
const ruleOf = (line: string): object => ({ packages: ['**'], ...(parse(line) as object) })

/** A block that is a part of a policy, as the policy that a reader makes of it. */
function policyOf({ text }: Block): TrustPolicy {
  const filled = filledIn(text)
  const context = { now: NOW, readFile: () => 'version: 1\n' }
  if (/^where:/m.test(filled)) {
    const rules = filled.split('\n').filter((line) => line.startsWith('where:')).map(ruleOf)
    return parsePolicy({ version: 1, extends: 'recommended', rules }, '/policy.yaml', context)
  }
  const isWhole = /^version:/m.test(filled)
  const isRule = !isWhole && /^(?:require|onFailure):/m.test(filled)
  if (isRule) return parsePolicy({ version: 1, extends: 'recommended', rules: [ruleOf(filled)] }, '/policy.yaml', context)
  return parsePolicy(isWhole ? filled : `version: 1\nextends: recommended\n${filled}`, '/policy.yaml', context)
}

const ALL_KEYS = [...new Set([...KEYS.values()].flat())]
/** `# key: value`, and lines of a list below one; prose has no key before its colon. */
const isCommentedKey = (line: string): boolean => ALL_KEYS.includes(/^ *# *(?:- )?([A-Za-z]+):(?: |$)/.exec(line)?.[1] ?? '')

const isPolicy = ({ text }: Block): boolean => !/^(?:middlewares|filters|uplinks|policy):/m.test(text)

describe('docs: the policies they show', () => {
  const blocks = [...blocksOf('docs/policy.md'), ...blocksOf('README.md')].filter(isPolicy)
  it('there are some', () => assert.ok(blocks.length >= 6, String(blocks.length)))
  for (const block of blocks) it(`${block.file}:${String(block.line)} is read as it stands`, () => assert.ok(policyOf(block).rules.length > 0))

  it('the README shows what its rule is for', () => {
    const [block] = blocksOf('README.md').filter(isPolicy)
    assert.ok(block)
    const { preset, rules } = policyOf(block)
    assert.deepEqual([preset, rules[0]?.packages], ['recommended', ['@acme/*']])
    assert.equal(typeof rules[0]?.require.provenance, 'object')
  })

  describe('config/policy.yaml', () => {
    const text = read('config/policy.yaml')
    it('is a policy, and its examples come out as they say', () => {
      const results = runExamples(parsePolicy(text, 'config/policy.yaml', { now: NOW }), NOW)
      assert.deepEqual(results.filter(({ passed }) => !passed).map(({ name }) => name), [])
      assert.ok(results.length > 0)
    })
    it('names every key of the policy language, in use or in a comment', () => {
      assert.deepEqual(ALL_KEYS.filter((key) => !new RegExp(`(?:^|[\\s{#-])${key}:(?:\\s|$)`, 'm').test(text)), [], 'keys that the example does not show')
    })
    it('what stands in comments can be taken in: it parses too', () => {
      const uncommented = text.split('\n').map((line) => (isCommentedKey(line) ? line.replace('# ', '') : line)).join('\n')
      assert.notEqual(uncommented, text)
      assert.doesNotThrow(() => parsePolicy(uncommented, '/policy.yaml', { now: NOW, readFile: () => 'version: 1\n' }))
    })
  })
})
