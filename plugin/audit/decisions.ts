import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { specOf } from '../domain/package-ref.ts'
import type { Decision, DecisionLog } from '../domain/ports.ts'

/** The part of Verdaccio's logger (pino) that decisions are written with: fields first, then a text naming them. */
export interface StructuredLogger {
  warn(fields: object, text: string): void
  info(fields: object, text: string): void
  debug(fields: object, text: string): void
  /** Where there is none, each is on. */
  isLevelEnabled?(level: string): boolean
}

const REMEMBERED = 50_000
/** Semantic versions have 256 characters at most, names of packages 214. */
const MAX_NAME = 300

/**
 * Decisions as structured log lines. A version that a listing withholds is logged when it is first withheld for a reason,
 * not on every request; what somebody asked for and did not get is logged each time.
 */
export class LoggedDecisions implements DecisionLog {
  readonly #logger: StructuredLogger
  readonly #seen = new LRUCache<string, true>({ max: REMEMBERED })

  constructor(logger: StructuredLogger) {
    this.#logger = logger
  }

  record(decision: Decision): void {
    const { kind, verdict } = decision
    if (kind === 'served' && this.#logger.isLevelEnabled?.('debug') === false) return
    const codes = verdict.reasons.map(({ code }) => code)
    // An upstream chooses names and versions, and how long they are.
    const [name, version] = [decision.ref.name.slice(0, MAX_NAME), decision.ref.version.slice(0, MAX_NAME)]
    // Of a package that could not be asked for, no version is known.
    const spec = version === '' ? name : specOf({ name, version })
    if (kind === 'withheld' && this.#wasSeen([specOf(decision.ref), decision.policyRevision, ...codes].join(' '))) return
    const fields = {
      decision: kind,
      spec,
      package: name,
      version,
      uplink: decision.uplink,
      integrity: decision.integrity ?? null,
      outcome: verdict.outcome,
      rule: verdict.rule,
      reasons: verdict.reasons.map(({ code, message, detail }) => ({ code, message, ...(detail === undefined ? {} : { detail }) })),
      codes: codes.join(' '),
      ...(verdict.monitored === undefined ? {} : { monitored: true }),
      ...(verdict.waiver === undefined ? {} : { waiver: { ...verdict.waiver, expires: verdict.waiver.expires.toISOString() } }),
      ...(verdict.waivers === undefined ? {} : { waivers: verdict.waivers }),
      ...(decision.sigstore === undefined ? {} : { sigstore: decision.sigstore }),
      policyRevision: decision.policyRevision,
      at: decision.at.toISOString(),
    }
    const text = verdict.rule === '' ? `${kind} @{spec}: @{codes}` : `${kind} @{spec} (rule @{rule}): @{codes}`
    if (kind === 'served') this.#logger.debug(fields, 'served @{spec} (rule @{rule})')
    else if (kind === 'withheld') this.#logger.info(fields, text)
    else this.#logger.warn(fields, text)
  }

  #wasSeen(what: string): boolean {
    const key = hash('sha256', what)
    const seen = this.#seen.has(key)
    this.#seen.set(key, true)
    return seen
  }
}
