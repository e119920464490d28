import semver from 'semver'
import { splitSpec, specOf, type PackageRef } from '../domain/package-ref.ts'
import { reason, type Reason } from '../domain/reason.ts'
import { recallText, type Recall } from '../domain/recall.ts'

type Holds = (version: string) => boolean

const MAX_RANGE = 256
const MAX_NAME = 214
/** Of a page full of recalls, as they are looked at again and again. */
const read = new WeakMap<Recall, Holds>()

/** Why a version is refused by hand; undefined when nobody recalled it. The one that was recalled first speaks. */
export function recallOf(recalls: readonly Recall[], ref: PackageRef): Reason | undefined {
  const recall = recalls.find((one) => holdsOf(one)(ref.version))
  if (recall === undefined) return undefined
  const by = recall.by === undefined ? '' : ` by ${recallText(recall.by, 100)}`
  return reason('recalled', `${specOf(ref)} was recalled${by}: ${recallText(recall.reason)}`, { recall: String(recall.id), range: recall.range, at: recall.at.toISOString() })
}

/** What nobody understands any more recalls everything: it was written to refuse. */
function holdsOf(recall: Recall): Holds {
  const known = read.get(recall)
  if (known !== undefined) return known
  const holds = rangeOf(recall.range) ?? (() => true)
  read.set(recall, holds)
  return holds
}

/**
 * Whether a version is in a range, prereleases included, as in a policy. One that nobody can order is in every range: a name chosen to
 * slip past a range must not slip past a recall.
 * @returns undefined when it is no range
 */
export function rangeOf(range: string): Holds | undefined {
  if (range.trim() === '' || range.length > MAX_RANGE) return undefined
  // Strictly, since semver's loose mode drops what it does not understand, which leaves "any version".
  const strict = semver.validRange(range) === null ? undefined : new semver.Range(range, { includePrerelease: true })
  // As npm's clients read versions: old ones such as 3.0.0rc3 are still installed.
  const wanted = semver.parse(range, { loose: true })
  if (strict === undefined && wanted === null) return undefined
  return (version) => {
    if (version === range) return true
    const parsed = semver.parse(version, { loose: true })
    return parsed === null || (strict === undefined ? wanted !== null && semver.eq(parsed, wanted) : strict.test(parsed))
  }
}

/**
 * Reads `name@version` or `name@range`, as somebody wants it recalled.
 * @returns what is wrong with it, and what would be right, where it is neither
 */
export function readRecallSpec(spec: string): { readonly name: string; readonly range: string } | { readonly problem: string; readonly remedy: string } {
  const { name, version } = splitSpec(spec.trim())
  if (name === '' || name.length > MAX_NAME || /[\s*:]|^\.|^_/.test(name) || name.split('/').length > (name.startsWith('@') ? 2 : 1))
    return { problem: 'is not the name of one package', remedy: 'Write NAME@VERSION or NAME@RANGE, such as "@acme/ui@>=2.1.0 <2.1.4".' }
  if (version === undefined) return { problem: 'names no version', remedy: 'Write NAME@VERSION or NAME@RANGE; "NAME@*" is every version.' }
  if (rangeOf(version) === undefined)
    return { problem: `"${version}" is not a range of versions`, remedy: 'Write a semver range behind the "@", such as left-pad@1.3.0 or "@acme/ui@>=2 <3"; dist-tags are not known here.' }
  return { name, range: version.trim() }
}
