import { readFileSync } from 'node:fs'
import type { DecisionWriter } from '../domain/decision.ts'
import { eventRecord } from '../domain/decision-record.ts'
import type { JsonObject } from '../domain/json.ts'
import type { Clock, DecisionLog } from '../domain/ports.ts'
import type { TrustPolicy } from '../policy/index.ts'
import { PolicyKeeper, type Reload, type PolicyState, type ReloadCause, type Schedule } from './keeper.ts'
import { readPolicy, type PolicyReading, type PolicySource } from './policy-source.ts'
import { briefStatus, fullStatus } from './status.ts'
import { WaiverUse, waiverConcerns } from './waiver-use.ts'
import { watchFiles, type WatchFiles } from './watch.ts'

/** What a test replaces; the rest is real. */
export interface RolloutReplacements {
  readonly readFile?: (file: string) => string
  readonly watch?: WatchFiles
  readonly schedule?: Schedule
}

export interface RolloutOptions {
  readonly source: PolicySource
  readonly first: Extract<PolicyReading, { readonly policy: TrustPolicy }>
  readonly clock: Clock
  readonly log: { warn(fields: object, text: string): void; info(fields: object, text: string): void }
  readonly decisions: DecisionLog
  /** Told which policy is in force from when on, and which was refused. */
  readonly events?: DecisionWriter
  readonly replacements?: RolloutReplacements | undefined
}

/** Of a policy that was refused, in the decision log; Verdaccio's log has all of them. */
const MAX_PROBLEMS = 20
const readText = (file: string): string => readFileSync(file, 'utf8')

/** A policy as it is configured, with the files it includes. */
export const readConfiguredPolicy = (source: PolicySource, now: Date): PolicyReading => readPolicy(source, readText, now)

/** The policy in force and what is told of it: reloads, and waivers that end or are not needed. */
export class Rollout {
  readonly decisions: WaiverUse
  readonly #keeper: PolicyKeeper
  readonly #options: RolloutOptions

  constructor(options: RolloutOptions) {
    const { source, first, clock, log, replacements = {} } = options
    this.#options = options
    this.decisions = new WaiverUse(options.decisions)
    this.#keeper = new PolicyKeeper({
      source,
      first,
      clock,
      readFile: replacements.readFile ?? readText,
      watch: replacements.watch ?? watchFiles(),
      schedule: replacements.schedule ?? timer,
      reloaded: (reload) => { this.#tell(reload) },
      warn: (message) => { log.warn({ policy: message }, '@{policy}') },
      daily: () => { this.#tellConcerns(false) },
    })
  }

  get policy(): TrustPolicy {
    return this.#keeper.policy
  }

  /** Reloads by themselves, and the daily look at waivers, begin. */
  start(): void {
    const { revision, preset } = this.policy
    const { source, events, clock } = this.#options
    events?.add(eventRecord({ at: clock.now(), kind: 'policy-loaded', policyRevision: revision, detail: { cause: 'start', preset, place: source.place, previous: null } }))
    this.#keeper.start()
  }

  reload(cause: ReloadCause): Reload {
    return this.#keeper.reload(cause)
  }

  get state(): PolicyState {
    return this.#keeper.state
  }

  brief(): JsonObject {
    return briefStatus(this.#keeper.state)
  }

  full(): JsonObject {
    const { source, clock } = this.#options
    return fullStatus(this.#keeper.state, this.policy, source, this.decisions.report(this.policy, clock.now()))
  }

  /** Lines about waivers that somebody should look after. */
  concerns(options: { readonly unused: boolean }): readonly string[] {
    return waiverConcerns(this.decisions.report(this.policy, this.#options.clock.now()), options)
  }

  close(): void {
    this.#keeper.close()
  }

  /** At a level that the default configuration shows: what is enforced from now on, or that it is not what somebody wrote. */
  #tell(reload: Reload): void {
    const { log } = this.#options
    const { outcome, cause, revision, previous, messages } = reload
    const fields = { policyReload: outcome, cause, policyRevision: revision, previousRevision: previous, at: reload.at.toISOString() }
    if (outcome === 'refused') log.warn({ ...fields, problems: messages, wrong: messages.join(' | ') }, `${reloadText(reload)}: @{wrong}`)
    else if (outcome === 'applied') log.warn(fields, reloadText(reload))
    else log.info(fields, reloadText(reload))
    this.#record(reload)
    if (cause === 'signal') this.#tellConcerns(true)
  }

  #record({ at, outcome, cause, revision, previous, messages }: Reload): void {
    const { events } = this.#options
    if (outcome === 'applied') events?.add(eventRecord({ at, kind: 'policy-loaded', policyRevision: revision, detail: { cause, preset: this.policy.preset, place: this.#options.source.place, previous } }))
    if (outcome === 'refused') events?.add(eventRecord({ at, kind: 'policy-refused', policyRevision: revision, detail: { cause, problems: messages.slice(0, MAX_PROBLEMS) } }))
  }

  #tellConcerns(unused: boolean): void {
    const concerns = this.concerns({ unused })
    if (concerns.length > 0) this.#options.log.warn({ waivers: concerns, concerns: concerns.join(' | ') }, '@{concerns}')
  }
}

/** What came of a reload, in a sentence. */
export function reloadText({ outcome, revision, previous, problems }: Pick<Reload, 'outcome' | 'revision' | 'previous' | 'problems'>): string {
  switch (outcome) {
    case 'applied':
      return `policy ${revision} is in force now, in place of ${previous}`
    case 'unchanged':
      return `policy ${revision} is in force still: what was read means the same`
    case 'refused':
      return `THE NEW POLICY IS REFUSED (${problems.length === 1 ? '1 problem' : `${String(problems.length)} problems`}), policy ${revision} is in force still`
    case 'fixed':
      return `policy ${revision} is in force still: it stands in the configuration, or is the default, and both are read at start only`
  }
}

const timer: Schedule = (run, milliseconds) => {
  const timeout = setTimeout(run, milliseconds)
  timeout.unref()
  return () => { clearTimeout(timeout) }
}
