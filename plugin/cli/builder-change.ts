/** Where, along the versions of a package, who built it changes: for the command line and for the dashboard. */
import type { ExplainedBuilder, ExplainedVersion } from './explained.ts'
import { workflowOf } from './links.ts'

/**
 * From one version to the ones before it: `ends`, its provenance; `builder`, another repository; `owner`, of the same repository;
 * `workflow`, of the same owner's. `before` and `now` name what is compared; undefined where nothing tells it.
 */
export interface BuilderChange {
  readonly kind: 'ends' | 'builder' | 'owner' | 'workflow'
  readonly before: string | undefined
  readonly now: string | undefined
}

/** Who built a version, as far as it is compared. */
export interface BuiltBy extends Pick<ExplainedBuilder, 'issuer' | 'sourceRepository' | 'sourceRepositoryId' | 'sourceOwnerId'> {
  readonly subjectAlternativeName?: string
  readonly workflow: string | undefined
}

export interface BuiltVersion {
  /** Undefined where nothing verified says it. */
  readonly builder: BuiltBy | undefined
  /** State of its provenance. */
  readonly provenance: string | undefined
}

export const builtVersion = ({ builder, evidence }: Pick<ExplainedVersion, 'builder' | 'evidence'>): BuiltVersion => ({
  builder: builder && { ...builder, workflow: workflowOf(builder) },
  provenance: evidence?.provenance.state,
})

/** `before`: newest first. Compared with the last one of which it is known who built it. */
export function builderChange({ builder, provenance }: BuiltVersion, before: readonly BuiltVersion[]): BuilderChange | undefined {
  const previous = before.find((one) => one.builder !== undefined)?.builder
  if (previous === undefined) return undefined
  if (builder === undefined) {
    const ends = before[0]?.builder !== undefined && provenance === 'absent'
    return ends ? { kind: 'ends', before: builderName(previous), now: undefined } : undefined
  }
  if (idOf(builder) !== idOf(previous)) return { kind: 'builder', before: builderName(previous), now: builderName(builder) }
  if (builder.sourceOwnerId !== previous.sourceOwnerId && builder.sourceOwnerId !== undefined && previous.sourceOwnerId !== undefined)
    return { kind: 'owner', before: previous.sourceOwnerId, now: builder.sourceOwnerId }
  return builder.workflow === previous.workflow ? undefined : { kind: 'workflow', before: previous.workflow, now: builder.workflow }
}

type Named = Pick<BuiltBy, 'issuer' | 'sourceRepository' | 'sourceRepositoryId' | 'subjectAlternativeName'>

export function builderName(builder: Named | undefined): string {
  if (builder === undefined) return ''
  const { sourceRepository, subjectAlternativeName, sourceRepositoryId, issuer } = builder
  const repository = (sourceRepository ?? subjectAlternativeName ?? `a repository of ${issuer ?? 'an unknown issuer'}`).replace(/^https:\/\//, '')
  return sourceRepositoryId === undefined ? repository : `${repository} (${sourceRepositoryId})`
}

/** As pins compare: the certified id, else the address (certificates of early 2023 have no id). */
const idOf = ({ issuer, sourceRepositoryId, sourceRepository, subjectAlternativeName }: Named): string =>
  JSON.stringify([issuer ?? null, sourceRepositoryId ?? sourceRepository ?? subjectAlternativeName ?? null])
