/** What rules are proposed from who was verified to have built what is in use. */
import assert from 'node:assert/strict'
import { parsePolicy, proposeRules, type ProposedRule, type UsedVersion } from '../../../plugin/policy/index.ts'
import type { SignerIdentity } from '../../../plugin/domain/signer-identity.ts'

const built = (repo: string, ids: Partial<SignerIdentity> = { sourceRepositoryId: '1', sourceOwnerId: '2' }, workflow = 'release.yml'): SignerIdentity => ({
  issuer: 'https://token.actions.githubusercontent.com',
  subjectAlternativeName: `https://github.com/${repo}/.github/workflows/${workflow}@refs/heads/main`,
  sourceRepository: `https://github.com/${repo}`,
  sourceRepositoryId: undefined,
  sourceOwner: undefined,
  sourceOwnerId: undefined,
  sourceRef: 'refs/heads/main',
  sourceDigest: undefined,
  buildConfig: `https://github.com/${repo}/.github/workflows/${workflow}@refs/heads/main`,
  buildSigner: undefined,
  trigger: 'push',
  runner: undefined,
  run: undefined,
  visibility: undefined,
  environment: undefined,
  ...ids,
})
const use = (spec: string, identity?: SignerIdentity): UsedVersion => ({ name: spec.slice(0, spec.lastIndexOf('@')), version: spec.slice(spec.lastIndexOf('@') + 1), identity })
const propose = (...used: readonly UsedVersion[]): readonly ProposedRule[] => proposeRules(used)
const packages = (...used: readonly UsedVersion[]): readonly (readonly string[])[] => propose(...used).map((rule) => rule.packages)

describe('policy: proposal', () => {
  it('one repository is held to its ids and its workflow', () => {
    assert.deepEqual(propose(use('a@1.0.0', built('acme/a')), use('a@2.0.0', built('acme/a'))), [
      {
        source: 'https://github.com/acme/a',
        packages: ['a'],
        provenance: { issuer: 'https://token.actions.githubusercontent.com', sourceRepositoryId: '1', sourceOwnerId: '2', workflow: '.github/workflows/release.yml' },
        covers: { packages: 1, versions: 2 },
      },
    ])
  })

  it('several repositories of an owner are one rule; another workflow in one of them is none of it', () => {
    const [rule, ...others] = propose(use('a@1.0.0', built('acme/a')), use('b@1.0.0', built('acme/b', { sourceRepositoryId: '7', sourceOwnerId: '2' }, 'ship.yml')))
    assert.deepEqual(others, [])
    assert.deepEqual(rule?.provenance, { issuer: 'https://token.actions.githubusercontent.com', sourceRepository: 'https://github.com/acme/*', sourceOwnerId: '2' })
  })

  it('the same address under another owner id is another owner', () => {
    assert.equal(propose(use('a@1.0.0', built('acme/a')), use('b@1.0.0', built('acme/a', { sourceRepositoryId: '7', sourceOwnerId: '9' }))).length, 2)
  })

  it('certificates without ids are held to the address', () => {
    assert.deepEqual(propose(use('a@1.0.0', built('acme/a', {})))[0]?.provenance.sourceRepository, 'https://github.com/acme/a')
  })

  it('a package that has had provenance since a version is held to it from there on', () => {
    assert.deepEqual(packages(use('a@1.0.0'), use('a@1.2.0', built('acme/a')), use('a@2.0.0', built('acme/a'))), [['a@>=1.2.0']])
    assert.deepEqual(packages(use('a@1.0.0', built('other/a', { sourceRepositoryId: '8', sourceOwnerId: '9' })), use('a@2.0.0', built('acme/a'))), [['a@>=2.0.0']])
  })

  it('a package whose newest version has none is held to nobody', () => {
    assert.deepEqual(packages(use('a@1.0.0', built('acme/a')), use('a@2.0.0')), [])
  })

  it('a scope stands for its packages only where all that are in use are the same owner\'s', () => {
    const [x, y] = [use('@acme/x@1.0.0', built('acme/a')), use('@acme/y@1.0.0', built('acme/a'))]
    assert.deepEqual(packages(x, y), [['@acme/*']])
    assert.deepEqual(packages(x), [['@acme/x']])
    assert.deepEqual(packages(x, y, use('@acme/z@1.0.0')), [['@acme/x', '@acme/y']])
    assert.deepEqual(packages(x, y, use('@acme/y@0.9.0')), [['@acme/x', '@acme/y@>=1.0.0']])
  })

  it('a name, an address or a version that would mean more than it reads is left to the preset', () => {
    assert.deepEqual(packages(use('**@1.0.0', built('acme/a')), use('a@nonsense', built('acme/a')), use('b@1.0.0', built('acme/*')), use('c@1.0.0', built('acme/a\nmode: monitor'))), [])
  })

  it('what it proposes is a policy without doubts, in the same words whatever the order', () => {
    const used = [use('a@1.0.0', built('acme/a')), use('@s/x@1.0.0', built('s/x', { sourceRepositoryId: '5', sourceOwnerId: '6' })), use('@s/y@1.0.0', built('s/y', { sourceOwnerId: '6', sourceRepositoryId: '4' })), use('d@1.0.0', built('dee/d', {}))]
    const rules = proposeRules(used)
    assert.deepEqual(proposeRules(used.toReversed()), rules)
    const policy = parsePolicy({ version: 1, extends: 'recommended', rules: rules.map(({ source, packages: names, provenance }) => ({ name: source, packages: names, require: { provenance } })) }, 'proposal')
    assert.deepEqual(policy.warnings, [])
  })
})
