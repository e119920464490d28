import semver from 'semver'
import { chronologyOf, standingOf, type Release } from '../domain/chronology.ts'
import { NO_HISTORY, type History } from '../domain/history.ts'
import { splitSpec } from '../domain/package-ref.ts'
import { parseDuration } from './duration.ts'
import type { ExampleDocument } from './schema.ts'
import { parseDate } from './values.ts'

type Earlier = NonNullable<ExampleDocument['after']>[number]
type Numbered = Release & { readonly number: semver.SemVer }

const DAY = 86_400_000

/** What an example says was published before it, put in order as the mirror would. */
export function exampleHistory({ package: spec, after = [] }: ExampleDocument, notBefore: Date, now: Date): History {
  const { version = '' } = splitSpec(spec)
  if (after.length === 0) return NO_HISTORY
  const earlier = after.filter((one) => one.version !== version).flatMap((one) => releaseOf(one, momentOf(one, notBefore, now)))
  // What the example itself shows is of no account to it.
  return chronologyOf(() => [...earlier, ...releaseOf({ version }, notBefore)], (a, b) => semver.compare(a.number, b.number))
}

function momentOf({ age, published }: Earlier, notBefore: Date, now: Date): Date {
  if (published !== undefined) return parseDate(published)
  return age === undefined ? new Date(notBefore.getTime() - DAY) : new Date(now.getTime() - parseDuration(age))
}

function releaseOf({ version, evidence = {}, hints = {} }: Earlier, notBefore: Date): readonly Numbered[] {
  const number = semver.parse(version)
  if (number === null) return []
  const { signature = 'absent', publishAttestation = 'absent', provenance = 'absent' } = evidence
  const states = { signature, publishAttestation, provenance: typeof provenance === 'object' ? 'verified' : provenance } as const
  return [
    {
      version,
      number,
      line: number.major === 0 ? `0.${String(number.minor)}` : String(number.major),
      isPrerelease: number.prerelease.length > 0,
      notBefore,
      ...standingOf(states, true),
      hints: (['trustedPublisher', 'stagedPublish'] as const).filter((hint) => hints[hint] === true),
    },
  ]
}
