/** What a version holds, against what it claims and proves: where it was built from, and where its dependencies come from. */
import type { Reason } from '../domain/reason.ts'
import { deny, undecided, warn, type Check, type Finding } from './finding.ts'
import { claimMissing, contentsUnknown, foreignDependency, lockedElsewhere, noRepository, otherRepository } from './words.ts'

/** A word, and what becomes of a version that does not meet it. */
interface Graded<Level extends string> {
  readonly level: Level
  readonly onFailure?: 'deny' | 'warn' | undefined
}
type Wanted<Level extends string> = Level | Graded<Level> | undefined

const gradeOf = <Level extends string>(wanted: Wanted<Level>): Graded<Level> | undefined => (typeof wanted === 'string' ? { level: wanted } : wanted)
const sayer = ({ onFailure }: Graded<string>): ((reason: Reason) => Finding) => (onFailure === 'warn' ? warn : deny)

/** Requirements as they are written, of which these checks read four. */
export interface ContentsRequirements {
  readonly provenance?: unknown
  readonly anyOf?: readonly { readonly provenance?: unknown }[] | undefined
  readonly manifestRepository?: Wanted<'match' | 'ignore'>
  readonly dependencySources?: Wanted<'registry' | 'any'>
}

export const contentsChecks = (require: ContentsRequirements): readonly Check[] => [...repositoryChecks(require), ...sourceChecks(require)]

/** Wherever provenance is looked at at all. */
function repositoryChecks({ provenance, anyOf, manifestRepository }: ContentsRequirements): readonly Check[] {
  const grade = gradeOf(manifestRepository)
  const looks = [provenance, ...(anyOf ?? []).map((branch) => branch.provenance)].some((want) => want !== undefined && want !== 'ignore')
  return looks && grade?.level === 'match' ? [repositoryCheck(sayer(grade))] : []
}

/**
 * The repository that people will read, and report to, is the one that certified provenance names. Where it stands in the tarball is
 * known once the bytes are here: until then nothing is found, and the delivery decides.
 */
const repositoryCheck =
  (say: (reason: Reason) => Finding): Check =>
  ({ provenance, contents, faults }, { stage }) => {
    if (provenance.state !== 'verified') return []
    if (contents === undefined) {
      // Bytes that could not be read are a fault, which refuses already.
      return stage === 'delivery' && faults.length === 0 ? [undecided(contentsUnknown())] : []
    }
    const { repository } = contents
    const { sourceRepository } = provenance.facts.identity
    if (repository === undefined) return [say(noRepository(sourceRepository))]
    if (sourceRepository === undefined || sourceRepository === '') return [say(claimMissing('sourceRepository', 'source repository', repository))]
    return isSameRepository(sourceRepository, repository) ? [] : [say(otherRepository(sourceRepository, repository))]
  }

/** Hosts on which `Acme/Widget` is `acme/widget`; elsewhere it may be somebody else's. */
const IGNORING_CASE = /^https:\/\/(?:github|gitlab)\.com\//

/** Both as `https://host/path`. Compared whole: names that begin or end alike are others. */
function isSameRepository(certified: string, written: string): boolean {
  if (certified === written) return true
  const [a, b] = [asciiLowerCase(certified), asciiLowerCase(written)]
  return a === b && IGNORING_CASE.test(a)
}

/** Not `toLowerCase`, which makes a `k` of the Kelvin sign. */
const asciiLowerCase = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())

function sourceChecks({ dependencySources }: ContentsRequirements): readonly Check[] {
  const grade = gradeOf(dependencySources)
  if (grade?.level !== 'registry') return []
  const say = sayer(grade)
  // What a lockfile in the tarball says is known once the bytes are here, and the delivery decides; as with the repository.
  return [
    ({ foreignDependencies, contents }) => foreignDependencies.map((dependency) => say(foreignDependency(dependency))).concat((contents?.lockedElsewhere ?? []).map((one) => say(lockedElsewhere(one)))),
    ({ contents, faults }, { stage }) => (stage === 'delivery' && contents === undefined && faults.length === 0 ? [undecided(contentsUnknown())] : []),
  ]
}
