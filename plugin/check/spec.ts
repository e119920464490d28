/** `name`, `name@version`, `name@range` or `name@tag` on a command line. */
import semver from 'semver'
import { ConfigurationError } from '../domain/errors.ts'
import { splitSpec } from '../domain/package-ref.ts'
import type { LockedPackage } from '../lockfile/index.ts'
import type { VerdictSource } from './source.ts'

const NAME = /^(?:@[^\s/@]+\/)?[^\s/@]+$/

/**
 * The version that a spec means: itself, the tag's, or the highest one in the range, refused or not; `name` alone is its `latest`.
 * @throws ConfigurationError when it means none; Unavailable when it cannot be asked
 */
export async function resolveSpec(spec: string, source: VerdictSource): Promise<LockedPackage> {
  const { name, version: wanted = 'latest' } = splitSpec(spec)
  if (!NAME.test(name) || wanted === '') throw mistake(spec, 'is neither a package nor a file that is there', 'Write NAME, NAME@VERSION or NAME@RANGE, or name a lockfile.')
  const known = await source.known(name)
  if (known === 'absent') throw mistake(spec, 'no registry behind the mirror has this package', 'Check the spelling.')
  const version = meantBy(wanted, known)
  if (version !== undefined) return locked(name, version, wanted)
  const newest = semver.rsort(known.versions.filter((one) => semver.valid(one) !== null)).slice(0, 3)
  const is = semver.valid(wanted) === null ? `no version of ${name} is meant by "${wanted}"` : `there is no ${name}@${wanted}`
  throw mistake(spec, is, newest.length === 0 ? 'It has no versions.' : `The newest are ${newest.join(', ')}.`)
}

/** The version itself, the tag's, or the highest one in the range. */
export function meantBy(wanted: string, { versions, tags }: { readonly versions: readonly string[]; readonly tags: ReadonlyMap<string, string> }): string | undefined {
  if (versions.includes(wanted)) return wanted
  const tagged = tags.get(wanted)
  if (tagged !== undefined && versions.includes(tagged)) return tagged
  if (semver.valid(wanted) !== null) return undefined
  if (wanted === 'latest') return semver.maxSatisfying([...versions], '*', { loose: true }) ?? undefined
  return semver.maxSatisfying([...versions], wanted, { loose: true }) ?? undefined
}

const locked = (name: string, version: string, wanted: string): LockedPackage => ({
  name,
  version,
  kind: 'registry',
  integrity: undefined,
  resolved: undefined,
  optional: false,
  dev: false,
  peer: false,
  paths: [],
  ranges: [wanted],
  line: 1,
})

const mistake = (spec: string, message: string, remedy: string): ConfigurationError => new ConfigurationError(spec, [{ path: '', message, remedy }])
