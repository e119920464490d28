import { isObject, own, ownObject, type Json, type JsonObject } from '../domain/json.ts'
import type { SignerIdentity } from '../domain/signer-identity.ts'
import { mismatch, textOf } from './statement.ts'

/** Something a predicate says of the build that the certificate may say too. */
export interface Claim {
  /** Where in the predicate. */
  readonly field: string
  readonly value: Json | undefined
  /** What the certificate says; undefined where it says nothing. */
  readonly certified: string | undefined
}

/**
 * The predicate is written by the build itself and nobody checks it, so what it says of its origin counts for nothing, except
 * when it contradicts the certificate: then one of the two is a lie.
 * @throws EvidenceFault `statement-mismatch`
 */
export function assertAgreement(claims: readonly Claim[]): void {
  for (const { field, value, certified } of claims) {
    // Some builders write an empty text for what they do not know.
    if (certified === undefined || value === undefined || value === null || value === '') continue
    const said = typeof value === 'number' ? String(value) : value
    if (said !== certified) throw mismatch('the predicate contradicts the certificate', certified, textOf(said), field)
  }
}

/** The value at a path of property names. */
export function at(object: JsonObject, ...path: readonly string[]): Json | undefined {
  let value: Json | undefined = object
  for (const name of path) value = isObject(value) ? own(value, name) : undefined
  return value
}

export const objectAt = (object: JsonObject, ...path: readonly string[]): JsonObject => {
  const value = at(object, ...path)
  return isObject(value) ? value : {}
}

/** Commits are named by several algorithms' names for the same thing. */
const COMMITS = ['gitCommit', 'sha1'] as const

/** Claims of `git+https://host/owner/repository@ref` and the commit beside it (SPDX download location). */
export function sourceClaims(field: string, source: Json | undefined, identity: SignerIdentity): readonly Claim[] {
  if (source === undefined || source === null) return []
  const { repository, ref } = splitSource(isObject(source) ? own(source, 'uri') : source)
  const digest = isObject(source) ? (ownObject(source, 'digest') ?? {}) : {}
  return [
    { field: `${field}.uri`, value: repository, certified: identity.sourceRepository },
    { field: `${field}.uri`, value: ref, certified: identity.sourceRef },
    ...COMMITS.map((name) => ({ field: `${field}.digest.${name}`, value: own(digest, name), certified: identity.sourceDigest })),
  ]
}

/** Claims of those materials that are the source; the others are what it was built with. */
export function materialClaims(field: string, materials: Json | undefined, identity: SignerIdentity): readonly Claim[] {
  const list = Array.isArray(materials) ? (materials as readonly Json[]) : []
  return list.flatMap((material, index) => {
    const isSource = isObject(material) && splitSource(own(material, 'uri')).repository === identity.sourceRepository
    return isSource ? sourceClaims(`${field}[${index}]`, material, identity) : []
  })
}

interface Source {
  readonly repository: Json | undefined
  readonly ref: string | undefined
}

/** A ref may hold an `@` itself (a tag `@acme/ui@1.0.0`), an address of a repository does not: the first one parts them. */
function splitSource(uri: Json | undefined): Source {
  if (typeof uri !== 'string') return { repository: uri, ref: undefined }
  const [, address = '', ref] = /^(?:git\+)?([^@]*)(?:@(.*))?$/s.exec(uri) ?? []
  return { repository: address.replace(/\.git$/, ''), ref }
}
