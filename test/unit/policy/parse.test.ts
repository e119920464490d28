import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { ConfigurationError, type Problem } from '../../../plugin/domain/errors.ts'
import { describePolicy, parsePolicy, presetPolicy } from '../../../plugin/policy/index.ts'
import { judge } from './support.ts'

const problemsIn = (policy: unknown): readonly Problem[] => {
  try {
    parsePolicy(policy, 'policy.yaml')
  } catch (error) {
    assert.ok(error instanceof ConfigurationError)
    return error.problems
  }
  return []
}

const HEAD = 'version: 1\nextends: recommended\n'
const rule = (text: string): string => `${HEAD}rules:\n  - packages: [a]\n    ${text}\n`
const requireOf = (text: string): string => rule(`require: { ${text} }`)
const identityOf = (text: string): string => requireOf(`provenance: { ${text} }`)
const packagesOf = (text: string): string => `${HEAD}rules:\n  - packages: [${text}]\n`

/** What is wrong, the policy, where, and a word that its remedy must hold. */
const MISTAKES: readonly (readonly [what: string, policy: string, path: string, line: number, remedy: RegExp])[] = [
  ['an empty file', '', '', 1, /version: 1/],
  ['a file of comments', '# nothing\n', '', 1, /version: 1/],
  ['a list', '- a\n', '', 1, /version: 1/],
  ['a word', 'recommended\n', '', 1, /extends/],
  ['no version', 'extends: strict\n', 'version', 1, /version: 1/],
  ['another version', 'version: 2\nextends: strict\n', 'version', 1, /version: 1/],
  ['a version in quotes', 'version: "1"\nextends: strict\n', 'version', 1, /version: 1/],
  ['an unknown preset', 'version: 1\nextends: stict\n', 'extends', 2, /"strict"/],
  ['an empty preset', 'version: 1\nextends:\n', 'extends', 2, /recommended/],
  ['an unknown mode', `${HEAD}mode: monitr\n`, 'mode', 3, /monitor/],
  ['an unknown listing', `${HEAD}listing: all\n`, 'listing', 3, /verified/],
  ['onUnavailable as a boolean', `${HEAD}onUnavailable: true\n`, 'onUnavailable', 3, /deny or allow/],
  ['an unknown key with a near one', `${HEAD}ruls: []\n`, 'ruls', 3, /"rules"/],
  ['an unknown key with none near', `${HEAD}zzzzzz: 1\n`, 'zzzzzz', 3, /Remove it/],
  ['a key named __proto__', `${HEAD}__proto__: { mode: monitor }\n`, '__proto__', 3, /Remove it/],
  ['a key named constructor', rule('constructor: x'), 'rules[0].constructor', 5, /Remove it/],
  ['a merge key', `${HEAD}<<: { mode: monitor }\n`, '<<', 3, /Remove it/],
  ['a requirement at the top', `${HEAD}provenance: required\n`, 'provenance', 3, /`defaults`/],
  ['an identity field in require', requireOf('issuer: github-actions'), 'rules[0].require.issuer', 5, /identity/],
  ['waivers', `${HEAD}waivers: []\n`, 'waivers', 3, /Remove it/],
  ['examples', `${HEAD}examples: []\n`, 'examples', 3, /Remove it/],
  ['include', `${HEAD}include: [a.yaml]\n`, 'include', 3, /Remove it/],
  ['withheld: marked', `${HEAD}withheld: marked\n`, 'withheld', 3, /hidden/],
  ['where', rule('where: "true"'), 'rules[0].where', 5, /Remove it/],
  ['onFailure', rule('onFailure: warn'), 'rules[0].onFailure', 5, /Remove it/],
  ['origin: local', rule('origin: local'), 'rules[0].origin', 5, /upstream or any/],
  ['trustDowngrade', requireOf('trustDowngrade: forever'), 'rules[0].require.trustDowngrade', 5, /Remove it/],
  ['identityPin', requireOf('identityPin: off'), 'rules[0].require.identityPin', 5, /Remove it/],
  ['manifestRepository', `${HEAD}defaults: { manifestRepository: match }\n`, 'defaults.manifestRepository', 3, /Remove it/],
  ['dependencySources', requireOf('dependencySources: any'), 'rules[0].require.dependencySources', 5, /Remove it/],
  ['stagedPublish', requireOf('stagedPublish: required'), 'rules[0].require.stagedPublish', 5, /Remove it/],
  ['rules as a mapping', `${HEAD}rules: { a: 1 }\n`, 'rules', 3, /list of rules/],
  ['a rule as a word', `${HEAD}rules:\n  - left-pad\n`, 'rules[0]', 4, /packages/],
  ['a rule without packages', `${HEAD}rules:\n  - name: x\n`, 'rules[0].packages', 4, /list of patterns/],
  ['packages as text', `${HEAD}rules:\n  - packages: "a"\n`, 'rules[0].packages', 4, /list of patterns/],
  ['no packages', packagesOf(''), 'rules[0].packages', 4, /list of patterns/],
  ['a negated pattern', packagesOf('"!a"'), 'rules[0].packages[0]', 4, /rule for the exception/],
  ['braces in a pattern', packagesOf('a, "{b,c}"'), 'rules[0].packages[1]', 4, /one pattern for each/],
  ['an extended glob', packagesOf('"@(a|b)"'), 'rules[0].packages[0]', 4, /one pattern for each/],
  ['three stars', packagesOf('"***"'), 'rules[0].packages[0]', 4, /"\*\*"/],
  ['a name that cannot be', packagesOf('acme/ui'), 'rules[0].packages[0]', 4, /@acme/],
  ['an address for a name', packagesOf('"https://x.example/a"'), 'rules[0].packages[0]', 4, /@acme/],
  ['a dist-tag for a range', packagesOf('a@latest'), 'rules[0].packages[0]', 4, /dist-tags/],
  ['a half-understood range', packagesOf('"a@1.x foo"'), 'rules[0].packages[0]', 4, /semver range/],
  ['an empty range', packagesOf('"a@"'), 'rules[0].packages[0]', 4, /semver range/],
  ['an empty pattern', packagesOf('""'), 'rules[0].packages[0]', 4, /pattern/],
  [
    'a name used twice',
    `${HEAD}rules:\n  - { name: x, packages: [a] }\n  - { name: x, packages: [b] }\n`,
    'rules[1].name',
    5,
    /of its own/,
  ],
  ['no rule that catches all', 'version: 1\nrules:\n  - packages: ["*"]\n', 'rules', 2, /"\*\*"/],
  ['no rules and no preset', 'version: 1\n', 'rules', 1, /extends: recommended/],
  ['a catch-all of some versions', 'version: 1\nrules:\n  - packages: ["**@*"]\n', 'rules', 2, /"\*\*"/],
  ['a verdict without a reason', rule('verdict: deny'), 'rules[0].verdict', 5, /Add `reason`/],
  ['a reason without a verdict', rule('reason: why'), 'rules[0].reason', 5, /Add `verdict/],
  [
    'an empty reason',
    rule('{ verdict: deny, reason: "" }').replace('    { verdict: deny, reason: "" }', '    verdict: deny\n    reason: " "'),
    'rules[0].reason',
    6,
    /sentence/,
  ],
  ['a verdict beside requirements', rule('verdict: deny\n    reason: x\n    require: {}'), 'rules[0].require', 7, /Remove/],
  ['an unknown verdict', rule('verdict: reject\n    reason: x'), 'rules[0].verdict', 5, /deny or allow/],
  ['a misspelt requirement', requireOf('provenance: requird'), 'rules[0].require.provenance', 5, /"required"/],
  ['whereSigned for provenance', requireOf('provenance: whereSigned'), 'rules[0].require.provenance', 5, /ifPresent/],
  ['a boolean for a requirement', requireOf('provenance: true'), 'rules[0].require.provenance', 5, /required/],
  ['an age without a unit', requireOf('minimumReleaseAge: 3'), 'rules[0].require.minimumReleaseAge', 5, /3d/],
  ['a negative age', requireOf('minimumReleaseAge: -3d'), 'rules[0].require.minimumReleaseAge', 5, /3d/],
  ['an unknown unit', requireOf('minimumReleaseAge: 3y'), 'rules[0].require.minimumReleaseAge', 5, /s, m, h, d, w/],
  ['an age of a lifetime', requireOf('minimumReleaseAge: 99999d'), 'rules[0].require.minimumReleaseAge', 5, /shorter/],
  ['an empty age', requireOf('minimumReleaseAge: '), 'rules[0].require.minimumReleaseAge', 5, /3d/],
  ['an age that is a list', requireOf('minimumReleaseAge: [3d]'), 'rules[0].require.minimumReleaseAge', 5, /3d/],
  ['an identity that asks for nothing', identityOf(''), 'rules[0].require.provenance', 5, /required/],
  ['a misspelt identity field', identityOf('isuer: x, trigger: push'), 'rules[0].require.provenance.isuer', 5, /"issuer"/],
  ['an issuer that is none', identityOf('issuer: github'), 'rules[0].require.provenance.issuer', 5, /github-actions/],
  ['an issuer with a wildcard', identityOf('issuer: "https://*.example"'), 'rules[0].require.provenance.issuer', 5, /https/],
  ['a bad issuer in a list', identityOf('issuer: [gitlab-ci, x]'), 'rules[0].require.provenance.issuer[1]', 5, /github-actions/],
  ['no issuers', identityOf('issuer: []'), 'rules[0].require.provenance.issuer', 5, /gitlab-ci/],
  [
    'an id that is a number',
    identityOf('issuer: gitlab-ci, sourceRepositoryId: 1001'),
    'rules[0].require.provenance.sourceRepositoryId',
    5,
    /"1001"/,
  ],
  ['an id without an issuer', identityOf('sourceOwnerId: "2002"'), 'rules[0].require.provenance', 5, /`issuer`/],
  ['a wildcard in an exact field', identityOf('runner: "github-*"'), 'rules[0].require.provenance.runner', 5, /whole value/],
  ['a list where one value is', identityOf('runner: [a, b]'), 'rules[0].require.provenance.runner', 5, /github-hosted/],
  ['an unknown placeholder', identityOf('sourceRef: "v{tag}"'), 'rules[0].require.provenance.sourceRef', 5, /\{version\}/],
  ['a placeholder elsewhere', identityOf('workflow: "{name}.yml"'), 'rules[0].require.provenance.workflow', 5, /sourceRef/],
  ['no alternatives', requireOf('anyOf: []'), 'rules[0].require.anyOf', 5, /alternatives/],
  ['alternatives that are a mapping', requireOf('anyOf: { provenance: required }'), 'rules[0].require.anyOf', 5, /alternatives/],
  ['an alternative that asks for nothing', requireOf('anyOf: [{}]'), 'rules[0].require.anyOf[0]', 5, /stricter/],
  ['an alternative that switches off', requireOf('anyOf: [{ provenance: ignore }]'), 'rules[0].require.anyOf[0]', 5, /stricter/],
  ['an alternative of no age', requireOf('anyOf: [{ minimumReleaseAge: 0 }]'), 'rules[0].require.anyOf[0]', 5, /stricter/],
  ['alternatives in an alternative', requireOf('anyOf: [{ anyOf: [] }]'), 'rules[0].require.anyOf[0].anyOf', 5, /require/],
  [
    'a bad identity in an alternative',
    requireOf('anyOf: [{ provenance: { isuer: x } }]'),
    'rules[0].require.anyOf[0].provenance.isuer',
    5,
    /"issuer"/,
  ],
  ['a key given twice', `${HEAD}mode: enforce\nmode: monitor\n`, '', 4, /Keep one/],
  ['a pattern without quotes', `${HEAD}rules:\n  - packages: [**]\n`, '', 4, /quotes/],
  ['a scope without quotes', `${HEAD}rules:\n  - packages: [@acme/*]\n`, '', 4, /quotes/],
  ['tabs', 'version: 1\ndefaults:\n\tprovenance: required\n', '', 3, /spaces/],
  ['two documents', `${HEAD}---\nversion: 1\n`, '', 3, /---/],
  ['a tag', `${HEAD}mode: !env MODE\n`, '', 3, /tag/],
  ['an alias', `${HEAD}defaults: &d { provenance: required }\nrules:\n  - packages: [a]\n    require: *d\n`, '', 6, /aliases/],
  ['an unclosed list', `${HEAD}rules: [\n`, '', 4, /indentation/],
]

describe('policy: mistakes', () => {
  for (const [what, policy, path, line, remedy] of MISTAKES)
    it(`${what} is refused, with its place and a remedy`, () => {
      const problems = problemsIn(policy)
      const problem = problems.find((one) => one.path === path)
      assert.ok(problem, `nothing at "${path}": ${JSON.stringify(problems)}`)
      assert.equal(problem.line, line)
      assert.notEqual(problem.message, '')
      assert.match(problem.remedy, remedy)
    })

  it('a planned key is told from an unknown one', () => {
    const messages = problemsIn(`${HEAD}waivers: []\nwavers: []\n`).map(({ message }) => message)
    assert.equal(messages.length, 2)
    assert.match(messages[0] ?? '', /not supported yet/)
    assert.doesNotMatch(messages[1] ?? '', /not supported yet/)
  })

  it('all mistakes are listed, in the order of the file', () => {
    const problems = problemsIn(
      'version: 2\nmode: x\nwhere: y\nrules:\n  - packages: ["!a", a@latest]\n    verdict: deny\n    origin: z\n',
    )
    assert.deepEqual(
      problems.map(({ path }) => path),
      [
        'version',
        'mode',
        'where',
        'rules',
        'rules[0].packages[0]',
        'rules[0].packages[1]',
        'rules[0].verdict',
        'rules[0].origin',
      ],
    )
  })

  it('an inline policy has paths and no lines', () => {
    assert.deepEqual(
      problemsIn({ version: 1, extends: 'strict', defaults: { provenance: 1 } }).map(({ path, line }) => [path, line]),
      [['defaults.provenance', undefined]],
    )
    assert.equal(problemsIn(undefined).length, 1)
    assert.equal(problemsIn([]).length, 1)
  })

  it('[16] an inline policy cannot bring properties by its prototype key', () => {
    const policy: unknown = JSON.parse('{"version":1,"extends":"strict","__proto__":{"mode":"monitor"}}')
    assert.deepEqual(
      problemsIn(policy).map(({ path }) => path),
      ['__proto__'],
    )
  })

  it('a bomb of aliases does not go off', () => {
    const lines = Array.from(
      { length: 30 },
      (_, index) => `a${index + 1}: &a${index + 1} [${Array(10).fill(`*a${index}`).join(', ')}]`,
    )
    assert.ok(problemsIn(`a0: &a0 [x, x]\n${lines.join('\n')}\n`).length > 0)
  })

  it('nesting without end, and text without end, are mistakes like others', () => {
    assert.ok(problemsIn('['.repeat(10_000)).length > 0)
    assert.match(problemsIn(`#${'x'.repeat(1024 * 1024)}`)[0]?.remedy ?? '', /patterns/)
  })

  it('names the file in every line of the message', () => {
    assert.throws(
      () => parsePolicy('version: 2\nmode: x\n', 'conf/p.yaml'),
      (error) => {
        assert.ok(error instanceof ConfigurationError)
        return error.message.split('\n').every((line) => line.startsWith('conf/p.yaml:'))
      },
    )
  })
})

describe('policy: doubts', () => {
  const doubtsIn = (text: string): readonly string[] => parsePolicy(text, 'policy.yaml').warnings.map(({ path }) => path)

  it('a rule behind one that catches everything', () => {
    assert.deepEqual(doubtsIn(`${HEAD}rules:\n  - packages: ["**"]\n  - packages: [a]\n`), ['rules[1]'])
    assert.deepEqual(doubtsIn(`${HEAD}rules:\n  - packages: ["**"]\n  - packages: [a]\n    origin: any\n`), [])
  })
  it('an identity that names no source', () => {
    assert.deepEqual(doubtsIn(identityOf('issuer: gitlab-ci')), ['rules[0].require.provenance'])
    assert.deepEqual(doubtsIn(identityOf('signerWorkflow: https://github.com/acme/ci/x.yml@main')), [
      'rules[0].require.provenance',
    ])
  })
  it('a repository that is not compared', () => {
    const identity = identityOf('issuer: gitlab-ci, sourceRepositoryId: "1", sourceRepository: https://gitlab.com/a/b')
    assert.deepEqual(doubtsIn(identity), ['rules[0].require.provenance.sourceRepository'])
  })
  it('a signer whose ref cannot be a branch or tag', () => {
    const identity = identityOf('sourceRepository: https://github.com/acme/*, signerWorkflow: https://github.com/acme/ci/x.yml@*')
    assert.deepEqual(doubtsIn(identity), ['rules[0].require.provenance.signerWorkflow'])
  })
})

describe('policy: the example in config/', () => {
  const policy = parsePolicy(readFileSync(new URL('../../../config/policy.yaml', import.meta.url), 'utf8'), 'config/policy.yaml')

  it('is accepted without a doubt', () => {
    assert.deepEqual(policy.warnings, [])
  })
  it('allows our own release, and refuses it from elsewhere', () => {
    assert.equal(judge(policy).outcome, 'allow')
    assert.equal(judge(policy, { provenance: { state: 'absent' } }).outcome, 'deny')
    assert.equal(judge(policy, { ref: { name: '@acme/widget', version: '1.0.1' } }).outcome, 'deny')
  })
  it('is described rule by rule, with what is not enforced', () => {
    const text = describePolicy(policy).join('\n')
    for (const { name } of policy.rules) assert.ok(text.includes(name), name)
    for (const part of presetPolicy().missing) assert.ok(text.includes(part), part)
    assert.match(text, /preset recommended, mode enforce/)
  })
})
