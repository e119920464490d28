import semver from 'semver'
import { isObject, own, ownString, type Json, type JsonObject } from '../domain/json.ts'

/** What a registry knows against versions of a package, reduced to what clients read of it. */
export interface Advisory {
  readonly id: number | string
  readonly url: string
  readonly title: string
  readonly severity: string
  readonly vulnerable_versions: string
  /** As it came: `cwe`, `cvss`. */
  readonly more: JsonObject
}

const SEVERITIES = new Set(['info', 'low', 'moderate', 'high', 'critical'])
const MAX_ADVISORIES = 1000
const MAX_TEXT = 1000
/** Characters; the longest of the public registry have some hundred. */
const MAX_RANGE = 10_000
/** Escapes, line breaks and what turns the direction of writing: clients print titles as they come. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu
const LOOSE = { loose: true, includePrerelease: true }

/**
 * The advisories of one package in a registry's answer. What is no advisory is passed over, but a severity or range that is not
 * understood warns more than it should rather than less, as npm reads it too.
 */
export function advisoriesIn(value: Json | undefined): readonly Advisory[] {
  if (!Array.isArray(value)) return []
  return (value as readonly Json[]).slice(0, MAX_ADVISORIES).flatMap((entry) => (isObject(entry) ? parse(entry) : []))
}

function parse(entry: JsonObject): readonly Advisory[] {
  const id = own(entry, 'id')
  if (typeof id !== 'number' && typeof id !== 'string') return []
  const severity = ownString(entry, 'severity') ?? ''
  const range = ownString(entry, 'vulnerable_versions') ?? '*'
  return [
    {
      id: typeof id === 'number' ? id : shown(id),
      url: addressOf(ownString(entry, 'url')),
      title: shown(ownString(entry, 'title') ?? 'no title'),
      severity: SEVERITIES.has(severity) ? severity : 'high',
      vulnerable_versions: rangeOf(range),
      more: { ...(weaknesses(own(entry, 'cwe')) ?? {}), ...(scored(own(entry, 'cvss')) ?? {}) },
    },
  ]
}

/** As it is read here and by clients: one that only was a range before it was cut or cleaned would be met by no version at all. */
function rangeOf(text: string): string {
  const range = text.replace(UNPRINTABLE, ' ').trim()
  return range.length > MAX_RANGE || semver.validRange(range, LOOSE) === null ? '*' : range
}

const shown = (text: string): string => text.replace(UNPRINTABLE, '?').slice(0, MAX_TEXT)

const addressOf = (text = ''): string => (/^https?:\/\//.test(text) && URL.canParse(text) ? shown(text) : '')

const weaknesses = (cwe: Json | undefined): JsonObject | undefined =>
  Array.isArray(cwe) ? { cwe: (cwe as readonly Json[]).filter((item) => typeof item === 'string').map(shown) } : undefined

function scored(cvss: Json | undefined): JsonObject | undefined {
  if (!isObject(cvss)) return undefined
  const [score, vector] = [own(cvss, 'score'), own(cvss, 'vectorString')]
  return { cvss: { score: typeof score === 'number' ? score : 0, vectorString: typeof vector === 'string' ? shown(vector) : null } }
}

/** Which of some versions are vulnerable. A range is parsed once: a tree may have one version in half a million places. */
export function vulnerableOf(versions: readonly string[], { vulnerable_versions: text }: Advisory): ReadonlySet<string> {
  const range = new semver.Range(text, LOOSE)
  return new Set(versions.filter((version) => semver.satisfies(version, range, LOOSE)))
}

/** As `/-/npm/v1/security/advisories/bulk` has it. */
export const bulkAdvisory = ({ more, ...advisory }: Advisory): JsonObject => ({ ...advisory, ...more })

/** In the older answers, where no version is known that is not vulnerable. */
const NONE = '<0.0.0'

/**
 * The versions above all that are vulnerable. The bulk endpoint does not name patched versions, which the older answers had and
 * clients act on (`pnpm audit --fix`): a range that has no upper end has none.
 */
export function patchedVersions({ vulnerable_versions: range }: Advisory): string {
  const ends = new semver.Range(range, LOOSE).set.map((comparators) =>
    comparators.filter(({ operator }) => operator !== '>' && operator !== '>=').find(({ semver: end }) => end instanceof semver.SemVer),
  )
  let last: semver.Comparator | undefined
  for (const end of ends) {
    if (end === undefined) return NONE
    if (last === undefined || semver.compare(end.semver, last.semver) > 0) last = end
  }
  if (last === undefined) return NONE
  return `${last.operator === '<' ? '>=' : '>'}${last.semver.version.replace(/-0$/, '')}`
}
