/** The answers about a package, as its page reads them. */
import type { BuiltBy } from '../../../plugin/cli/builder-change.ts'
import { EVIDENCE, explainedPackage, textOf, type EvidenceName } from '../../../plugin/cli/explained.ts'
import { isObject, ownObject, ownString, type JsonObject } from '../../../plugin/domain/json.ts'
import type { TimelineVersion } from './timeline.tsx'

/** Where the API tells of a package, or of one version. */
export const addressOf = (name: string, version?: string): string =>
  `v1/packages/${encodeURIComponent(name)}${version === undefined ? '' : `/${encodeURIComponent(version)}`}`

/** Newest first, by the times the registry claims; what has none comes last. */
export function versionsOf(document: JsonObject): readonly TimelineVersion[] {
  const tags = Object.entries(ownObject(document, 'distTags') ?? {})
  const entries = ownObject(document, 'versions') ?? {}
  const identities = Array.isArray(document.identities) ? document.identities : []
  const timed = explainedPackage(document).versions.map((one, index) => ({ ...one, index, time: new Date(one.published ?? NaN).getTime() }))
  const sorted = timed.toSorted((a, b) => (Number.isNaN(b.time) ? -1 : b.time) - (Number.isNaN(a.time) ? -1 : a.time) || b.index - a.index)
  return sorted.map(({ version, outcome, published }) => {
    const entry = ownObject(entries, version) ?? {}
    const reasons = Array.isArray(entry.reasons) ? entry.reasons.filter(isObject) : []
    const evidence = statesOf(entry)
    const identity: unknown = typeof entry.identity === 'number' ? identities[entry.identity] : undefined
    return {
      version,
      outcome,
      published,
      codes: [...new Set(reasons.flatMap((one) => textOf(one, 'code') ?? []))],
      tags: tags.filter(([, target]) => target === version).map(([tag]) => tag),
      evidence,
      provenance: evidence?.provenance,
      builder: isObject(identity) ? builderOf(identity) : undefined,
    }
  })
}

function statesOf(entry: JsonObject): Readonly<Record<EvidenceName, string>> | undefined {
  const evidence = ownObject(entry, 'evidence')
  if (evidence === undefined) return undefined
  const state = (name: EvidenceName): string => ownString(ownObject(evidence, name) ?? {}, 'state') ?? 'unknown'
  return Object.fromEntries(EVIDENCE.map((name) => [name, state(name)])) as Record<EvidenceName, string>
}

const builderOf = (identity: JsonObject): BuiltBy => ({
  issuer: textOf(identity, 'issuer'),
  sourceRepository: textOf(identity, 'sourceRepository'),
  sourceRepositoryId: textOf(identity, 'sourceRepositoryId'),
  sourceOwnerId: textOf(identity, 'sourceOwnerId'),
  workflow: textOf(identity, 'workflow'),
})
