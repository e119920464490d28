import { isObject, own, ownObject, type Json, type JsonObject } from '../../../plugin/domain/json.ts'
import type { PackumentEdit } from './draft.ts'

/** Everything a registry knows of a package; maps, since `__proto__` is a version somebody may publish. */
export interface PackageState {
  readonly versions: Map<string, { manifest: JsonObject; readonly time: string; readonly edits: readonly PackumentEdit[] }>
  readonly tags: Map<string, string>
  edits: readonly PackumentEdit[]
  revision: number
}

export const emptyPackage = (): PackageState => ({ versions: new Map(), tags: new Map(), edits: [], revision: 0 })

/** The full packument. */
export function packumentOf(name: string, state: PackageState): JsonObject {
  const times = [...state.versions].map(([version, { time }]) => [version, time] as const)
  const sorted = times.map(([, time]) => time).sort()
  const packument: JsonObject = {
    _id: name,
    _rev: `${state.revision}-0`,
    name,
    description: `${name} for tests`,
    license: 'MIT',
    maintainers: [{ name: 'acme-bot' }],
    readme: `# ${name}`,
    'dist-tags': Object.fromEntries(state.tags),
    versions: Object.fromEntries([...state.versions].map(([version, { manifest }]) => [version, manifest])),
    time: { created: sorted[0] ?? '', modified: sorted.at(-1) ?? '', ...Object.fromEntries(times) },
  }
  const edits = [...[...state.versions.values()].flatMap((version) => version.edits), ...state.edits]
  return edits.reduce((document, edit) => edit(document), packument)
}

/** Fields npm's registry keeps of a version in `application/vnd.npm.install-v1+json`. */
const KEPT = [
  ...['name', 'version', 'deprecated', 'dependencies', 'optionalDependencies', 'devDependencies', 'bundleDependencies'],
  ...['peerDependencies', 'peerDependenciesMeta', 'acceptDependencies', 'bin', 'directories', 'dist', 'engines'],
  ...['os', 'cpu', 'libc', 'funding', 'hasInstallScript', '_hasShrinkwrap'],
]

/** The abbreviated packument, without `time`, as npm's registry gives it. */
export function abbreviate(packument: JsonObject): JsonObject {
  const time = ownObject(packument, 'time')
  return {
    name: packument.name,
    modified: time === undefined ? undefined : own(time, 'modified'),
    'dist-tags': packument['dist-tags'],
    versions: mapValues(ownObject(packument, 'versions') ?? {}, (manifest) =>
      isObject(manifest) ? Object.fromEntries(KEPT.flatMap((key) => pairOf(manifest, key))) : manifest,
    ),
  }
}

const pairOf = (object: JsonObject, key: string): readonly (readonly [string, Json])[] => {
  const value = own(object, key)
  return value === undefined ? [] : [[key, value]]
}

export const mapValues = (object: JsonObject, change: (value: Json | undefined, key: string) => Json | undefined): JsonObject =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value, key)]))
