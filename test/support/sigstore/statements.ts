import type { JsonObject } from '../../../plugin/domain/json.ts'
import { purlOf } from '../../../plugin/domain/package-ref.ts'
import type { WorkflowIdentity } from './identity.ts'

export const INTOTO = 'application/vnd.in-toto+json'
export const STATEMENT_V1 = 'https://in-toto.io/Statement/v1'
export const STATEMENT_V01 = 'https://in-toto.io/Statement/v0.1'
export const SLSA_V1 = 'https://slsa.dev/provenance/v1'
export const SLSA_V02 = 'https://slsa.dev/provenance/v0.2'
export const NPM_PUBLISH = 'https://github.com/npm/attestation/tree/main/specs/publish/v0.1'
/** The registry that publish attestations name, and whose keys the TUF target holds. */
export const REGISTRY = 'https://registry.example'

export const GITHUB_BUILD_V1 = 'https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1'
export const GITHUB_BUILD_V02 = 'https://github.com/npm/cli/gha/v2'
export const GITHUB_BUILD_EARLY = 'https://github.com/npm/cli/gha@v0'
export const GITLAB_BUILD_V02 = 'https://github.com/npm/cli/gitlab/v0alpha1'

/** What evidence speaks of: a version, and the sha512 of its tarball in lower-case hex. */
export interface Artifact {
  readonly name: string
  readonly version: string
  readonly sha512: string
}

/** An in-toto statement, as loose as an attacker may write it. */
export interface Statement extends JsonObject {
  readonly _type: string
  readonly subject: readonly JsonObject[]
  readonly predicateType: string
  readonly predicate: JsonObject
}

export const subjectOf = (artifact: Artifact): JsonObject => ({
  name: purlOf(artifact),
  digest: { sha512: artifact.sha512 },
})

/** SLSA v1, as npm's libnpmpublish writes it on GitHub Actions. */
export const slsaV1 = (id: WorkflowIdentity): JsonObject => ({
  buildDefinition: {
    buildType: GITHUB_BUILD_V1,
    externalParameters: { workflow: { ref: id.ref, repository: `${id.server}/${id.repo}`, path: id.workflow } },
    internalParameters: {
      github: { event_name: id.event, repository_id: id.repoId, repository_owner_id: id.ownerId },
    },
    resolvedDependencies: [{ uri: `git+${id.server}/${id.repo}@${id.ref}`, digest: { gitCommit: id.sha } }],
  },
  runDetails: {
    builder: { id: `https://github.com/actions/runner/${id.runner}` },
    metadata: { invocationId: id.run },
  },
})

/** SLSA v0.2, as npm wrote it on GitHub Actions in 2023; `early` is the form of its first weeks. */
export const slsaV02 = (id: WorkflowIdentity, early = false): JsonObject => {
  const source = { uri: `git+${id.server}/${id.repo}@${id.ref}`, digest: { sha1: id.sha } }
  const workflow = id.buildConfig.replace(`${id.server}/`, '')
  return {
    buildType: early ? GITHUB_BUILD_EARLY : GITHUB_BUILD_V02,
    builder: { id: early ? 'https://github.com/npm/cli@9.4.2' : 'https://github.com/actions/runner' },
    invocation: {
      configSource: { ...source, entryPoint: early ? workflow : id.workflow },
      parameters: {},
      environment: {
        GITHUB_EVENT_NAME: id.event,
        GITHUB_REF: id.ref,
        GITHUB_REPOSITORY: id.repo,
        GITHUB_REPOSITORY_ID: id.repoId,
        GITHUB_REPOSITORY_OWNER_ID: id.ownerId,
        GITHUB_RUN_ATTEMPT: id.attempt,
        GITHUB_RUN_ID: id.runId,
        GITHUB_SHA: id.sha,
        GITHUB_WORKFLOW_REF: workflow,
        GITHUB_WORKFLOW_SHA: id.sha,
      },
    },
    metadata: {
      buildInvocationId: `${id.runId}-${id.attempt}`,
      completeness: { parameters: false, environment: false, materials: false },
      reproducible: false,
    },
    materials: [early ? { ...source, uri: `git+${id.server}/${id.repo}` } : source],
  }
}

/** SLSA v0.2, as npm writes it on GitLab CI. */
export const slsaGitlab = (id: WorkflowIdentity): JsonObject => {
  const source = { uri: `git+${id.server}/${id.repo}`, digest: { sha1: id.sha } }
  return {
    buildType: GITLAB_BUILD_V02,
    builder: { id: `${id.server}/${id.repo}/-/runners/7` },
    invocation: {
      configSource: { ...source, entryPoint: 'publish' },
      parameters: { CI: 'true', CI_COMMIT_SHA: id.sha, CI_PROJECT_ID: id.repoId, CI_PIPELINE_SOURCE: id.event },
      environment: {
        name: id.runner,
        architecture: 'linux/amd64',
        server: id.server,
        project: id.repo,
        job: { id: id.runId },
        pipeline: { id: id.runId, ref: id.workflow },
      },
    },
    metadata: {
      buildInvocationId: id.run,
      completeness: { parameters: true, environment: true, materials: false },
      reproducible: false,
    },
    materials: [source],
  }
}

/** The provenance that npm publishes for a build: SLSA v1 on GitHub, v0.2 on GitLab. */
export function provenanceStatement(artifact: Artifact, id: WorkflowIdentity, slsa: '1' | '0.2' | 'early' = '1'): Statement {
  const subject = [subjectOf(artifact)]
  if (id.provider === 'gitlab') return { _type: STATEMENT_V01, subject, predicateType: SLSA_V02, predicate: slsaGitlab(id) }
  if (slsa === '1') return { _type: STATEMENT_V1, subject, predicateType: SLSA_V1, predicate: slsaV1(id) }
  return { _type: STATEMENT_V01, subject, predicateType: SLSA_V02, predicate: slsaV02(id, slsa === 'early') }
}

/** npm's publish attestation (npm/attestation, specs/publish/v0.1). */
export const publishStatement = (artifact: Artifact, registry: string = REGISTRY): Statement => ({
  _type: STATEMENT_V01,
  subject: [subjectOf(artifact)],
  predicateType: NPM_PUBLISH,
  predicate: { name: artifact.name, version: artifact.version, registry },
})
