/** Which waivers of a policy a log shows in use. */
import type { Problem } from '../domain/errors.ts'
import type { TrustPolicy } from '../compose.ts'
import { earlierId, type LoggedDecision } from './decision-log.ts'

export interface LoggedUse {
  readonly package: string
  readonly waives: readonly string[]
  /** Versions served in the log that it excused something of, each time they were. */
  readonly uses: number
  /** ISO 8601; null when it was not needed. */
  readonly lastUsed: string | null
}

/** In the order of the policy. */
export function loggedUse({ waivers }: Pick<TrustPolicy, 'waivers'>, decisions: readonly LoggedDecision[]): readonly LoggedUse[] {
  return waivers.map(({ id, package: spec, waives, expires }) => {
    const names = new Set([id, earlierId(spec, expires.toISOString())])
    const uses = decisions.filter((decision) => decision.waivers.some((one) => names.has(one)))
    return { package: spec, waives, uses: uses.length, lastUsed: uses.map(({ at }) => at).toSorted().at(-1) ?? null }
  })
}

/** Of a waiver that the log never needed; how long the log is, the reader has to weigh. */
export function unusedWaivers(uses: readonly LoggedUse[], decisions: readonly LoggedDecision[]): readonly Problem[] {
  const times = decisions.map(({ at }) => at.slice(0, 10)).toSorted()
  const span = `from ${times[0] ?? '?'} to ${times.at(-1) ?? '?'}`
  return uses.flatMap((use, index) =>
    use.uses > 0
      ? []
      : [{ path: `waivers: ${use.package}`, message: `was not needed by any of ${String(decisions.length)} decisions in the log (${span}): waiver ${String(index + 1)} (${use.waives.join(', ')})`, remedy: 'Remove it, unless it is for something rare' }],
  )
}

export const useText = ({ package: spec, waives, uses, lastUsed }: LoggedUse): string =>
  `waiver for ${spec} (${waives.join(', ')}): ${lastUsed === null ? 'not used' : `used ${String(uses)} times, last at ${lastUsed}`}`
