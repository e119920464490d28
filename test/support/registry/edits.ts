import { isObject, type JsonObject } from '../../../plugin/domain/json.ts'

/** What the registry would serve, had the version never had any. */
export const withoutAttestations =
  (version: string) =>
  (packument: JsonObject): JsonObject => {
    const versions = isObject(packument.versions) ? packument.versions : {}
    const entry = versions[version]
    if (!isObject(entry) || !isObject(entry.dist)) return packument
    const dist = Object.fromEntries(Object.entries(entry.dist).filter(([key]) => key !== 'attestations'))
    return { ...packument, versions: { ...versions, [version]: { ...entry, dist } } }
  }
