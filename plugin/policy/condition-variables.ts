/** What a condition may speak of. The names are a promise: docs/policy.md lists them. */
import type { Candidate } from '../domain/evidence.ts'
import type { SignerIdentity } from '../domain/signer-identity.ts'
import { parseVersion } from './package-pattern.ts'
import { workflowPath } from '../domain/workflow-path.ts'

type FieldType = 'string' | 'bool' | 'int'

export const VARIABLES: ReadonlyMap<string, Readonly<Record<string, FieldType>>> = new Map<string, Readonly<Record<string, FieldType>>>([
  ['package', { name: 'string', scope: 'string', version: 'string', prerelease: 'bool', major: 'int', minor: 'int', patch: 'int' }],
  ['release', { ageDays: 'int', uplink: 'string', origin: 'string' }],
  ['evidence', { signature: 'string', publishAttestation: 'string', provenance: 'string' }],
  [
    'identity',
    {
      issuer: 'string',
      sourceRepository: 'string',
      sourceRepositoryId: 'string',
      sourceOwner: 'string',
      sourceOwnerId: 'string',
      sourceRef: 'string',
      sourceDigest: 'string',
      workflow: 'string',
      signerWorkflow: 'string',
      trigger: 'string',
      runner: 'string',
      environment: 'string',
      visibility: 'string',
    },
  ],
  ['hints', { trustedPublisher: 'bool', stagedPublish: 'bool' }],
])

/** `package.name` and so on, for remedies. */
export const FIELDS: readonly string[] = [...VARIABLES].flatMap(([name, fields]) => Object.keys(fields).map((field) => `${name}.${field}`))

/** Fields that only a version which can be ordered has. */
const VERSION_FIELDS: readonly string[] = ['package.prerelease', 'package.major', 'package.minor', 'package.patch']

const DAY = 86_400_000
/** No claim of a real certificate is longer. */
const MAX_CLAIM = 4096

/**
 * The variables for one candidate. Only verified provenance fills `identity`; a claim the certificate lacks is empty.
 * @throws RangeError when a field that the condition reads has no honest value
 */
export function contextOf(candidate: Candidate, now: Date, read: ReadonlySet<string>): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  const { ref, notBefore, uplink, origin, signature, publishAttestation, provenance, claims } = candidate
  const version = parseVersion(ref.version)
  if (version === undefined && VERSION_FIELDS.some((field) => read.has(field))) throw new RangeError('nobody can order this version')
  if (Number.isNaN(notBefore.getTime()) && read.has('release.ageDays')) throw new RangeError('its publish time cannot be told')
  const ageDays = Math.max(0, Math.floor((now.getTime() - notBefore.getTime()) / DAY) || 0)
  return {
    package: {
      name: ref.name,
      scope: ref.name.startsWith('@') ? ref.name.slice(0, Math.max(0, ref.name.indexOf('/'))) : '',
      version: ref.version,
      prerelease: (version?.prerelease.length ?? 0) > 0,
      major: BigInt(version?.major ?? 0),
      minor: BigInt(version?.minor ?? 0),
      patch: BigInt(version?.patch ?? 0),
    },
    release: { ageDays: BigInt(ageDays), uplink, origin },
    evidence: { signature: signature.state, publishAttestation: publishAttestation.state, provenance: provenance.state },
    identity: identityFields(provenance.state === 'verified' ? provenance.facts.identity : undefined),
    hints: { trustedPublisher: claims.trustedPublisher, stagedPublish: claims.stagedPublish },
  }
}

function identityFields(identity: SignerIdentity | undefined): Readonly<Record<string, string>> {
  const claims: Readonly<Record<string, string | undefined>> = {
    issuer: identity?.issuer,
    sourceRepository: identity?.sourceRepository,
    sourceRepositoryId: identity?.sourceRepositoryId,
    sourceOwner: identity?.sourceOwner,
    sourceOwnerId: identity?.sourceOwnerId,
    sourceRef: identity?.sourceRef,
    sourceDigest: identity?.sourceDigest,
    workflow: identity === undefined ? undefined : workflowPath(identity),
    signerWorkflow: identity?.subjectAlternativeName,
    trigger: identity?.trigger,
    runner: identity?.runner,
    environment: identity?.environment,
    visibility: identity?.visibility,
  }
  if (Object.values(claims).some((claim) => (claim?.length ?? 0) > MAX_CLAIM)) throw new RangeError('a claim is too long')
  return Object.fromEntries(Object.entries(claims).map(([name, claim]) => [name, claim ?? '']))
}
