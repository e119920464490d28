interface StoredVersion {
  readonly dist?: { readonly tarball?: string }
}

/** The part of a manifest in Verdaccio's own storage that the filter reads; `_distfiles` names what came from an uplink. */
export interface StoredManifest {
  readonly name: string
  readonly versions?: Readonly<Record<string, StoredVersion>>
  readonly time?: Readonly<Record<string, string>>
  readonly 'dist-tags'?: Readonly<Record<string, string>>
  readonly _distfiles?: Readonly<Record<string, unknown>>
  readonly readme?: string
}

/**
 * A stored manifest without what came from an uplink; without anything, unless the package was published here. Total, since
 * Verdaccio shows everything when a filter throws: what cannot be read is not shown.
 */
export function withoutUpstreamVersions(manifest: StoredManifest, local: boolean): StoredManifest {
  if (!local) return empty(manifest)
  try {
    return publishedHere(manifest)
  } catch {
    return empty(manifest)
  }
}

/** The names of the files that belong to the versions of a manifest. */
export const filesOf = ({ versions = {} }: StoredManifest): ReadonlySet<string> =>
  new Set(Object.values(versions).flatMap(({ dist }) => fileOf(dist?.tarball) ?? []))

function publishedHere(manifest: StoredManifest): StoredManifest {
  const foreign = manifest._distfiles ?? {}
  return onlyVersions(manifest, ([, { dist }]) => {
    const file = fileOf(dist?.tarball)
    return file !== undefined && !Object.hasOwn(foreign, file)
  })
}

/** A stored manifest with some of its versions: the others are in no field of it. */
export function onlyVersions(manifest: StoredManifest, keeps: (entry: readonly [string, StoredVersion]) => boolean): StoredManifest {
  const all = Object.entries(manifest.versions ?? {})
  const kept = all.filter(keeps)
  if (kept.length === all.length) return manifest
  const versions = Object.fromEntries(kept)
  const has = (version: string): boolean => Object.hasOwn(versions, version)
  const tags = Object.fromEntries(Object.entries(manifest['dist-tags'] ?? {}).filter(([, version]) => has(version)))
  const newest = newestOf(Object.keys(versions), manifest.time)
  return {
    ...manifest,
    versions,
    time: Object.fromEntries(
      Object.entries(manifest.time ?? {}).filter(([key]) => has(key) || key === 'created' || key === 'modified'),
    ),
    // Verdaccio leaves a package without `latest` out of its lists.
    'dist-tags': newest === undefined || Object.hasOwn(tags, 'latest') ? tags : { ...tags, latest: newest },
    _distfiles: {},
    // Verdaccio keeps one, that of the newest version it merged: the uplink's.
    readme: '',
  }
}

/** What was published last. */
function newestOf(versions: readonly string[], time: StoredManifest['time'] = {}): string | undefined {
  const published = (version: string): number => Date.parse((Object.hasOwn(time, version) ? time[version] : undefined) ?? '') || 0
  return versions.toSorted((one, other) => published(one) - published(other)).at(-1)
}

/** What Verdaccio makes of a package that it does not have. */
export const empty = ({ name }: StoredManifest): StoredManifest & Readonly<Record<string, unknown>> => ({
  name,
  versions: {},
  time: {},
  'dist-tags': {},
  users: {},
  _uplinks: {},
  _distfiles: {},
  _attachments: {},
  _rev: '',
  readme: '',
})

/** The file of a tarball address, read as Verdaccio reads it when it fills `_distfiles`: a query does not belong to it. */
function fileOf(tarball: string | undefined): string | undefined {
  const file = typeof tarball === 'string' ? URL.parse(tarball, 'http://localhost')?.pathname.replace(/^.*\//, '') : undefined
  return file === '' ? undefined : file
}
