/** One version of one package, by name. */
export interface PackageRef {
  readonly name: string
  readonly version: string
}

/** `name@version`, as npm prints it and as registry signatures cover it. */
export const specOf = (ref: PackageRef): string => `${ref.name}@${ref.version}`

/**
 * Splits `name`, `name@version` or `@scope/name@version` at the last `@` that does not open a scope.
 * The parts are not validated here.
 */
export function splitSpec(spec: string): { name: string; version: string | undefined } {
  const at = spec.lastIndexOf('@')
  return at > 0 ? { name: spec.slice(0, at), version: spec.slice(at + 1) } : { name: spec, version: undefined }
}

/** The package's name without its scope: what its tarballs are named after. */
export const unscopedName = (name: string): string => name.slice(name.indexOf('/') + 1)

/** The file name npm gives a tarball: `widget-1.0.0.tgz` for `@acme/widget@1.0.0`. */
export const tarballFileName = (ref: PackageRef): string => `${unscopedName(ref.name)}-${ref.version}.tgz`

/**
 * The package URL that npm writes as the subject of its attestations: only the scope's `@` is percent-encoded. It is
 * compared as a string, since another spelling of it was not written by npm (purl-spec, type npm; npm-package-arg `toPurl`).
 */
export const purlOf = (ref: PackageRef): string => `pkg:npm/${ref.name.replace(/^@/, '%40')}@${ref.version}`
