/** Each key of a rule, through a running mirror, as the real npm meets it: what meets it installs, and what does not is refused. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import type { JsonObject } from '../../plugin/domain/json.ts'
import type { ReasonCode } from '../../plugin/domain/reason.ts'
import { FakeRegistry, type PublishOptions } from '../support/fake-registry.ts'
import { startTestMirror, type TestMirror } from '../support/mirror.ts'
import { githubIdentity, PrivateSigstore } from '../support/private-sigstore.ts'
import { NpmProject, temporaryDirectory } from '../support/process.ts'

const DAY = 86_400_000
const ago = (days: number): Date => new Date(Date.now() - days * DAY)
const REF = 'refs/tags/v1.0.0'
const built = (changes: Parameters<typeof githubIdentity>[0] = {}): Partial<PublishOptions> => ({ provenance: githubIdentity({ ref: REF, ...changes }) })
const SIGNER = 'https://github.com/acme/ci/.github/workflows/publish.yml'

interface Case {
  readonly rule: JsonObject
  readonly good: Partial<PublishOptions>
  readonly bad: Partial<PublishOptions>
  readonly code: ReasonCode
  /** Published before either of them. */
  readonly before?: Partial<PublishOptions>
}
const identity = (claims: JsonObject): JsonObject => ({ require: { provenance: claims } })
/** By key. `good` is version 1.0.0 of a package, `bad` 1.0.0 of another under the same rule. */
const CASES: Readonly<Record<string, Case>> = {
  registrySignature: { rule: { require: { registrySignature: 'required' } }, good: {}, bad: { signed: false }, code: 'signature-absent' },
  publishAttestation: { rule: { require: { publishAttestation: 'required' } }, good: { publishAttestation: true }, bad: {}, code: 'publish-attestation-absent' },
  provenance: { rule: { require: { provenance: 'required' } }, good: built(), bad: {}, code: 'provenance-absent' },
  issuer: { rule: identity({ issuer: 'github-actions' }), good: built(), bad: built({ issuer: 'https://token.actions.githubusercontent.com.evil.test' }), code: 'issuer-mismatch' },
  sourceRepository: { rule: identity({ sourceRepository: 'https://github.com/acme/*' }), good: built(), bad: built({ repo: 'acme-evil/widget' }), code: 'source-repository-mismatch' },
  sourceRepositoryId: { rule: identity({ issuer: 'github-actions', sourceRepositoryId: '1001' }), good: built(), bad: built({ repoId: '6666' }), code: 'source-repository-id-mismatch' },
  sourceOwnerId: { rule: identity({ issuer: 'github-actions', sourceOwnerId: '2002' }), good: built(), bad: built({ ownerId: '6666' }), code: 'source-owner-mismatch' },
  sourceRef: { rule: identity({ sourceRef: 'refs/tags/v{version}' }), good: built(), bad: built({ ref: 'refs/heads/main' }), code: 'source-ref-mismatch' },
  workflow: { rule: identity({ workflow: '.github/workflows/release.yml' }), good: built(), bad: built({ workflow: '.github/workflows/evil.yml' }), code: 'workflow-mismatch' },
  signerWorkflow: {
    rule: identity({ signerWorkflow: `${SIGNER}@**` }),
    good: built({ buildSigner: `${SIGNER}@refs/heads/main` }),
    bad: built(),
    code: 'signer-workflow-mismatch',
  },
  trigger: { rule: identity({ trigger: ['push', 'release'] }), good: built(), bad: built({ event: 'schedule' }), code: 'trigger-mismatch' },
  runner: { rule: identity({ runner: 'github-hosted' }), good: built(), bad: built({ runner: 'self-hosted' }), code: 'runner-mismatch' },
  environment: { rule: identity({ environment: 'npm' }), good: built({ environment: 'npm' }), bad: built({ environment: 'lab' }), code: 'environment-mismatch' },
  dangerousTriggers: { rule: { require: { dangerousTriggers: 'deny' } }, good: built(), bad: built({ event: 'pull_request_target' }), code: 'trigger-mismatch' },
  minimumReleaseAge: { rule: { require: { minimumReleaseAge: '30d' } }, good: { time: ago(60) }, bad: { time: ago(2) }, code: 'release-too-young' },
  trustDowngrade: {
    rule: { require: { trustDowngrade: { inLine: '30d' } } },
    before: { version: '1.0.1', ...built(), time: ago(90) },
    good: built(),
    bad: { version: '1.0.2', time: ago(5) },
    code: 'trust-downgrade',
  },
  identityPin: {
    rule: { require: { identityPin: 'repository' } },
    before: { version: '0.9.0', ...built(), time: ago(90) },
    good: { ...built(), time: ago(2) },
    bad: { ...built({ repo: 'evil/widget', repoId: '6666', ownerId: '6666' }), time: ago(2) },
    code: 'identity-changed',
  },
  manifestRepository: {
    rule: { require: { manifestRepository: 'match' } },
    good: { ...built(), packageJson: { repository: 'github:acme/widget' } },
    bad: { ...built(), packageJson: { repository: 'github:acme/widget-evil' } },
    code: 'manifest-repository-mismatch',
  },
  dependencySources: { rule: { require: { dependencySources: 'registry' } }, good: {}, bad: { packageJson: { dependencies: { x: 'git+https://evil.test/x.git' } } }, code: 'dependency-source' },
  stagedPublish: { rule: { require: { stagedPublish: 'required' } }, good: { manifest: { _npmUser: { name: 'a', approver: { name: 'b' } } } }, bad: {}, code: 'staged-publish-absent' },
  trustedPublisher: { rule: { require: { trustedPublisher: 'required' } }, good: { manifest: { _npmUser: { name: 'a', trustedPublisher: { id: 'github' } } } }, bad: {}, code: 'trusted-publisher-absent' },
  anyOf: { rule: { require: { anyOf: [{ provenance: 'required' }, { minimumReleaseAge: '90d' }] } }, good: { time: ago(100) }, bad: { time: ago(60) }, code: 'requirement-unmet' },
  where: { rule: { where: 'package.name.endsWith("-good")' }, good: {}, bad: {}, code: 'condition-unmet' },
  onFailure: { rule: { require: { registrySignature: 'required' }, onFailure: 'deny' }, good: {}, bad: { signed: false }, code: 'signature-absent' },
}
const packageOf = (key: string, which: 'good' | 'bad'): string => `${key.toLowerCase()}-${which}`

describe('npm: every key of a rule', function () {
  this.timeout(120_000)
  let dir: string
  let registry: FakeRegistry
  let mirror: TestMirror
  let project: NpmProject

  before(async () => {
    dir = temporaryDirectory('policy-keys-')
    project = new NpmProject(dir)
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    for (const [key, { before: earlier, ...cases }] of Object.entries(CASES))
      for (const which of ['good', 'bad'] as const) {
        const name = packageOf(key, which)
        if (earlier !== undefined) registry.publish({ name, version: '0.1.0', ...earlier })
        registry.publish({ name, version: '1.0.0', ...cases[which] })
      }
    for (const name of ['soft', 'denied', 'allowed', 'waived', 'unwaived']) registry.publish({ name, version: '1.0.0', signed: false })
    const own = Object.entries(CASES).map(([key, { rule }]) => ({ name: key, packages: [packageOf(key, 'good'), packageOf(key, 'bad')], ...rule }))
    const waiver = { package: 'waived@1.0.0', waives: ['signature-absent'], reason: 'moved later', approvedBy: 'security', expires: '2099-01-01' }
    mirror = await startTestMirror({
      registry,
      policy: {
        version: 1,
        extends: 'recommended',
        defaults: { registrySignature: 'ifPresent', minimumReleaseAge: 0, trustDowngrade: 'allow', identityPin: 'off', manifestRepository: 'ignore', dependencySources: 'any' },
        rules: [
          ...own,
          { packages: ['soft'], require: { registrySignature: 'required' }, onFailure: 'warn' },
          { packages: ['denied'], verdict: 'deny', reason: 'see our list' },
          { packages: ['allowed'], verdict: 'allow', reason: 'ours' },
          { packages: ['waived', 'unwaived'], require: { registrySignature: 'required' } },
        ],
        waivers: [waiver],
      },
    })
  })
  after(async () => {
    await mirror.close()
    await registry.close()
    rmSync(dir, { recursive: true, force: true })
  })

  const versionOf = (options: Partial<PublishOptions>): string => options.version ?? '1.0.0'
  const explained = async (name: string, version: string): Promise<readonly string[]> =>
    ((await mirror.json(`/-/provenance/v1/packages/${name}/${version}`)).reasons as { code: string }[]).map(({ code }) => code)

  it('what meets them installs, all in one go', async () => {
    const good = Object.keys(CASES).map((key) => `${packageOf(key, 'good')}@1.0.0`)
    const { code, output } = await project.npm(mirror.url, 'install', ...good, 'soft@1.0.0', 'allowed@1.0.0', 'waived@1.0.0')
    assert.equal(code, 0, output)
    for (const key of Object.keys(CASES)) assert.ok(project.has(packageOf(key, 'good')), key)
    for (const name of ['soft', 'allowed', 'waived']) assert.ok(project.has(name), name)
  })
  for (const [key, { bad, code: expected }] of Object.entries(CASES))
    it(`${key}: what does not meet it is refused`, async () => {
      const name = packageOf(key, 'bad')
      const { code, output } = await project.npm(mirror.url, 'install', `${name}@${versionOf(bad)}`)
      assert.equal(code, 1, output)
      // Refused at the tarball, or not in the packument at all.
      assert.match(output, /E403|ETARGET/)
      assert.ok(!project.has(name))
      assert.deepEqual(await explained(name, versionOf(bad)), [expected])
    })
  for (const name of ['denied', 'unwaived'])
    it(`${name} is refused`, async () => {
      const { code, output } = await project.npm(mirror.url, 'install', `${name}@1.0.0`)
      assert.equal(code, 1, output)
      assert.match(output, /E403/)
    })
})
