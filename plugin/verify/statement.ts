import { isObject, own, ownObject, ownString, type Json, type JsonObject } from '../domain/json.ts'
import { purlOf, specOf } from '../domain/package-ref.ts'
import type { AttestationTask } from '../domain/ports.ts'
import type { ReasonCode } from '../domain/reason.ts'
import type { Envelope } from './bundle.ts'
import { EvidenceFault, guarded } from './fault.ts'
import { parseStrictJson } from '../domain/strict-json.ts'

const PAYLOAD_TYPE = 'application/vnd.in-toto+json'
const STATEMENT_TYPES: ReadonlySet<Json | undefined> = new Set([
  'https://in-toto.io/Statement/v0.1',
  'https://in-toto.io/Statement/v1',
])

/**
 * Reads the in-toto statement of a verified envelope and holds it against the type it came under and the version it is to
 * speak of (in-toto attestation, Statement; npm's RFC 0049).
 * @returns the predicate
 * @throws EvidenceFault `statement-mismatch`, `subject-mismatch`, or `code` when the payload cannot be read
 */
export function predicateOf(envelope: Envelope, outerType: string, task: AttestationTask, code: ReasonCode): JsonObject {
  if (envelope.payloadType !== PAYLOAD_TYPE)
    throw mismatch('the payload is not an in-toto statement', PAYLOAD_TYPE, envelope.payloadType)
  const statement = guarded(code, 'the statement cannot be read', () => parseStrictJson(envelope.payload))
  if (!isObject(statement)) throw new EvidenceFault(code, 'the statement is not a JSON object', { cause: 'malformed' })
  const type = own(statement, '_type')
  if (!STATEMENT_TYPES.has(type))
    throw mismatch('the statement is of a type that is not known', 'in-toto Statement v0.1 or v1', textOf(type))
  const inner = own(statement, 'predicateType')
  // Only the inner type is signed; the outer one is the registry's word.
  if (inner !== outerType)
    throw mismatch('the predicate is of another type than the one it was served as', outerType, textOf(inner))
  assertSubject(own(statement, 'subject'), task)
  const predicate = ownObject(statement, 'predicate')
  if (predicate === undefined) throw new EvidenceFault(code, 'the statement has no predicate', { cause: 'malformed' })
  return predicate
}

/** One subject, and it is this version: a second one would let one attestation speak for two packages. */
function assertSubject(subjects: Json | undefined, { ref, sha512 }: AttestationTask): void {
  const spec = specOf(ref)
  const [subject, ...others] = Array.isArray(subjects) ? (subjects as readonly Json[]) : []
  if (!isObject(subject)) throw subjectFault(`the attestation of ${spec} has no subject`)
  if (others.length > 0) throw subjectFault(`the attestation of ${spec} has more than one subject`)
  const name = ownString(subject, 'name')
  if (name !== purlOf(ref)) throw subjectFault(`the attestation is of another version than ${spec}`, purlOf(ref), name ?? '')
  const digest = ownString(ownObject(subject, 'digest') ?? {}, 'sha512')
  if (digest === undefined) throw subjectFault(`the attestation of ${spec} names no sha512 digest`)
  if (digest !== sha512) throw subjectFault(`the attestation of ${spec} is of other bytes`, sha512, digest)
}

const subjectFault = (message: string, expected?: string, actual?: string): EvidenceFault =>
  new EvidenceFault('subject-mismatch', message, expected === undefined ? undefined : { expected, actual: actual ?? '' })

/** Evidence that contradicts itself. */
export const mismatch = (message: string, expected: string, actual: string, field?: string): EvidenceFault =>
  new EvidenceFault('statement-mismatch', message, { ...(field === undefined ? {} : { field }), expected, actual })

export const textOf = (value: Json | undefined): string =>
  typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value)
