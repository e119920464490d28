import { own, ownString, type Json, type JsonObject } from '../domain/json.ts'
import type { SignerIdentity } from '../domain/signer-identity.ts'
import { EvidenceFault } from './fault.ts'
import { assertAgreement, at, materialClaims, objectAt, sourceClaims, type Claim } from './predicate-claims.ts'

export const SLSA_V02 = 'https://slsa.dev/provenance/v0.2'
export const SLSA_V1 = 'https://slsa.dev/provenance/v1'

/** Builds whose only material is their source: npm's own, on GitHub and GitLab. */
const SOURCE_ONLY =
  /^https:\/\/(?:slsa-framework\.github\.io\/github-actions-buildtypes\/workflow\/v1|github\.com\/npm\/cli\/(?:gha[@/]|gitlab\/))/
const GITLAB = 'https://github.com/npm/cli/gitlab/'
const ON_GITHUB_RUNNER = 'https://github.com/actions/runner/'

/**
 * Holds SLSA provenance against the certificate that signed it, wherever both speak: npm's build types for GitHub and GitLab,
 * slsa-github-generator's, and of any other the fields that mean the same everywhere.
 * @returns the build type
 * @throws EvidenceFault `statement-mismatch`, or `provenance-unsupported` for a predicate that is not SLSA provenance
 */
export function assertPredicate(type: string, predicate: JsonObject, identity: SignerIdentity): string {
  const definition = type === SLSA_V1 ? objectAt(predicate, 'buildDefinition') : predicate
  const buildType = ownString(definition, 'buildType') ?? ''
  if (buildType === '')
    throw new EvidenceFault('provenance-unsupported', 'the provenance names no build type', { cause: 'build-type' })
  assertAgreement(type === SLSA_V1 ? claimsOfV1(predicate, buildType, identity) : claimsOfV02(predicate, buildType, identity))
  return buildType
}

function claimsOfV1(predicate: JsonObject, buildType: string, identity: SignerIdentity): readonly Claim[] {
  const workflow = objectAt(predicate, 'buildDefinition', 'externalParameters', 'workflow')
  const internal = objectAt(predicate, 'buildDefinition', 'internalParameters')
  const github = objectAt(internal, 'github')
  const builder = at(predicate, 'runDetails', 'builder', 'id')
  return [
    { field: 'externalParameters.workflow.repository', value: own(workflow, 'repository'), certified: identity.sourceRepository },
    ...workflowClaims('externalParameters.workflow', own(workflow, 'path'), own(workflow, 'ref'), identity),
    ...sourceClaims('externalParameters.source', at(predicate, 'buildDefinition', 'externalParameters', 'source'), identity),
    { field: 'internalParameters.github.event_name', value: own(github, 'event_name'), certified: identity.trigger },
    {
      field: 'internalParameters.github.repository_id',
      value: own(github, 'repository_id'),
      certified: identity.sourceRepositoryId,
    },
    {
      field: 'internalParameters.github.repository_owner_id',
      value: own(github, 'repository_owner_id'),
      certified: identity.sourceOwnerId,
    },
    {
      field: 'internalParameters.github.runner_environment',
      value: own(github, 'runner_environment'),
      certified: identity.runner,
    },
    ...githubEnvironmentClaims('internalParameters', internal, identity),
    ...materials('resolvedDependencies', at(predicate, 'buildDefinition', 'resolvedDependencies'), buildType, identity),
    { field: 'runDetails.builder.id', value: runnerOf(builder), certified: identity.runner },
    ...runClaims('runDetails.metadata.invocationId', at(predicate, 'runDetails', 'metadata', 'invocationId'), identity),
  ]
}

function claimsOfV02(predicate: JsonObject, buildType: string, identity: SignerIdentity): readonly Claim[] {
  const invocation = objectAt(predicate, 'invocation')
  return [
    ...sourceClaims('invocation.configSource', own(invocation, 'configSource'), identity),
    ...(buildType.startsWith(GITLAB) ? gitlabClaims(invocation, identity) : githubClaims(invocation, identity)),
    ...materials('materials', own(predicate, 'materials'), buildType, identity),
    ...runClaims('metadata.buildInvocationId', at(predicate, 'metadata', 'buildInvocationId'), identity),
  ]
}

function materials(field: string, value: Json | undefined, buildType: string, identity: SignerIdentity): readonly Claim[] {
  if (!SOURCE_ONLY.test(buildType)) return materialClaims(field, value, identity)
  const list = Array.isArray(value) ? (value as readonly Json[]) : []
  return list.flatMap((material, index) => sourceClaims(`${field}[${index}]`, material, identity))
}

const runnerOf = (builder: Json | undefined): string | undefined =>
  typeof builder === 'string' && builder.startsWith(ON_GITHUB_RUNNER) ? builder.slice(ON_GITHUB_RUNNER.length) : undefined

/**
 * A workflow file by path and ref, against the certified build config `https://host/owner/repository/path@ref`. A workflow that
 * an organisation requires of its repositories is named with the repository it is kept in.
 */
function workflowClaims(
  field: string,
  path: Json | undefined,
  ref: Json | undefined,
  identity: SignerIdentity,
): readonly Claim[] {
  const { buildConfig, sourceRepository, sourceRef } = identity
  if (typeof path !== 'string' || path === '') return [{ field: `${field}.path`, value: path, certified: buildConfig }]
  if (buildConfig === undefined || sourceRepository === undefined)
    return [{ field: `${field}.ref`, value: ref, certified: sourceRef }]
  const suffix = typeof ref === 'string' && ref !== '' ? `@${ref}` : buildConfig.slice(endOfPath(buildConfig))
  // A required workflow's path begins with its own repository.
  const elsewhere = `${originOf(sourceRepository)}/${path}${suffix}`
  const value = elsewhere === buildConfig ? elsewhere : `${sourceRepository}/${path}${suffix}`
  return [{ field, value, certified: buildConfig }]
}

/** Where the ref begins; a workflow's path holds no `@`. */
const endOfPath = (buildConfig: string): number => {
  const index = buildConfig.indexOf('@')
  return index === -1 ? buildConfig.length : index
}

const originOf = (address: string): string => (URL.canParse(address) ? new URL(address).origin : '')

/** npm's build types on GitHub (`gha@v0`, `gha/v1`, `gha/v2`), and slsa-github-generator's, which took their form. */
function githubClaims(invocation: JsonObject, identity: SignerIdentity): readonly Claim[] {
  const entryPoint = at(invocation, 'configSource', 'entryPoint')
  const isWorkflow = typeof entryPoint === 'string' && entryPoint.includes('.github/workflows/')
  // The early form holds the whole reference, `owner/repository/path@ref`, the later one the path.
  const [path, ref] = isWorkflow && entryPoint.includes('@') ? splitOnce(entryPoint, '@') : [entryPoint, undefined]
  return [
    ...(isWorkflow ? workflowClaims('invocation.configSource.entryPoint', path, ref, identity) : []),
    ...githubEnvironmentClaims('invocation.environment', objectAt(invocation, 'environment'), identity),
  ]
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const index = text.indexOf(separator)
  return [text.slice(0, index), text.slice(index + separator.length)]
}

function githubEnvironmentClaims(field: string, environment: JsonObject, identity: SignerIdentity): readonly Claim[] {
  const value = (name: string): Json | undefined => own(environment, name)
  const claim = (name: string, certified: string | undefined): Claim => ({
    field: `${field}.${name}`,
    value: value(name),
    certified,
  })
  const { buildConfig, sourceRepository: repository } = identity
  const run = value('GITHUB_RUN_ID')
  const attempt = value('GITHUB_RUN_ATTEMPT')
  return [
    claim('GITHUB_EVENT_NAME', identity.trigger),
    claim('GITHUB_REF', identity.sourceRef),
    claim('GITHUB_REPOSITORY', repository && pathOf(repository)),
    claim('GITHUB_REPOSITORY_ID', identity.sourceRepositoryId),
    claim('GITHUB_REPOSITORY_OWNER_ID', identity.sourceOwnerId),
    claim('GITHUB_SHA', identity.sourceDigest),
    claim('GITHUB_WORKFLOW_REF', buildConfig && pathOf(buildConfig)),
    ...(isText(run) && isText(attempt) ? runClaims(`${field}.GITHUB_RUN_ID`, `${run}-${attempt}`, identity) : []),
  ]
}

const isText = (value: Json | undefined): value is string => typeof value === 'string' && value !== ''

/** The path of an address as it is written, without the slash: a ref in it is no URL and is not to be encoded. */
const pathOf = (address: string): string => address.replace(/^[a-z]+:\/\/[^/]*\//, '')

/** npm's build type on GitLab (`gitlab/v0alpha1`): the job's variables. */
function gitlabClaims(invocation: JsonObject, identity: SignerIdentity): readonly Claim[] {
  const parameters = objectAt(invocation, 'parameters')
  const claim = (name: string, certified: string | undefined): Claim => ({
    field: `invocation.parameters.${name}`,
    value: own(parameters, name),
    certified,
  })
  const { sourceRef, sourceRepository } = identity
  return [
    claim('CI_COMMIT_SHA', identity.sourceDigest),
    // GitLab's variable is the short name of the branch or tag.
    claim('CI_COMMIT_REF_NAME', /^refs\/(?:heads|tags)\/(.*)$/s.exec(sourceRef ?? '')?.[1]),
    claim('CI_PIPELINE_SOURCE', identity.trigger),
    claim('CI_PROJECT_ID', identity.sourceRepositoryId),
    claim('CI_PROJECT_NAMESPACE_ID', identity.sourceOwnerId),
    claim('CI_PROJECT_URL', sourceRepository),
    claim('CI_PROJECT_PATH', sourceRepository && pathOf(sourceRepository)),
    claim('CI_JOB_URL', identity.run),
    {
      field: 'invocation.environment.project',
      value: at(invocation, 'environment', 'project'),
      certified: sourceRepository && pathOf(sourceRepository),
    },
  ]
}

const RUN_AND_ATTEMPT = /\/actions\/runs\/(\d+)\/attempts\/(\d+)$/

/** A run's address on GitHub or a job's on GitLab, or the short form `run-attempt`; another form names something else. */
function runClaims(field: string, value: Json | undefined, { run }: SignerIdentity): readonly Claim[] {
  if (run === undefined || typeof value !== 'string') return []
  if (/:\/\/.*\/(?:actions\/runs|-\/jobs)\//.test(value)) return [{ field, value, certified: run }]
  const [, id, attempt] = RUN_AND_ATTEMPT.exec(run) ?? []
  return id !== undefined && attempt !== undefined && /^\d+-\d+$/.test(value)
    ? [{ field, value, certified: `${id}-${attempt}` }]
    : []
}
