/** The package.json beside a lockfile, for formats that do not repeat what the project asks for. */
import { isObject, type JsonObject } from '../domain/json.ts'
import { rangesAt } from './fields.ts'
import type { EdgeKind } from './graph.ts'

export type Manifest = JsonObject

/** Id of the node that stands for the project: no package has an empty name. */
export const ROOT = ''

/** Undefined for what is no package.json: nothing but who asks is learned from it. */
export function parseManifest(text: string): Manifest | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    return isObject(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

export interface Wanted {
  readonly range: string
  readonly kind: EdgeKind
}

/** What a project asks for, by name. @throws Malformed */
export const wantedBy = (manifest: JsonObject, where = 'package.json'): ReadonlyMap<string, Wanted> =>
  new Map(
    ([['peerDependencies', 'peer'], ['devDependencies', 'dev'], ['dependencies', 'prod'], ['optionalDependencies', 'optional']] as const).flatMap(([key, kind]) =>
      [...rangesAt(manifest, key, where)].map(([name, range]) => [name, { range, kind }] as const),
    ),
  )
