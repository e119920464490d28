import { isObject, ownObject, type Json, type JsonObject } from '../../../plugin/domain/json.ts'
import {
  altered,
  NPM_PUBLISH,
  provenanceStatement,
  publishStatement,
  type Artifact,
  type AttestationsDocument,
  type Bundle,
  type Identity,
  type IdentityOptions,
  type KeylessOptions,
  type Statement,
} from '../private-sigstore.ts'
import type { PathMatcher, Behaviour, When } from '../registry/behaviour.ts'
import { attestationsPath, tarballPath, type Draft, type PackumentEdit, type PublishOptions } from '../registry/draft.ts'

export interface Fault {
  /** As in the list of what must be refused. */
  readonly title: string
  /** Changes what is asked for, so that everything else is made to fit. */
  readonly prepare?: (options: PublishOptions) => PublishOptions
  /** Changes what was made. */
  readonly apply?: (draft: Draft) => Draft
}

/** Only `manifest` and `dist` of the packument's entry are touched. */
export const withManifest = (draft: Draft, changes: JsonObject): Draft => ({
  ...draft,
  manifest: { ...draft.manifest, ...changes },
})
export const withDist = (draft: Draft, changes: JsonObject): Draft =>
  withManifest(draft, { dist: { ...ownObject(draft.manifest, 'dist'), ...changes } })
export const withoutDist = (draft: Draft, ...fields: readonly string[]): Draft => {
  const kept = Object.entries(ownObject(draft.manifest, 'dist') ?? {}).filter(([field]) => !fields.includes(field))
  return withManifest(draft, { dist: Object.fromEntries(kept) })
}

type Attestation = AttestationsDocument['attestations'][number]
const isPublish = ({ predicateType }: Attestation): boolean => predicateType === NPM_PUBLISH

export const withAttestations = (draft: Draft, change: (all: readonly Attestation[]) => readonly Attestation[]): Draft => ({
  ...draft,
  document: { attestations: change(draft.document?.attestations ?? []) },
})

/** Replaces the provenance in the document. */
export const withProvenance = (draft: Draft, bundle: Bundle, predicateType?: string): Draft =>
  withAttestations(draft, (all) =>
    all.map((one) => (isPublish(one) ? one : { predicateType: predicateType ?? one.predicateType, bundle })),
  )

/** Replaces the publish attestation in the document. */
export const withPublish = (draft: Draft, bundle: Bundle): Draft =>
  withAttestations(draft, (all) => all.map((one) => (isPublish(one) ? { ...one, bundle } : one)))

export const onlyPublish = (draft: Draft): Draft => withAttestations(draft, (all) => all.filter(isPublish))

/** The provenance the draft's build would have, changed before it is signed. */
export const statementOf = (draft: Draft, changes: Partial<Statement> = {}): Statement => ({
  ...provenanceStatement(draft.artifact, draft.identity, draft.slsa),
  ...changes,
})

/** Signs another statement with the draft's identity, or the same one another way. */
export const resigned = (draft: Draft, statement: JsonObject | string, options: KeylessOptions = {}, by?: Identity): Draft =>
  withProvenance(draft, draft.sigstore.keyless(statement, by ?? draft.identity, { at: draft.at, ...options }))

/** Has somebody else build it: certificate and predicate agree with each other. */
export const rebuilt = (draft: Draft, changes: IdentityOptions): Draft => {
  const identity = altered(draft.identity, changes)
  return resigned(draft, provenanceStatement(draft.artifact, identity, draft.slsa), {}, identity)
}

/** A publish attestation of the draft, with something different in its predicate. */
export const publishedAs = (draft: Draft, changes: JsonObject): Draft => {
  const statement = publishStatement(draft.artifact)
  const predicate = { ...statement.predicate, ...changes }
  return withPublish(draft, draft.sigstore.keyed({ ...statement, predicate }, { at: draft.at }))
}

export const artifactOf = (draft: Draft, changes: Partial<Artifact>): Artifact => ({ ...draft.artifact, ...changes })

export const withRule = (draft: Draft, match: PathMatcher, behaviour: Behaviour, when: When = {}): Draft => ({
  ...draft,
  rules: [...draft.rules, { match, behaviour, when }],
})
export const onTarball = (draft: Draft, behaviour: Behaviour, when?: When): Draft =>
  withRule(draft, tarballPath(draft), behaviour, when)
export const onAttestations = (draft: Draft, behaviour: Behaviour): Draft => withRule(draft, attestationsPath(draft), behaviour)
export const onPackument = (draft: Draft, behaviour: Behaviour): Draft => withRule(draft, `/${draft.name}`, behaviour)

export const withEdit = (draft: Draft, edit: PackumentEdit): Draft => ({ ...draft, edits: [...draft.edits, edit] })
/** Adds to one of the packument's collections; the names may be anything. */
export const adding = (field: string, entries: readonly (readonly [string, Json])[]): PackumentEdit => {
  return (packument) => {
    const known = packument[field]
    return { ...packument, [field]: Object.fromEntries([...Object.entries(isObject(known) ? known : {}), ...entries]) }
  }
}
