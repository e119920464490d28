/** `/-/provenance/v1/overview`: figures for plots, and how the mirror is. */
import { BadQuery, type DecisionReader, type DecisionSummary } from '../../domain/decision.ts'
import type { JsonObject } from '../../domain/json.ts'
import type { Clock } from '../../domain/ports.ts'
import { SingleFlight } from '../../domain/single-flight.ts'
import { printable } from '../../enforce/text.ts'
import type { VerdaccioAuth } from '../access.ts'
import type { Handler } from '../guarded.ts'
import { answeringQueries } from './decisions.ts'
import { numberOf, parametersOf, timeOf } from './decision-query.ts'
import { Visible } from './visible.ts'

export interface OverviewDeps {
  readonly auth: VerdaccioAuth
  readonly log: DecisionReader
  /** Policy, trust material, uplinks, mode and version, as they are now. */
  readonly status: () => JsonObject
  readonly clock: Clock
}

const HOUR = 3_600_000
const DEFAULT_RANGE = 24 * HOUR
const MAX_RANGE = 400 * 24 * HOUR
const BUCKETS = 96
const MAX_BUCKETS = 2000
/** Seconds: what a bucket is rounded up to. */
const STEPS = [60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600, 7 * 24 * 3600]
const PARAMETERS = ['from', 'to', 'bucket']

/** ISO 8601; `bucket` in seconds. */
export interface Range {
  readonly from: string
  readonly to: string
  readonly bucket: number
}

/** @throws BadQuery */
export function rangeOf(parameters: URLSearchParams, now: Date): Range {
  for (const name of parameters.keys()) if (!PARAMETERS.includes(name)) throw new BadQuery(`there is no parameter "${printable(name, 60)}"; these are: ${PARAMETERS.join(', ')}`)
  const to = timeOf(parameters, 'to') ?? now.toISOString()
  const from = timeOf(parameters, 'from') ?? new Date(Date.parse(to) - DEFAULT_RANGE).toISOString()
  const length = Date.parse(to) - Date.parse(from)
  if (length <= 0) throw new BadQuery('from is not before to')
  if (length > MAX_RANGE) throw new BadQuery('from and to are more than 400 days apart')
  const least = length / 1000 / BUCKETS
  const bucket = numberOf(parameters, 'bucket', 1, MAX_RANGE / 1000) ?? STEPS.find((step) => step >= least) ?? MAX_RANGE / 1000
  if (length / 1000 / bucket > MAX_BUCKETS) throw new BadQuery(`bucket is so small that there would be more than ${MAX_BUCKETS} of them; from here to there, take ${STEPS.find((step) => step >= least) ?? MAX_RANGE / 1000}`)
  return { from, to, bucket }
}

/**
 * Counts are of all packages: they name none. Packages are named to those who may have access to them; rules stand in the policy, which
 * the same users are shown.
 */
export function overviewRoute({ auth, log, status, clock }: OverviewDeps): Handler {
  const summaries = summariesOf(log)
  return answeringQueries(async (request, response) => {
    const summary = await summaries(rangeOf(parametersOf(request), clock.now()))
    const packages = await new Visible(auth, request).only(summary.packages, (one) => one.package)
    response.json({ ...summary, packages, ...status() })
  })
}

/** Those who ask the same at one time share one look at the log. */
function summariesOf(log: DecisionReader): (range: Range) => Promise<DecisionSummary> {
  const running = new SingleFlight<string, DecisionSummary>()
  return (range) => running.run(JSON.stringify(range), () => log.summary(range))
}

const HITS_FOR = 30_000
const HITS_OVER = 30 * 24 * HOUR

export interface RuleHits {
  readonly from: string
  readonly to: string
  readonly rules: ReadonlyMap<string, Readonly<Record<string, number>>>
}

/** How often each rule decided in the last 30 days; looked at every half minute at most. */
export function ruleHits(log: DecisionReader, clock: Clock): () => Promise<RuleHits> {
  let known: { readonly at: number; readonly hits: Promise<RuleHits> } | undefined
  const look = async (now: Date): Promise<RuleHits> => {
    const range = { from: new Date(now.getTime() - HITS_OVER).toISOString(), to: now.toISOString() }
    const { rules } = await log.summary({ ...range, bucket: HITS_OVER / 1000 })
    return { ...range, rules: new Map(rules.map(({ rule, counts }) => [rule, counts])) }
  }
  return () => {
    const now = clock.now()
    if (known === undefined || Math.abs(now.getTime() - known.at) > HITS_FOR) {
      const hits = look(now)
      known = { at: now.getTime(), hits }
      hits.catch(() => { known = undefined })
    }
    return known.hits
  }
}
