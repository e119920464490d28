import type { ProvenanceFacts } from '../domain/evidence.ts'
import type { PackageRef } from '../domain/package-ref.ts'
import type { Reason, ReasonCode } from '../domain/reason.ts'
import type { SignerIdentity } from '../domain/signer-identity.ts'
import { workflowPath } from '../domain/workflow-path.ts'
import { compileGlob, type Glob } from './glob.ts'
import type { IdentityDocument } from './schema.ts'
import { ISSUERS } from './values.ts'
import { claimMissing, mismatch } from './words.ts'

/** Holds a certified identity against a rule: every disagreement, none when they agree. */
export type IdentityCheck = (facts: ProvenanceFacts, ref: PackageRef) => readonly Reason[]

/** One field of an identity: what the certificate says, and whether that is what the rule asks for. */
interface Field {
  readonly code: ReasonCode
  readonly claim: string
  readonly noun: string
  readonly claimed: (identity: SignerIdentity) => string | undefined
  /** What to show where `claimed` finds nothing although the certificate has something to say. */
  readonly otherwise?: (identity: SignerIdentity) => string | undefined
  readonly expected: (ref: PackageRef) => string
  readonly accepts: (value: string, ref: PackageRef) => boolean
}

/** No claim of a real certificate is longer; one that is matches nothing. */
const MAX_CLAIM = 4096

/**
 * Compiles an identity. Only what the certificate says is compared (Fulcio's decoded extensions), never the predicate, which
 * the build writes about itself.
 */
export function compileIdentity(identity: IdentityDocument): IdentityCheck {
  const fields = fieldsOf(identity)
  return (facts, ref) => fields.flatMap((field) => compare(field, facts.identity, ref))
}

function compare(field: Field, identity: SignerIdentity, ref: PackageRef): readonly Reason[] {
  const value = field.claimed(identity)
  if (value === undefined || value === '') {
    const other = field.otherwise?.(identity)
    if (other !== undefined) return [mismatch(field.code, field.noun, field.expected(ref), other)]
    return [claimMissing(field.claim, field.noun, field.expected(ref))]
  }
  if (value.length <= MAX_CLAIM && field.accepts(value, ref)) return []
  return [mismatch(field.code, field.noun, field.expected(ref), value)]
}

function fieldsOf(rule: IdentityDocument): readonly Field[] {
  const issuers = listOf(rule.issuer)?.map((issuer) => ISSUERS.get(issuer) ?? issuer)
  // A certified id stands for the repository even where its address changed: repositories are renamed, and old addresses are
  // taken by others.
  const repository = rule.sourceRepositoryId === undefined ? rule.sourceRepository : undefined
  return [
    oneOf('issuer-mismatch', 'issuer', 'issuer', issuers, (identity) => identity.issuer),
    like(
      'source-repository-mismatch',
      'sourceRepository',
      'source repository',
      repository,
      (identity) => identity.sourceRepository,
    ),
    oneOf(
      'source-repository-id-mismatch',
      'sourceRepositoryId',
      'repository id',
      listOf(rule.sourceRepositoryId),
      (identity) => identity.sourceRepositoryId,
    ),
    oneOf('source-owner-mismatch', 'sourceOwnerId', 'owner id', listOf(rule.sourceOwnerId), (identity) => identity.sourceOwnerId),
    like('source-ref-mismatch', 'sourceRef', 'ref', rule.sourceRef, (identity) => identity.sourceRef, true),
    workflow(rule.workflow),
    like(
      'signer-workflow-mismatch',
      'signerWorkflow',
      'signing workflow',
      rule.signerWorkflow,
      (identity) => identity.subjectAlternativeName,
    ),
    oneOf('trigger-mismatch', 'trigger', 'trigger', listOf(rule.trigger), (identity) => identity.trigger),
    oneOf('runner-mismatch', 'runner', 'runner', listOf(rule.runner), (identity) => identity.runner),
    oneOf('environment-mismatch', 'environment', 'environment', listOf(rule.environment), (identity) => identity.environment),
  ].filter((field) => field !== undefined)
}

function oneOf(
  code: ReasonCode,
  claim: string,
  noun: string,
  values: readonly string[] | undefined,
  claimed: Field['claimed'],
): Field | undefined {
  if (values === undefined) return undefined
  return { code, claim, noun, claimed, expected: () => values.join(' or '), accepts: (value) => values.includes(value) }
}

function like(
  code: ReasonCode,
  claim: string,
  noun: string,
  pattern: string | undefined,
  claimed: Field['claimed'],
  placeholders = false,
): Field | undefined {
  if (pattern === undefined) return undefined
  const glob: Glob = compileGlob(pattern, { placeholders })
  return { code, claim, noun, claimed, expected: (ref) => glob.describe(ref), accepts: (value, ref) => glob.matches(value, ref) }
}

function workflow(pattern: string | undefined): Field | undefined {
  const field = like('workflow-mismatch', 'workflow', 'workflow', pattern, workflowPath)
  return field && { ...field, otherwise: (identity) => identity.buildConfig }
}

const listOf = (value: string | readonly string[] | undefined): readonly string[] | undefined =>
  typeof value === 'string' ? [value] : value
