/** The part of a manifest in Verdaccio's own storage that the filter reads; `_distfiles` names what came from an uplink. */
export interface StoredManifest {
  readonly name: string
  readonly versions?: Readonly<Record<string, { readonly dist?: { readonly tarball?: string } }>>
  readonly time?: Readonly<Record<string, string>>
  readonly 'dist-tags'?: Readonly<Record<string, string>>
  readonly _distfiles?: Readonly<Record<string, unknown>>
}

/** A stored manifest without the versions that came from an uplink; without any, unless the package was published here. */
export function withoutUpstreamVersions(manifest: StoredManifest, local: boolean): StoredManifest {
  const foreign = manifest._distfiles ?? {}
  const kept = Object.entries(manifest.versions ?? {}).filter(
    ([, { dist }]) => local && !Object.hasOwn(foreign, dist?.tarball?.split('/').at(-1) ?? ''),
  )
  const versions = Object.fromEntries(kept)
  if (kept.length === Object.keys(manifest.versions ?? {}).length) return manifest
  const has = (version: string): boolean => Object.hasOwn(versions, version)
  return {
    ...manifest,
    versions,
    time: Object.fromEntries(
      Object.entries(manifest.time ?? {}).filter(([key]) => has(key) || key === 'created' || key === 'modified'),
    ),
    'dist-tags': Object.fromEntries(Object.entries(manifest['dist-tags'] ?? {}).filter(([, version]) => has(version))),
    _distfiles: {},
  }
}
