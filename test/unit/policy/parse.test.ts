import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { ConfigurationError, type Problem } from '../../../plugin/domain/errors.ts'
import { describePolicy, parsePolicy } from '../../../plugin/policy/index.ts'
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
  ['an unknown withheld', `${HEAD}withheld: marcked\n`, 'withheld', 3, /"marked"/],
  ['an origin', rule('origin: elsewhere'), 'rules[0].origin', 5, /upstream, local or any/],
  ['a misspelt trustDowngrade', requireOf('trustDowngrade: forver'), 'rules[0].require.trustDowngrade', 5, /"forever"/],
  ['trustDowngrade as a duration', requireOf('trustDowngrade: 30d'), 'rules[0].require.trustDowngrade', 5, /inLine: 30d/],
  ['trustDowngrade as a boolean', requireOf('trustDowngrade: false'), 'rules[0].require.trustDowngrade', 5, /allow/],
  ['a window that is none', requireOf('trustDowngrade: { inLine: never }'), 'rules[0].require.trustDowngrade.inLine', 5, /forever or allow/],
  ['a window without a unit', requireOf('trustDowngrade: { offLine: 3 }'), 'rules[0].require.trustDowngrade.offLine', 5, /30d/],
  ['a stray key under trustDowngrade', requireOf('trustDowngrade: { inLin: 3d }'), 'rules[0].require.trustDowngrade.inLin', 5, /"inLine"/],
  ['a window outside of trustDowngrade', requireOf('inLine: 3d'), 'rules[0].require.inLine', 5, /under `trustDowngrade`/],
  ['trustDowngrade as an alternative', requireOf('anyOf: [{ trustDowngrade: forever }]'), 'rules[0].require.anyOf[0].trustDowngrade', 5, /`require`/],
  ['identityPin with another word', requireOf('identityPin: repo'), 'rules[0].require.identityPin', 5, /repository, workflow or off/],
  ['identityPin without a level', requireOf('identityPin: { onFailure: warn }'), 'rules[0].require.identityPin.level', 5, /without onFailure/],
  ['a misspelt manifestRepository', `${HEAD}defaults: { manifestRepository: mach }\n`, 'defaults.manifestRepository', 3, /"match"/],
  ['manifestRepository as a boolean', requireOf('manifestRepository: true'), 'rules[0].require.manifestRepository', 5, /match or ignore/],
  ['a misspelt dependencySources', requireOf('dependencySources: registries'), 'rules[0].require.dependencySources', 5, /registry or any/],
  ['a graded check without its word', requireOf('dependencySources: { onFailure: warn }'), 'rules[0].require.dependencySources.level', 5, /without onFailure/],
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

const waiverOf = (changes: Readonly<Record<string, string>>): string => {
  const fields = {
    package: 'a@1.0.0',
    waives: '[provenance-absent]',
    reason: 'a fix',
    approvedBy: 'security',
    expires: '2030-01-01',
    ...changes,
  }
  const lines = Object.entries(fields).filter(([, value]) => value !== '')
  return `${HEAD}waivers:\n${lines.map(([key, value], index) => `  ${index === 0 ? '-' : ' '} ${key}: ${value}\n`).join('')}`
}
const whereOf = (text: string): string => rule(`where: '${text}'`)
const exampleOf = (text: string): string => `${HEAD}examples:\n  - { ${text} }\n`
const SHA = `sha512-${'A'.repeat(86)}==`

const NEWER_MISTAKES: typeof MISTAKES = [
  ['waivers as a mapping', `${HEAD}waivers: { a: 1 }\n`, 'waivers', 3, /list of waivers/],
  ['a waiver without an end', waiverOf({ expires: '' }), 'waivers[0].expires', 4, /2027-03-01/],
  ['a waiver without a reason', waiverOf({ reason: '' }), 'waivers[0].reason', 4, /sentence/],
  ['a waiver with an empty reason', waiverOf({ reason: '" "' }), 'waivers[0].reason', 6, /sentence/],
  ['a waiver nobody approved', waiverOf({ approvedBy: '' }), 'waivers[0].approvedBy', 4, /answers for it/],
  ['a waiver of nothing', waiverOf({ waives: '[]' }), 'waivers[0].waives', 5, /reason codes/],
  ['a waiver without codes', waiverOf({ waives: '' }), 'waivers[0].waives', 4, /reason codes/],
  ['a waiver of an unknown code', waiverOf({ waives: '[provenance-absnt]' }), 'waivers[0].waives[0]', 5, /"provenance-absent"/],
  ['a waiver of forgery', waiverOf({ waives: '[provenance-absent, provenance-invalid]' }), 'waivers[0].waives[1]', 5, /nobody/],
  ['a waiver of wrong bytes', waiverOf({ waives: '[integrity-mismatch]' }), 'waivers[0].waives[0]', 5, /nobody/],
  ['a waiver of a missing integrity that names no bytes', waiverOf({ waives: '[integrity-missing]' }), 'waivers[0]', 4, /Add `integrity/],
  ['a waiver of a malformed integrity', waiverOf({ waives: '[integrity-malformed]' }), 'waivers[0].waives[0]', 5, /nobody should install/],
  ['a waiver of a rule that refuses', waiverOf({ waives: '[denied-by-rule]' }), 'waivers[0].waives[0]', 5, /rule for the version/],
  ['a waiver of another origin', waiverOf({ waives: '[origin-changed]' }), 'waivers[0].waives[0]', 5, /ledger reset/],
  ['a waiver of an outage', waiverOf({ waives: '[evidence-unavailable]' }), 'waivers[0].waives[0]', 5, /Remove it/],
  ['a waiver that is over', waiverOf({ expires: '2020-01-01' }), 'waivers[0].expires', 8, /approved again/],
  ['a waiver that ends on no day', waiverOf({ expires: '2030-02-30' }), 'waivers[0].expires', 8, /2027-03-01/],
  ['a waiver that ends some time', waiverOf({ expires: 'soon' }), 'waivers[0].expires', 8, /2027-03-01/],
  ['a waiver for every version', waiverOf({ package: 'a' }), 'waivers[0].package', 4, /write a rule/],
  ['a waiver for a pattern', waiverOf({ package: '"@acme/*@1.0.0"' }), 'waivers[0].package', 4, /write a rule/],
  ['a waiver with a pin that is none', waiverOf({ integrity: 'sha1-abc' }), 'waivers[0].integrity', 9, /npm view/],
  ['a pinned waiver for a range', waiverOf({ package: 'a@^1', integrity: SHA }), 'waivers[0]', 4, /one version/],
  ['an unknown key of a waiver', waiverOf({ until: 'x' }), 'waivers[0].until', 9, /known here: package/],
  ['onFailure with another word', rule('onFailure: ignore'), 'rules[0].onFailure', 5, /deny or warn/],
  ['onFailure beside a verdict', rule('verdict: deny\n    reason: x\n    onFailure: warn'), 'rules[0].onFailure', 7, /Remove/],
  ['where beside a verdict', rule('verdict: deny\n    reason: x\n    where: "true"'), 'rules[0].where', 7, /Remove/],
  ['where that is no text', rule('where: true'), 'rules[0].where', 5, /quotes/],
  ['an empty where', whereOf(' '), 'rules[0].where', 5, /package\.name/],
  ['where that is no expression', whereOf('package.name =='), 'rules[0].where', 5, /Known/],
  ['where with an unknown variable', whereOf('pakage.name == "a"'), 'rules[0].where', 5, /"package"/],
  ['where with an unknown field', whereOf('identity.triger == "push"'), 'rules[0].where', 5, /"trigger"/],
  ['where that compares text with a number', whereOf('package.name > 1'), 'rules[0].where', 5, /Known/],
  ['where that is a text', whereOf('package.name'), 'rules[0].where', 5, /Compare/],
  ['where with a regular expression', whereOf('package.name.matches("(a+)+$")'), 'rules[0].where', 5, /startsWith/],
  ['where that leaves the types', whereOf('dyn(package.name) == 1'), 'rules[0].where', 5, /join with/],
  ['where that does arithmetic', whereOf('release.ageDays + 1 > 3'), 'rules[0].where', 5, /join with/],
  ['where that names a whole variable', whereOf('package == package'), 'rules[0].where', 5, /Name a field/],
  ['where with lists inside lists', whereOf('["a"].exists(x, ["b"].exists(y, x == y))'), 'rules[0].where', 5, /side by side/],
  ['where with a list that takes our name', whereOf('["a"].exists(package, package == "a")'), 'rules[0].where', 5, /exists\(x/],
  ['where with a list without end', whereOf(`package.name in [${'"a",'.repeat(33)}"b"]`), 'rules[0].where', 5, /Known/],
  ['where without end', whereOf('true && '.repeat(200)), 'rules[0].where', 5, /several rules/],
  ['where of many parts', whereOf(`${'true&&'.repeat(160)}true`), 'rules[0].where', 5, /Known/],
  ['where nested without end', whereOf(`${'('.repeat(300)}true${')'.repeat(300)}`), 'rules[0].where', 5, /Known/],
  ['where by the name the parser gets', whereOf('Package.name == "a"'), 'rules[0].where', 5, /"package"/],
  ['a hint that is ifPresent', requireOf('stagedPublish: ifPresent'), 'rules[0].require.stagedPublish', 5, /required or ignore/],
  ['a hint as an alternative', requireOf('anyOf: [{ trustedPublisher: required }]'), 'rules[0].require.anyOf[0].trustedPublisher', 5, /`require`/],
  ['dangerousTriggers with another word', requireOf('dangerousTriggers: allow'), 'rules[0].require.dangerousTriggers', 5, /deny, warn/],
  ['include as a word', `${HEAD}include: a.yaml\n`, 'include', 3, /list of files/],
  ['an include without a file', `${HEAD}include:\n  - { packages: [a] }\n`, 'include[0].file', 4, /YAML file/],
  ['an include of no packages', `${HEAD}include:\n  - { file: a.yaml, packages: [] }\n`, 'include[0].packages', 4, /list of patterns/],
  ['an include of versions', `${HEAD}include:\n  - { file: a.yaml, packages: ["a@1"] }\n`, 'include[0].packages[0]', 4, /names alone/],
  ['an unknown key of an include', `${HEAD}include:\n  - { fil: a.yaml }\n`, 'include[0].fil', 4, /"file"/],
  ['include where no files are read', `${HEAD}include: [a.yaml]\n`, 'include[0]', 3, /relative/],
  ['an example after nothing in particular', exampleOf('package: a@1.0.0, expect: deny, after: 0.9.0'), 'examples[0].after', 4, /list of versions/],
  ['an example after no version', exampleOf('package: a@1.0.0, expect: deny, after: [{ age: 3d }]'), 'examples[0].after[0].version', 4, /as it was published/],
  ['an example after a number', exampleOf('package: a@1.0.0, expect: deny, after: [{ version: 1.4 }]'), 'examples[0].after[0].version', 4, /"1\.4\.0"/],
  ['an example after a range', exampleOf('package: a@1.0.0, expect: deny, after: [{ version: ^1.4.0 }]'), 'examples[0].after[0].version', 4, /1\.4\.0/],
  ['an example after what expects', exampleOf('package: a@1.0.0, expect: deny, after: [{ version: 1.4.0, expect: deny }]'), 'examples[0].after[0].expect', 4, /in an example/],
  ['an example pinned to nobody', exampleOf('package: a@1.0.0, expect: deny, pinned: { issuer: github-actions }'), 'examples[0].pinned', 4, /sourceRepositoryId/],
  ['an example pinned to an unknown claim', exampleOf('package: a@1.0.0, expect: deny, pinned: { isuer: x }'), 'examples[0].pinned.isuer', 4, /"issuer"/],
  ['an example of no outcome', exampleOf('package: "a@1.0.0"'), 'examples[0].expect', 4, /allow, warn/],
  ['an example of every version', exampleOf('package: a, expect: deny'), 'examples[0].package', 4, /version/],
  ['an example of an unknown state', exampleOf('package: a@1.0.0, expect: deny, evidence: { signature: vrified }'), 'examples[0].evidence.signature', 4, /Write/],
  ['an example of an unknown code', exampleOf('package: a@1.0.0, expect: deny, reasons: [x]'), 'examples[0].reasons[0]', 4, /docs\/reasons/],
  ['an example of an unknown claim', exampleOf('package: a@1.0.0, expect: deny, evidence: { provenance: { isuer: x } }'), 'examples[0].evidence.provenance.isuer', 4, /"issuer"/],
]

describe('policy: mistakes', () => {
  for (const [what, policy, path, line, remedy] of [...MISTAKES, ...NEWER_MISTAKES])
    it(`${what} is refused, with its place and a remedy`, () => {
      const problems = problemsIn(policy)
      const problem = problems.find((one) => one.path === path)
      assert.ok(problem, `nothing at "${path}": ${JSON.stringify(problems)}`)
      assert.equal(problem.line, line)
      assert.notEqual(problem.message, '')
      assert.match(problem.remedy, remedy)
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

  it('nesting without end, and text without end, are mistakes like others', function () {
    // Running out of stack takes a while on a busy machine.
    this.timeout(10_000)
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
  it('is described rule by rule', () => {
    const text = describePolicy(policy).join('\n')
    for (const { name } of policy.rules) assert.ok(text.includes(name), name)
    assert.match(text, /preset recommended, mode enforce/)
  })
  it('does not say of packages published here what asks nothing of them', () => {
    const described = (origin: string): string => {
      const rule = { name: 'ours', packages: ['@acme/*'], origin, require: { registrySignature: 'required', anyOf: [{ publishAttestation: 'required' }, { minimumReleaseAge: '3d' }] } }
      return describePolicy(parsePolicy({ version: 1, extends: 'recommended', rules: [rule] }, 'p.yaml')).find((line) => line.includes('@acme/*')) ?? ''
    }
    assert.match(described('local'), /^ +@acme\/\* published here: provenance ifPresent, .*one of: publishAttestation required/)
    assert.match(described('any'), /registrySignature required, publishAttestation ifPresent/)
  })
})
