import { own, ownObject, ownString, type JsonObject } from '../domain/json.ts'
import type { VersionManifest } from '../domain/packument.ts'
import type { InstallManifest } from '../domain/ports.ts'
import { reason, type Reason } from '../domain/reason.ts'
import { canonicalSpec } from './git-spec.ts'
import { IMPLIED_INSTALL, normalise } from './manifest.ts'
import { printable } from './text.ts'

/** A field that says one thing in the packument and another in the tarball; undefined where it says nothing. */
interface Disagreement {
  readonly field: string
  readonly packument: string | undefined
  readonly tarball: string | undefined
}

/** Enough to see what is going on; an attacker chooses how many there are. */
const MAX_REASONS = 50

/** Holds what a packument says of a version against what its tarball says of itself: see the port. */
export function compareManifests(claimed: VersionManifest, actual: InstallManifest): readonly Reason[] {
  const packument = normalise(claimed.raw)
  return [
    ...text('name', packument, actual),
    ...text('version', packument, actual),
    ...keyedVersion(claimed, actual),
    ...entries('dependencies', packument, actual, canonicalSpec),
    ...overridden(packument, actual),
    ...entries('optionalDependencies', packument, actual, canonicalSpec),
    ...entries('peerDependencies', packument, actual, canonicalSpec),
    ...entries('peerDependenciesMeta', packument, actual),
    ...bundled(packument, actual),
    ...bin(packument, actual),
    ...scripts(claimed.raw, packument, actual),
    ...set('os', packument, actual),
    ...set('cpu', packument, actual),
    ...set('libc', packument, actual),
    ...entries('engines', packument, actual),
  ]
    .slice(0, MAX_REASONS)
    .map(asReason)
}

function asReason({ field, packument, tarball }: Disagreement): Reason {
  const detail = { field: printable(field), packument: printable(packument ?? '(none)'), tarball: printable(tarball ?? '(none)') }
  return reason(
    'manifest-mismatch',
    `${detail.field} is ${detail.packument} in the packument and ${detail.tarball} in the tarball`,
    detail,
  )
}

function text(field: string, packument: InstallManifest, tarball: InstallManifest): readonly Disagreement[] {
  return differing(field, ownString(packument, field), ownString(tarball, field))
}

/** The key a version is listed under is what clients ask for, whatever the entry calls itself. */
function keyedVersion(claimed: VersionManifest, tarball: InstallManifest): readonly Disagreement[] {
  const key = ownString(normalise({ version: claimed.version }), 'version')
  return key === ownString(normalise(claimed.raw), 'version') ? [] : differing('versions', key, ownString(tarball, 'version'))
}

function entries(
  field: string,
  packument: InstallManifest,
  tarball: InstallManifest,
  spelling: (value: string) => string = (value) => value,
): readonly Disagreement[] {
  const claimed = ownObject(packument, field) ?? {}
  const actual = ownObject(tarball, field) ?? {}
  return [...new Set([...Object.keys(claimed), ...Object.keys(actual)])].flatMap((key) => {
    const [left, right] = [ownString(claimed, key), ownString(actual, key)]
    const agrees = left !== undefined && right !== undefined && spelling(left) === spelling(right)
    return agrees ? [] : differing(`${field}.${key}`, left, right)
  })
}

/** npm leaves them out when it publishes, and others do not: one that the packument has must be the tarball's own. */
const overridden = (packument: InstallManifest, tarball: InstallManifest): readonly Disagreement[] =>
  entries('overriddenDependencies', packument, tarball, canonicalSpec)
    .filter(({ packument: claimed }) => claimed !== undefined)
    .map((one) => ({ ...one, field: one.field.replace('overriddenDependencies', 'dependencies') }))

const set = (field: string, packument: InstallManifest, tarball: InstallManifest): readonly Disagreement[] =>
  differing(field, listed(packument, field), listed(tarball, field))

const listed = (manifest: InstallManifest, field: string): string | undefined => {
  const value = own(manifest, field)
  return Array.isArray(value) ? value.join(', ') : undefined
}

const bundled = (packument: InstallManifest, tarball: InstallManifest): readonly Disagreement[] =>
  set('bundleDependencies', packument, tarball).filter(
    ({ packument: claimed }) => claimed !== undefined || own(tarball, 'bundleDependenciesAsObject') !== true,
  )

/** Not every publisher expands `directories.bin`; where both name the same directory, clients expand it from the tarball. */
function bin(packument: InstallManifest, tarball: InstallManifest): readonly Disagreement[] {
  const unexpanded = own(packument, 'bin') === undefined && own(packument, 'directoriesBin') !== undefined
  return unexpanded && own(packument, 'directoriesBin') === own(tarball, 'directoriesBin')
    ? []
    : entries('bin', packument, tarball)
}

/**
 * Install scripts. An abbreviated packument has only the hint that there are some: then npm reads them from the tarball.
 * `node-gyp rebuild` is filled in by npm when it publishes a package with any `*.gyp` at its root and by others not, and npm
 * runs it by itself where there is a binding.gyp: it is compared only where the tarball's manifest decides about it.
 */
function scripts(raw: JsonObject, packument: InstallManifest, tarball: InstallManifest): readonly Disagreement[] {
  if (own(raw, 'scripts') === undefined && own(raw, 'hasInstallScript') === true) return []
  return entries('scripts', packument, tarball).filter(
    ({ field, packument: claimed, tarball: actual }) =>
      field !== 'scripts.install' ||
      !(
        (claimed === undefined && own(tarball, 'impliedInstall') === true) ||
        (claimed === IMPLIED_INSTALL && actual === undefined && own(tarball, 'gypfile') !== false)
      ),
  )
}

const differing = (field: string, packument: string | undefined, tarball: string | undefined): readonly Disagreement[] =>
  packument === tarball ? [] : [{ field, packument, tarball }]
