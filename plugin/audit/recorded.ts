import { LRUCache } from 'lru-cache'
import type { DecisionRecord, DecisionWriter } from '../domain/decision.ts'
import { askerOf, eventRecord } from '../domain/decision-record.ts'
import type { Decision, DecisionLog } from '../domain/ports.ts'
import type { Reason } from '../domain/reason.ts'
import type { Verdict } from '../domain/verdict.ts'
import { Repetitions, type RepetitionOptions } from './repetitions.ts'

/** The log itself knows what was said once; this only spares it the question. */
const REMEMBERED = 50_000

/** Decisions on versions as entries of the decision log; what comes again and again as their number. */
export class RecordedDecisions implements DecisionLog {
  readonly #log: DecisionWriter
  readonly #said = new LRUCache<string, true>({ max: REMEMBERED })
  readonly #repetitions: Repetitions

  constructor(log: DecisionWriter, options: Omit<RepetitionOptions, 'write'>) {
    this.#log = log
    this.#repetitions = new Repetitions({ ...options, write: (record) => { log.add(record) } })
  }

  /** Gives the log what was counted so far. */
  write(): void {
    this.#repetitions.write()
  }

  /** Gives the log what was counted, and counts no more. */
  close(): void {
    this.#repetitions.close()
  }

  record(decision: Decision): void {
    if (this.#repetitions.counted(decision)) return
    const { kind, ref, verdict, policyRevision, isPublication } = decision
    if (isPublication === true) {
      if (kind === 'refused' || kind === 'unavailable') this.#log.add({ ...recordOf(decision), kind: 'publish-refused' })
      return
    }
    if (kind === 'withheld') {
      const key = `${ref.name}@${ref.version} ${policyRevision} ${verdict.reasons.map(({ code }) => code).join(' ')}`
      if (!this.#isNew(key)) return
    }
    const record = recordOf(decision)
    if (this.#repetitions.countedOrBegun(decision, record)) return
    this.#log.add(record)
    if ((kind === 'served' || kind === 'warned') && verdict.waivers !== undefined) this.#waivers(decision, verdict.waivers)
  }

  #waivers({ ref: { name, version }, policyRevision, at, asker }: Decision, ids: readonly string[]): void {
    for (const id of ids) {
      if (!this.#isNew(`${id} ${name}@${version} ${policyRevision}`)) continue
      this.#log.add({ ...eventRecord({ at, kind: 'waiver-used', package: name, version, policyRevision, asker }), waivers: [id] })
    }
  }

  #isNew(key: string): boolean {
    if (this.#said.has(key)) return false
    this.#said.set(key, true)
    return true
  }
}

function recordOf({ kind, ref, uplink, integrity, verdict, policyRevision, at, asker, evidence, sigstore }: Decision): DecisionRecord {
  return {
    at: at.toISOString(),
    kind,
    package: ref.name,
    version: ref.version === '' ? null : ref.version,
    integrity: integrity ?? null,
    uplink: uplink === '' ? null : uplink,
    outcome: verdict.outcome,
    monitored: verdict.monitored === true,
    reasons: verdict.reasons.length === 0 ? NO_REASONS : reasonsOf(verdict),
    rule: verdict.rule === '' ? null : verdict.rule,
    policyRevision,
    waivers: verdict.waivers ?? NO_WAIVERS,
    evidence: evidence ?? null,
    asker: askerOf(asker),
    detail: sigstore === undefined ? null : { sigstore },
    times: 1,
  }
}

const NO_REASONS: readonly [] = []
const NO_WAIVERS: readonly string[] = []

const reasonsOf = ({ reasons }: Verdict): DecisionRecord['reasons'] => reasons.map(({ code, message, detail }: Reason) => ({ code, message, ...(detail === undefined ? {} : { detail }) }))

/** Each is told, also where one cannot be. */
export const both = (first: DecisionLog, second: DecisionLog): DecisionLog => ({
  record: (decision) => {
    try {
      first.record(decision)
    } finally {
      second.record(decision)
    }
  },
})
