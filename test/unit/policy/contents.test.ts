import assert from 'node:assert/strict'
import type { Contents, ForeignDependency } from '../../../plugin/domain/history.ts'
import { runExamples } from '../../../plugin/policy/index.ts'
import { ago, fault, judge, NOW, policyOf, provenance, requiring, short } from './support.ts'

const matching = requiring({ provenance: 'ifPresent', manifestRepository: 'match', dependencySources: 'any' })
const naming = (repository: string | undefined): { readonly contents: Contents } => ({ contents: { repository } })
const MISMATCH = ['deny', 'manifest-repository-mismatch']

describe('policy: manifestRepository', () => {
  it('the source in the certificate is the repository in the tarball', () => {
    assert.deepEqual(short(judge(matching, naming('https://github.com/acme/widget'), 'delivery')), ['allow'])
    assert.deepEqual(short(judge(matching, naming('https://github.com/Acme/Widget'), 'delivery')), ['allow'])
  })
  for (const near of [
    'https://github.com/acme-evil/widget',
    'https://github.com/acme/widget-evil',
    'https://github.com/acme/widget.evil',
    'https://github.com/acme/widge',
    'https://github.com/acme/widget/x',
    'https://github.com.evil.test/acme/widget',
    'https://evil.test/acme/widget',
    'https://github.com/acme/.github',
    'http://github.com/acme/widget',
    'acme/widget',
  ])
    it(`[8c] ${near} is another`, () => { assert.deepEqual(short(judge(matching, naming(near), 'delivery')), MISMATCH) })
  it('[8c] letters that only some call equal are others', () => {
    const kept = { provenance: provenance({ sourceRepository: 'https://github.com/acme/kit' }) }
    assert.deepEqual(short(judge(matching, { ...kept, ...naming('https://github.com/acme/\u212Ait') }, 'delivery')), MISMATCH)
  })
  it('case counts where a host may tell it apart', () => {
    const elsewhere = { provenance: provenance({ sourceRepository: 'https://git.example/acme/widget' }) }
    assert.deepEqual(short(judge(matching, { ...elsewhere, ...naming('https://git.example/acme/widget') }, 'delivery')), ['allow'])
    assert.deepEqual(short(judge(matching, { ...elsewhere, ...naming('https://git.example/Acme/widget') }, 'delivery')), MISMATCH)
  })
  it('a tarball that names no repository does not match, and that is said', () => {
    const verdict = judge(matching, naming(undefined), 'delivery')
    assert.deepEqual(short(verdict), MISMATCH)
    assert.equal(verdict.reasons[0]?.detail?.actual, 'none')
  })
  it('a certificate without a source matches nothing', () => {
    const sourceless = { provenance: provenance({ sourceRepository: undefined }) }
    assert.deepEqual(short(judge(matching, { ...sourceless, ...naming('https://github.com/acme/widget') }, 'delivery')), ['deny', 'identity-claim-missing'])
  })
  it('is decided once the bytes were looked at, and then also in a listing', () => {
    assert.deepEqual(short(judge(matching, {}, 'listing')), ['allow'])
    assert.deepEqual(short(judge(matching, {}, 'gate')), ['allow'])
    assert.deepEqual(short(judge(matching, naming('https://github.com/evil/widget'), 'listing')), MISMATCH)
  })
  it('bytes that nobody looked at are not delivered', () => {
    assert.deepEqual(short(judge(matching, {}, 'delivery')), ['unavailable', 'internal-error'])
    const warning = requiring({ provenance: 'ifPresent', manifestRepository: { level: 'match', onFailure: 'warn' } })
    assert.deepEqual(short(judge(warning, {}, 'delivery')), ['unavailable', 'internal-error'])
  })
  it('bytes that cannot be read are refused for that alone', () => {
    assert.deepEqual(short(judge(matching, { faults: [fault('manifest-mismatch')] }, 'delivery')), ['deny', 'manifest-mismatch'])
  })
  it('nothing is compared without verified provenance, or where the rule ignores it', () => {
    const other = naming('https://github.com/evil/widget')
    assert.deepEqual(short(judge(matching, { provenance: { state: 'absent' }, ...other }, 'delivery')), ['allow'])
    assert.deepEqual(short(judge(requiring({ provenance: 'ignore', manifestRepository: 'match' }), other, 'delivery')), ['allow'])
    assert.deepEqual(short(judge(requiring({ provenance: 'ifPresent', manifestRepository: 'ignore' }), other, 'delivery')), ['allow'])
  })
  it('counts where only an alternative looks at provenance', () => {
    const either = requiring({ provenance: 'ignore', manifestRepository: 'match', anyOf: [{ provenance: 'required' }, { minimumReleaseAge: '1d' }] })
    assert.deepEqual(short(judge(either, naming('https://github.com/evil/widget'), 'delivery')), MISMATCH)
  })
  it('graded, it only warns', () => {
    const warning = requiring({ provenance: 'ifPresent', manifestRepository: { level: 'match', onFailure: 'warn' } })
    assert.deepEqual(short(judge(warning, naming(undefined), 'delivery')), ['warn', 'manifest-repository-mismatch'])
  })
  it('can be waived', () => {
    const waiver = { package: '@acme/widget@1.0.0', waives: ['manifest-repository-mismatch'], reason: 'moved', approvedBy: 'security', expires: '2026-07-01' }
    const policy = requiring({ provenance: 'ifPresent', manifestRepository: 'match' }, { waivers: [waiver] })
    assert.deepEqual(short(judge(policy, naming('https://github.com/acme/old'), 'delivery')), ['warn', 'manifest-repository-mismatch'])
  })
  it('shows neither users nor passwords of an address', () => {
    const { reasons } = judge(matching, naming('https://user:secret@git.example/acme'), 'delivery')
    assert.doesNotMatch(JSON.stringify(reasons), /secret|user/)
  })
})

describe('policy: dependencySources', () => {
  const foreign = (changes: Partial<ForeignDependency> = {}): { readonly foreignDependencies: readonly ForeignDependency[] } => ({
    foreignDependencies: [{ field: 'dependencies', name: 'left', spec: 'git+ssh://git@git.example/left.git', kind: 'git', ...changes }],
  })
  const registry = requiring({ dependencySources: 'registry' })

  it('a version that depends on registries alone passes', () => { assert.deepEqual(short(judge(registry)), ['allow']) })
  for (const stage of ['listing', 'gate', 'delivery'] as const)
    it(`one of no registry is refused (${stage})`, () => {
      assert.deepEqual(short(judge(registry, { ...foreign(), contents: { repository: undefined } }, stage)), ['deny', 'dependency-source'])
    })
  it('says where it is, by field, name, specifier and kind', () => {
    const [found] = judge(registry, foreign({ field: 'peerDependencies' })).reasons
    assert.deepEqual(found?.detail, { field: 'peerDependencies', name: 'left', spec: 'git+ssh://git.example/left.git', kind: 'git' })
  })
  it('shows no credentials', () => {
    for (const spec of ['https://user:secret@host.example/x.tgz', 'git+https://secret@host.example/x', 'secret@host.example:x/y'])
      assert.doesNotMatch(JSON.stringify(judge(registry, foreign({ spec })).reasons), /secret/)
  })
  it('any allows them, a graded one warns', () => {
    assert.deepEqual(short(judge(requiring({ dependencySources: 'any' }), foreign())), ['allow'])
    assert.deepEqual(short(judge(requiring({ dependencySources: { level: 'registry', onFailure: 'warn' } }), foreign())), ['warn', 'dependency-source'])
  })
  it('can be waived', () => {
    const waiver = { package: '@acme/widget@1.0.0', waives: ['dependency-source'], reason: 'a fork', approvedBy: 'security', expires: '2026-07-01' }
    assert.deepEqual(short(judge(requiring({ dependencySources: 'registry' }, { waivers: [waiver] }), foreign())), ['warn', 'dependency-source'])
  })
  const locked = { repository: undefined, lockedElsewhere: [{ field: 'npm-shrinkwrap.json', name: 'left', spec: 'https://user:secret@evil.test/left.tgz', kind: 'url' as const }] }
  for (const stage of ['listing', 'gate', 'delivery'] as const)
    it(`[20b] a lockfile in the tarball counts, once it is known (${stage})`, () => {
      const verdict = judge(registry, { contents: locked }, stage)
      assert.deepEqual(short(verdict), ['deny', 'dependency-source'])
      assert.deepEqual(verdict.reasons[0]?.detail, { field: 'npm-shrinkwrap.json', name: 'left', spec: 'https://evil.test/left.tgz', kind: 'url' })
    })
  it('bytes that nobody looked at are not delivered', () => {
    assert.deepEqual(short(judge(registry, {}, 'gate')), ['allow'])
    assert.deepEqual(short(judge(registry, {}, 'delivery')), ['unavailable', 'internal-error'])
    assert.deepEqual(short(judge(registry, { faults: [fault('manifest-mismatch')] }, 'delivery')), ['deny', 'manifest-mismatch'])
  })
  it('is refused by every preset but observe', () => {
    assert.deepEqual(['observe', 'recommended', 'strict', 'lockdown'].map((preset) => judge(policyOf({ extends: preset }), { ...foreign(), notBefore: ago(100) }).outcome), ['warn', 'deny', 'deny', 'deny'])
  })
})

describe('policy: examples of what a version holds', () => {
  const results = (examples: readonly object[], defaults: object): readonly (readonly string[])[] =>
    runExamples(policyOf({ extends: 'recommended', defaults, examples }), NOW).map(({ actual }) => [actual.outcome, ...actual.reasons])
  const built = { signature: 'verified', provenance: { issuer: 'github-actions', sourceRepository: 'https://github.com/acme/ui' } }

  it('its repository', () => {
    const example = { package: 'ui@1.0.0', evidence: built, expect: 'allow' }
    const said = results([{ ...example, repository: 'https://github.com/acme/ui' }, { ...example, repository: 'https://github.com/evil/ui' }, { ...example, repository: 'none' }, example], { manifestRepository: 'match' })
    assert.deepEqual(said, [['allow'], MISMATCH, MISMATCH, ['allow']])
  })
  it('its dependencies', () => {
    const example = { package: 'ui@1.0.0', evidence: built, expect: 'allow' }
    const said = results([{ ...example, dependencies: { left: 'registry' } }, { ...example, dependencies: { left: 'registry', fork: 'git' } }], { dependencySources: 'registry' })
    assert.deepEqual(said, [['allow'], ['deny', 'dependency-source']])
  })
})
