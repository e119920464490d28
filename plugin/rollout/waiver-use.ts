import type { Decision, DecisionLog } from '../domain/ports.ts'
import { showText, type TrustPolicy, type Waiver } from '../policy/index.ts'

/** A waiver of the policy in force, and what became of it. */
export interface WaiverReport extends Omit<Waiver, 'scope'> {
  /** Milliseconds; 0 when it is over. */
  readonly left: number
  /** Tarballs served since the mirror started that it excused something of. */
  readonly uses: number
  readonly lastUsed: Date | undefined
}

const DAY = 86_400_000
/** As `policy lint` does: time enough to have it approved again. */
const SOON = 14 * DAY

/** Counts which waivers were needed, on the way to the decision log. In memory, since the mirror started; reloads keep it. */
export class WaiverUse implements DecisionLog {
  readonly #next: DecisionLog
  readonly #uses = new Map<string, { uses: number; lastUsed: Date }>()

  constructor(next: DecisionLog) {
    this.#next = next
  }

  record(decision: Decision): void {
    this.#next.record(decision)
    const { kind, verdict: { waivers }, at } = decision
    if (waivers === undefined || (kind !== 'warned' && kind !== 'served')) return
    for (const id of waivers) this.#uses.set(id, { uses: (this.#uses.get(id)?.uses ?? 0) + 1, lastUsed: at })
  }

  report({ waivers }: Pick<TrustPolicy, 'waivers'>, now: Date): readonly WaiverReport[] {
    return waivers.map(({ scope: _scope, ...waiver }) => ({
      ...waiver,
      // What people wrote ends in logs and answers, where no e-mail address is shown.
      reason: showText(waiver.reason),
      approvedBy: showText(waiver.approvedBy),
      left: Math.max(0, waiver.expires.getTime() - now.getTime()),
      uses: this.#uses.get(waiver.id)?.uses ?? 0,
      lastUsed: this.#uses.get(waiver.id)?.lastUsed,
    }))
  }
}

/** What somebody should look after: waivers that end within 14 days, or have; and those that excused nothing so far. */
export function waiverConcerns(reports: readonly WaiverReport[], { unused }: { readonly unused: boolean }): readonly string[] {
  return [
    ...reports.filter(({ left }) => left < SOON).map((report) => `${named(report)} ${left(report)}; approved by ${report.approvedBy}`),
    ...(unused ? reports.filter(({ uses, left }) => uses === 0 && left > 0).map((report) => `${named(report)} was not needed since the mirror started`) : []),
  ]
}

const named = ({ package: spec, waives }: WaiverReport): string => `waiver for ${spec} (${waives.join(', ')})`

function left({ expires, left: milliseconds }: WaiverReport): string {
  const when = expires.toISOString().replace(/:\d\d\.\d+Z$/, 'Z')
  if (milliseconds === 0) return `ended at ${when}; remove it, since no policy with it is taken at start or reload`
  const days = Math.floor(milliseconds / DAY)
  return days === 0 ? `ends within a day, at ${when}` : `ends in ${String(days)} ${days === 1 ? 'day' : 'days'}, at ${when}`
}
