import assert from 'node:assert/strict'
import type { Json, JsonObject } from '../../../plugin/domain/json.ts'
import {
  githubIdentity,
  gitlabIdentity,
  provenanceStatement,
  type Statement,
  type WorkflowIdentity,
} from '../../support/private-sigstore.ts'
import { artifact, assertRefused, factsOf, sigstore, verify } from './support.ts'

const attest = (statement: Statement, identity: WorkflowIdentity) =>
  verify([{ predicateType: statement.predicateType, bundle: sigstore.keyless(statement, identity) }]).provenance

/** The statement with another value at a path of its predicate. */
function altered(statement: Statement, path: string, value: Json): Statement {
  const copy = structuredClone(statement) as unknown as { predicate: Record<string, unknown> }
  const names = path.split('.')
  const last = names.pop() ?? ''
  let object = copy.predicate
  for (const name of names) {
    object[name] ??= {}
    object = object[name] as Record<string, unknown>
  }
  object[last] = value
  return copy as unknown as Statement
}

const github = githubIdentity()
const gitlab = gitlabIdentity()
const forms = {
  'SLSA v1 of GitHub': [provenanceStatement(artifact, github, '1'), github],
  'SLSA v0.2 of GitHub': [provenanceStatement(artifact, github, '0.2'), github],
  'the early form of GitHub': [provenanceStatement(artifact, github, 'early'), github],
  'SLSA v0.2 of GitLab': [provenanceStatement(artifact, gitlab), gitlab],
} as const

const foreign = {
  'SLSA v1 of GitHub': {
    'buildDefinition.externalParameters.workflow.repository': 'https://github.com/evil/widget',
    'buildDefinition.externalParameters.workflow.path': '.github/workflows/other.yml',
    'buildDefinition.externalParameters.workflow.ref': 'refs/heads/main',
    'buildDefinition.externalParameters.source': { uri: 'git+https://github.com/evil/widget@refs/tags/v1.0.0' },
    'buildDefinition.internalParameters.github.event_name': 'release',
    'buildDefinition.internalParameters.github.repository_id': '9',
    'buildDefinition.internalParameters.github.repository_owner_id': 9,
    'buildDefinition.internalParameters.github.runner_environment': 'self-hosted',
    'buildDefinition.internalParameters.GITHUB_SHA': 'c'.repeat(40),
    'buildDefinition.resolvedDependencies.0.uri': 'git+https://github.com/evil/widget@refs/tags/v1.0.0',
    'buildDefinition.resolvedDependencies.0.digest.gitCommit': 'c'.repeat(40),
    'runDetails.builder.id': 'https://github.com/actions/runner/self-hosted',
    'runDetails.metadata.invocationId': 'https://github.com/acme/widget/actions/runs/43/attempts/1',
  },
  'SLSA v0.2 of GitHub': {
    'invocation.configSource.uri': 'git+https://github.com/evil/widget@refs/tags/v1.0.0',
    'invocation.configSource.digest.sha1': 'c'.repeat(40),
    'invocation.configSource.entryPoint': '.github/workflows/other.yml',
    'invocation.environment.GITHUB_EVENT_NAME': 'release',
    'invocation.environment.GITHUB_REF': 'refs/heads/main',
    'invocation.environment.GITHUB_REPOSITORY': 'evil/widget',
    'invocation.environment.GITHUB_REPOSITORY_ID': '9',
    'invocation.environment.GITHUB_REPOSITORY_OWNER_ID': '9',
    'invocation.environment.GITHUB_RUN_ID': '43',
    'invocation.environment.GITHUB_RUN_ATTEMPT': '2',
    'invocation.environment.GITHUB_SHA': 'c'.repeat(40),
    'invocation.environment.GITHUB_WORKFLOW_REF': 'acme/widget/.github/workflows/other.yml@refs/tags/v1.0.0',
    'metadata.buildInvocationId': '43-1',
    'materials.0.uri': 'git+https://github.com/acme/widget@refs/heads/main',
    'materials.0.digest.sha1': 'c'.repeat(40),
  },
  'the early form of GitHub': {
    'invocation.configSource.uri': 'git+https://github.com/acme/widget@refs/heads/main',
    'invocation.configSource.entryPoint': 'acme/widget/.github/workflows/other.yml@refs/tags/v1.0.0',
    'materials.0.uri': 'git+https://github.com/evil/widget',
  },
  'SLSA v0.2 of GitLab': {
    'invocation.configSource.uri': 'git+https://gitlab.com/evil/widget',
    'invocation.configSource.digest.sha1': 'c'.repeat(40),
    'invocation.parameters.CI_COMMIT_SHA': 'c'.repeat(40),
    'invocation.parameters.CI_COMMIT_REF_NAME': 'v1.0.1',
    'invocation.parameters.CI_PIPELINE_SOURCE': 'web',
    'invocation.parameters.CI_PROJECT_ID': '9',
    'invocation.parameters.CI_PROJECT_NAMESPACE_ID': '9',
    'invocation.parameters.CI_PROJECT_PATH': 'evil/widget',
    'invocation.parameters.CI_PROJECT_URL': 'https://gitlab.com/evil/widget',
    'invocation.parameters.CI_JOB_URL': 'https://gitlab.com/acme/widget/-/jobs/43',
    'invocation.environment.project': 'evil/widget',
    'metadata.buildInvocationId': 'https://gitlab.com/acme/widget/-/jobs/43',
    'materials.0.uri': 'git+https://gitlab.com/evil/widget',
    'materials.0.digest.sha1': 'c'.repeat(40),
  },
} as const satisfies Record<keyof typeof forms, JsonObject>

describe('verify: the predicate against the certificate', () => {
  for (const [form, [statement, identity]] of Object.entries(forms)) {
    it(`${form} agrees as npm writes it`, () => {
      assert.equal(attest(statement, identity).state, 'verified', JSON.stringify(attest(statement, identity)))
    })
    for (const [path, value] of Object.entries<Json>(foreign[form as keyof typeof foreign]))
      it(`[9b] ${form}: ${path} foreign`, () => {
        assertRefused(attest(altered(statement, path, value), identity), 'statement-mismatch')
      })
  }

  it('[9a] predicate ours, certificate foreign', () => {
    assertRefused(attest(provenanceStatement(artifact, github), githubIdentity({ repo: 'evil/widget' })), 'statement-mismatch')
  })
  it('a field that is not text is no agreement', () => {
    const path = 'buildDefinition.externalParameters.workflow.repository'
    assertRefused(
      attest(altered(forms['SLSA v1 of GitHub'][0], path, ['https://github.com/acme/widget']), github),
      'statement-mismatch',
    )
  })
  it('certificates of early 2023 compare what they have', () => {
    const early = githubIdentity({ early: true })
    const statement = provenanceStatement(artifact, early, 'early')
    const { identity } = factsOf(attest(statement, early))
    assert.equal(identity.sourceRepository, 'https://github.com/acme/widget')
    assert.equal(identity.sourceRepositoryId, undefined)
    assert.equal(identity.sourceRef, 'refs/tags/v1.0.0')
    assertRefused(attest(altered(statement, 'invocation.environment.GITHUB_SHA', 'c'.repeat(40)), early), 'statement-mismatch')
    assertRefused(
      attest(
        altered(statement, 'invocation.configSource.entryPoint', 'acme/widget/.github/workflows/release.yml@refs/heads/x'),
        early,
      ),
      'statement-mismatch',
    )
  })
  it('a reusable workflow signs, and the predicate speaks of the caller', () => {
    const buildSigner = 'https://github.com/acme/ci/.github/workflows/publish.yml@refs/tags/v3'
    const id = githubIdentity({ buildSigner })
    for (const slsa of ['1', '0.2'] as const)
      assert.equal(factsOf(attest(provenanceStatement(artifact, id, slsa), id)).identity.subjectAlternativeName, buildSigner)
  })
  it('a tag with an @ is one ref', () => {
    const id = githubIdentity({ ref: 'refs/tags/@acme/widget@1.0.0' })
    assert.equal(attest(provenanceStatement(artifact, id), id).state, 'verified')
    assert.equal(attest(provenanceStatement(artifact, id, '0.2'), id).state, 'verified')
    assert.equal(attest(provenanceStatement(artifact, id, 'early'), id).state, 'verified')
  })
  it('a workflow that the organisation requires is named with its own repository', () => {
    const statement = altered(
      forms['SLSA v1 of GitHub'][0],
      'buildDefinition.externalParameters.workflow.path',
      'acme/rules/.github/workflows/release.yml',
    )
    const required = 'https://github.com/acme/rules/.github/workflows/release.yml@refs/tags/v1.0.0'
    const id = { ...github, extensions: github.extensions.map(([n, value]) => [n, n === 18 ? required : value] as const) }
    assert.equal(attest(statement, id).state, 'verified')
    assertRefused(attest(statement, github), 'statement-mismatch')
  })
  it('a runner on GitLab, another kind of run id and empty texts say nothing', () => {
    const statement = altered(forms['SLSA v0.2 of GitHub'][0], 'metadata.buildInvocationId', 'build-7')
    assert.equal(attest(altered(statement, 'invocation.environment.GITHUB_REF', ''), github).state, 'verified')
  })
  it('of another build type the source is compared, and what it was built with is not', () => {
    const buildType = 'https://builder.example/v1'
    const statement = altered(forms['SLSA v1 of GitHub'][0], 'buildDefinition.buildType', buildType)
    const tool = { uri: 'git+https://github.com/builder/tool@refs/tags/v9', digest: { gitCommit: 'd'.repeat(40) } }
    const source = { uri: `git+https://github.com/acme/widget@${github.ref}`, digest: { gitCommit: github.sha } }
    const withTool = altered(statement, 'buildDefinition.resolvedDependencies', [tool, source])
    assert.equal(factsOf(attest(withTool, github)).buildType, buildType)
    const other = { ...source, digest: { gitCommit: 'e'.repeat(40) } }
    assertRefused(attest(altered(statement, 'buildDefinition.resolvedDependencies', [tool, other]), github), 'statement-mismatch')
    assertRefused(
      attest(altered(statement, 'buildDefinition.externalParameters.source', 'git+https://github.com/evil/x'), github),
      'statement-mismatch',
    )
  })
})
