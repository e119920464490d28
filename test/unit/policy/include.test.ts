import assert from 'node:assert/strict'
import { ConfigurationError, type Problem } from '../../../plugin/domain/errors.ts'
import { parsePolicy, type TrustPolicy } from '../../../plugin/policy/index.ts'
import { compileScopePattern, covers, inScope, scopeCovers } from '../../../plugin/policy/scope.ts'
import { judge, NOW } from './support.ts'

const HEAD = 'version: 1\nextends: recommended\n'
type Files = Readonly<Record<string, string>>

const parse = (text: string, files: Files): TrustPolicy =>
  parsePolicy(text, '/conf/policy.yaml', {
    now: NOW,
    readFile: (path) => {
      const text = new Map(Object.entries(files)).get(path)
      if (text === undefined) throw new Error('there is no such file')
      return text
    },
  })
const problemsIn = (text: string, files: Files): readonly Problem[] => {
  try {
    parse(text, files)
  } catch (error) {
    assert.ok(error instanceof ConfigurationError)
    return error.problems
  }
  return []
}
const rulesFor = (packages: string, rest = 'verdict: deny\n    reason: no'): string => `version: 1\nrules:\n  - name: r\n    packages: [${packages}]\n    ${rest}\n`
const outcome = (policy: TrustPolicy, name: string): string => judge(policy, { ref: { name, version: '1.0.0' } }).outcome

const UI = `${HEAD}include:\n  - file: teams/ui.yaml\n    packages: ["@acme/ui-*"]\n`

describe('policy: include', () => {
  it('a mistake that only the rules together make is one in an included file too', () => {
    const found = problemsIn(UI, { '/conf/teams/ui.yaml': rulesFor('"@acme/ui-*"', 'verdict: allow') })
    assert.deepEqual(found.map(({ file }) => file), ['teams/ui.yaml'])
  })
  it('rules come after those of the policy, and before that of the preset', () => {
    const own = `${UI}rules:\n  - packages: ["@acme/ui-a"]\n`
    const policy = parse(own, { '/conf/teams/ui.yaml': rulesFor('"@acme/ui-*"') })
    assert.deepEqual(['@acme/ui-a', '@acme/ui-b', '@acme/b'].map((name) => outcome(policy, name)), ['allow', 'deny', 'allow'])
    assert.equal(judge(policy, { ref: { name: '@acme/ui-b', version: '1.0.0' } }).rule, 'teams/ui.yaml: r')
    assert.deepEqual(policy.includes, ['/conf/teams/ui.yaml'])
  })
  it('a name may be used in each of two files', () => {
    const files = { '/conf/a.yaml': rulesFor('a'), '/conf/b.yaml': rulesFor('b') }
    assert.deepEqual(problemsIn(`${HEAD}include: [a.yaml, b.yaml]\n`, files), [])
  })
  for (const pattern of ['"**"', 'lodash', '"@acme/*"', '"@acme/u*"', '"@acme/ui"', '"@acme/*-ui"', '"@acme-ui/*"', '"@acme/ui-a", lodash'])
    it(`[8a] a file held to "@acme/ui-*" cannot speak of ${pattern}`, () => {
      const problems = problemsIn(UI, { '/conf/teams/ui.yaml': rulesFor(pattern) })
      assert.deepEqual(problems.map(({ file, line }) => [file, line]), [['teams/ui.yaml', 4]])
    })
  for (const pattern of ['"@acme/ui-*"', '"@acme/ui-a"', '"@acme/ui-*-x@>=1"', '"@acme/ui-"'])
    it(`a file held to "@acme/ui-*" can speak of ${pattern}`, () => {
      assert.deepEqual(problemsIn(UI, { '/conf/teams/ui.yaml': rulesFor(pattern) }), [])
    })
  it('a waiver of a file is held to its packages too', () => {
    const waiver = (name: string): Files => ({
      '/conf/teams/ui.yaml': `version: 1\nwaivers:\n  - package: "${name}@1.0.0"\n    waives: [release-too-young]\n    reason: x\n    approvedBy: y\n    expires: 2027-01-01\n`,
    })
    assert.deepEqual(problemsIn(UI, waiver('@acme/b')).map(({ path }) => path), ['waivers[0].package'])
    assert.equal(judge(parse(UI, waiver('@acme/ui-b')), { ref: { name: '@acme/ui-b', version: '1.0.0' }, notBefore: NOW }).outcome, 'warn')
  })
  it('a waiver of a file that is over refuses the policy, at its place', () => {
    const file = 'version: 1\nwaivers:\n  - package: "@acme/ui-a@1.0.0"\n    waives: [release-too-young]\n    reason: x\n    approvedBy: y\n    expires: 2026-01-01\n'
    assert.deepEqual(problemsIn(UI, { '/conf/teams/ui.yaml': file }).map(({ file, line, path }) => [file, line, path]), [['teams/ui.yaml', 7, 'waivers[0].expires']])
  })
  it('a file in a file is held to the packages of both', () => {
    const inner = (pattern: string): Files => ({
      '/conf/teams/ui.yaml': 'version: 1\ninclude:\n  - file: more/x.yaml\n    packages: ["@acme/*-x"]\n',
      '/conf/teams/more/x.yaml': rulesFor(pattern),
    })
    assert.deepEqual(problemsIn(UI, inner('"@acme/ui-x"')), [])
    assert.deepEqual(problemsIn(UI, inner('"@acme/b-x"')).map(({ file }) => file), ['teams/more/x.yaml'])
    assert.deepEqual(problemsIn(UI, inner('"@acme/ui-y"')).length, 1)
  })
  it('a file without packages may speak of all', () => {
    assert.equal(outcome(parse(`${HEAD}include: [a.yaml]\n`, { '/conf/a.yaml': rulesFor('"**"') }), 'lodash'), 'deny')
  })
  for (const key of ['mode: monitor', 'extends: observe', 'listing: claimed', 'onUnavailable: allow', 'defaults: {}', 'withheld: hidden'])
    it(`a file cannot say ${key}`, () => {
      const [problem] = problemsIn(UI, { '/conf/teams/ui.yaml': `version: 1\n${key}\n` })
      assert.deepEqual([problem?.file, problem?.line, problem?.path], ['teams/ui.yaml', 2, key.split(':')[0]])
    })
  it('every mistake in every file is listed, with its file', () => {
    const files = { '/conf/a.yaml': 'version: 2\nruls: []\n', '/conf/b.yaml': 'version: 1\nrules: [\n', '/conf/c.yaml': '- x\n' }
    assert.deepEqual(
      problemsIn(`${HEAD}include: [a.yaml, b.yaml, c.yaml, d.yaml]\n`, files).map(({ file, line }) => [file, line]),
      [[undefined, 3], ['a.yaml', 1], ['a.yaml', 2], ['b.yaml', 3], ['c.yaml', 1]],
    )
    assert.throws(() => parse(`${HEAD}include: [a.yaml]\n`, files), /^ConfigurationError: a\.yaml:1: version/)
  })
  it('a circle, a file named twice, and files too deep are refused', () => {
    const self = { '/conf/a.yaml': 'version: 1\ninclude: [a.yaml]\n' }
    assert.deepEqual(problemsIn(`${HEAD}include: [a.yaml]\n`, self).map(({ file, path }) => [file, path]), [['a.yaml', 'include[0]']])
    assert.equal(problemsIn(`${HEAD}include: [b.yaml, ./b.yaml]\n`, { '/conf/b.yaml': 'version: 1\n' }).length, 1)
    assert.equal(problemsIn(`${HEAD}include: [a.yaml]\n`, { '/conf/a.yaml': 'version: 1\ninclude: [policy.yaml]\n' }).length, 1)
    const chain = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`/conf/${index}.yaml`, `version: 1\ninclude: [${index + 1}.yaml]\n`]))
    assert.deepEqual(problemsIn(`${HEAD}include: [0.yaml]\n`, chain).map(({ file }) => file), ['3.yaml'])
  })
  it('a rule behind one of another file is pointed out', () => {
    const policy = parse(`${UI}rules:\n  - packages: ["@acme/*"]\n`, { '/conf/teams/ui.yaml': rulesFor('"@acme/ui-a"') })
    assert.deepEqual(policy.warnings.map(({ file, path }) => [file, path]), [['teams/ui.yaml', 'rules[0]']])
  })
  it('is part of the revision', () => {
    const of = (pattern: string): string => parse(UI, { '/conf/teams/ui.yaml': rulesFor(pattern) }).revision
    assert.notEqual(of('"@acme/ui-a"'), of('"@acme/ui-b"'))
  })
})

describe('policy: one pattern covers another', () => {
  it('one with more wildcards than can be tried covers itself, and is covered by nothing else', () => {
    const many = '@acme/*a*b*c*d*e*'
    assert.deepEqual([covers(many, many), covers('@acme/*', many), covers('**', many)], [true, false, true])
  })
  it('a name is in a scope when one pattern of every list has it', () => {
    assert.deepEqual([inScope([['@acme/*', '@other/*']], '@acme/a'), inScope([['@acme/*', '@other/*'], ['@other/*']], '@acme/a')], [true, false])
    assert.deepEqual([scopeCovers([['@acme/*', '@other/*']], '@other/a@^1.0.0'), scopeCovers([['@acme/*']], '@other/a')], [true, false])
  })
  it('a scope is of names, and of no versions', () => {
    assert.throws(() => compileScopePattern('@acme/a@^1.0.0'), /range of versions/)
    assert.equal(compileScopePattern('@acme/*').name.matches('@acme/a'), true)
  })
  for (const [outer, inner, expected] of [
    ['**', 'a', true],
    ['*', '@acme/a', false],
    ['*', 'a*', true],
    ['*', '**', false],
    ['*/**', '**', false],
    ['@acme/*', '@acme/ui-*', true],
    ['@acme/ui-*', '@acme/*', false],
    ['@acme/*', '@acme/**', false],
    ['@acme/**', '@acme/*', true],
    ['@*/ui', '@acme/ui', true],
    ['a*b', 'a*', false],
    ['a*b', 'a*c*b', true],
    ['*a*', '*', false],
  ] as const)
    it(`${outer} ${expected ? 'covers' : 'does not cover'} ${inner}`, () => assert.equal(covers(outer, inner), expected))
})

describe('policy: more doubts', () => {
  const doubtsIn = (text: string): readonly string[] => parsePolicy(`${HEAD}${text}`, 'policy.yaml', { now: NOW }).warnings.map(({ path }) => path)
  const identityOf = (identity: string): string => `rules:\n  - packages: [a]\n    require: { provenance: { ${identity} } }\n`

  it('rules that those before them leave nothing to', () => {
    const rules = (...packages: readonly string[]): string => `rules:\n${packages.map((list) => `  - packages: [${list}]\n`).join('')}`
    assert.deepEqual(doubtsIn(rules('"@acme/*"', '"@acme/a", "@acme/b-*"')), ['rules[1]'])
    assert.deepEqual(doubtsIn(rules('"@acme/*"', '"@acme/a", b')), [])
    assert.deepEqual(doubtsIn(rules('a', 'b', 'a')), ['rules[2]'])
    assert.deepEqual(doubtsIn(rules('"a@^1"', '"a@1.2.3"')), ['rules[1]'])
    assert.deepEqual(doubtsIn(rules('"a@^1"', 'a')), [])
    assert.deepEqual(doubtsIn(rules('"a@1.2.3"', '"a@^1"')), [])
  })
  for (const wide of ['https://github.com/*', 'https://github.com/**', 'https://github.com/acme*/x', 'https://*/acme/x', 'https://github.com/*/x', '**'])
    it(`[8a] a source that covers other owners: ${wide}`, () => {
      assert.deepEqual(doubtsIn(identityOf(`issuer: github-actions, sourceRepository: "${wide}"`)), ['rules[0].require.provenance.sourceRepository'])
      assert.deepEqual(doubtsIn(identityOf(`issuer: github-actions, sourceOwnerId: "1", sourceRepository: "${wide}"`)), [])
    })
  it('a source of one owner is fine, as an alternative too', () => {
    assert.deepEqual(doubtsIn(identityOf('issuer: github-actions, sourceRepository: https://github.com/acme/*')), [])
    assert.deepEqual(doubtsIn('defaults: { anyOf: [{ provenance: { issuer: gitlab-ci } }] }\n'), ['defaults.anyOf[0].provenance'])
  })
  it('a signer of any owner', () => {
    const identity = 'sourceRepository: https://github.com/acme/*, signerWorkflow: "https://github.com/*/ci/x.yml@**"'
    assert.deepEqual(doubtsIn(identityOf(identity)), ['rules[0].require.provenance.signerWorkflow'])
  })
})
