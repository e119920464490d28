/**
 * What happens, as plain numbers, for whoever measures: some of it happens fifty thousand times a second. Every label is of a closed
 * set or of the configuration, never of what a client or an upstream chose.
 */
import type { Decision } from './ports.ts'
import type { ReasonCode } from './reason.ts'

/** Seconds from asked to answered: warm answers take microseconds, cold ones of a slow uplink a minute. */
const SECONDS = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const BYTES = [256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864, 268_435_456]

/** Values, counted by the first bound that they do not pass. */
export class Distribution {
  readonly bounds: readonly number[]
  /** Of each bound, and of what passes them all. */
  readonly #counts: number[]
  sum = 0
  count = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0)
  }

  observe(value: number): void {
    const { bounds } = this
    let place = 0
    while (place < bounds.length && value > (bounds[place] ?? 0)) place++
    this.#counts[place] = (this.#counts[place] ?? 0) + 1
    this.sum += value
    this.count++
  }

  /** How many did not pass each bound. */
  get cumulative(): readonly number[] {
    let sum = 0
    return this.bounds.map((_bound, place) => (sum += this.#counts[place] ?? 0))
  }
}

/** Numbers by what they are of. */
export class Counts<Key extends string> {
  readonly #counts: Map<Key, number>

  /** @param known are there from the beginning, with 0 */
  constructor(known: readonly Key[] = []) {
    this.#counts = new Map(known.map((key) => [key, 0]))
  }

  add(key: Key, by = 1): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + by)
  }

  get(key: Key): number {
    return this.#counts.get(key) ?? 0
  }

  get entries(): readonly (readonly [Key, number])[] {
    return [...this.#counts]
  }
}

/** What an address is for. */
export const ROUTES = ['packument', 'version', 'tarball', 'attestations', 'search', 'audit', 'publish', 'api', 'other'] as const
export type Route = (typeof ROUTES)[number]
/** `aborted`: the client went away before all of its answer was sent. */
export const STATUSES = ['aborted', '1xx', '2xx', '3xx', '4xx', '5xx'] as const
export type Status = (typeof STATUSES)[number]

/** Requests of one route that were answered in one way. */
export class RouteMeasures {
  readonly #statuses = STATUSES.map(() => 0)
  readonly seconds = new Distribution(SECONDS)
  /** Of bodies, as far as they were announced. */
  readonly bytes = new Distribution(BYTES)

  /** @param status 0 for `aborted` */
  note(status: number, seconds: number, bytes: number | undefined): void {
    const place = status >= 100 && status < 600 ? Math.floor(status / 100) : 0
    this.#statuses[place] = (this.#statuses[place] ?? 0) + 1
    this.seconds.observe(seconds)
    if (bytes !== undefined) this.bytes.observe(bytes)
  }

  get statuses(): readonly (readonly [Status, number])[] {
    return STATUSES.map((status, place) => [status, this.#statuses[place] ?? 0] as const)
  }
}

/** `warm`: answered before anything else looked at the request. `whole`: the long way. */
export type Way = 'warm' | 'whole'

/**
 * What one client has a share of: questions about packages that uplinks had to be asked for, publishing, logging in, wrong passwords,
 * audits and searches, checks of lockfiles, the rest of the API; and connections.
 */
export const LIMITED = ['uplink', 'publish', 'login', 'passwords', 'query', 'check', 'api', 'connections'] as const
export type LimitedClass = (typeof LIMITED)[number]
/** Counted over a time. */
export type RatedClass = Exclude<LimitedClass, 'connections'>

export class RequestMeasures {
  /** Requests that wait for the end of their answer. */
  open = 0
  /** Refused, since their client had had its share. */
  readonly limited = new Counts<LimitedClass>(LIMITED)
  readonly of = Object.fromEntries(ROUTES.map((route) => [route, { warm: new RouteMeasures(), whole: new RouteMeasures() }])) as
    Readonly<Record<Route, Readonly<Record<Way, RouteMeasures>>>>
}

/** What an uplink is asked for. */
export type QuestionKind = 'packument' | 'tarball' | 'attestations' | 'keys' | 'advisories'
/** `answered`: by what can be used, absence included. `failed`: it did not, or not with that. `refused`: it led to where it must not. `skipped`: it was not asked, being left alone, offline, or asked too much already. */
export type QuestionOutcome = 'answered' | 'failed' | 'refused' | 'skipped'

/** A question to an uplink that has ended. */
export interface Question {
  readonly uplink: string
  readonly kind: QuestionKind
  readonly outcome: QuestionOutcome
  /** From its turn on; 0 when it had none. */
  readonly seconds: number
}

interface Questions {
  readonly uplink: string
  readonly kind: QuestionKind
  readonly outcomes: Counts<QuestionOutcome>
  readonly seconds: Distribution
}

export class QuestionMeasures {
  readonly #questions = new Map<string, Questions>()

  note({ uplink, kind, outcome, seconds }: Question): void {
    const key = `${kind} ${uplink}`
    const known = this.#questions.get(key) ?? { uplink, kind, outcomes: new Counts(), seconds: new Distribution(SECONDS) }
    this.#questions.set(key, known)
    known.outcomes.add(outcome)
    if (outcome !== 'skipped') known.seconds.observe(seconds)
  }

  get all(): readonly Questions[] {
    return [...this.#questions.values()]
  }
}

export const VERIFICATIONS = ['signatures', 'attestations'] as const
export type VerificationKind = (typeof VERIFICATIONS)[number]
export type Verified = 'signature' | 'publish-attestation' | 'provenance'
/** What came of it; `undecided` when it could not be finished. */
export type VerificationResult = 'verified' | 'invalid' | 'absent' | 'undecided'

export class VerificationMeasures {
  readonly results = new Counts<`${Verified} ${VerificationResult}`>()
  /** Of each call, whatever the number of signatures in it; waiting for a thread included. */
  readonly seconds: Readonly<Record<VerificationKind, Distribution>> = { signatures: new Distribution(SECONDS), attestations: new Distribution(SECONDS) }
}

export const CACHES = ['packuments', 'listings', 'verdicts', 'facts', 'tarballs'] as const
export type CacheName = (typeof CACHES)[number]
/** Where something asked of a cache was. */
export interface CacheMeasures {
  memory: number
  disk: number
  miss: number
}

export class DecisionMeasures {
  readonly decisions = new Counts<`${Decision['kind']} ${Decision['verdict']['outcome']}`>(['served allow', 'warned warn', 'refused deny', 'withheld deny', 'unavailable unavailable'])
  readonly reasons = new Counts<`${Decision['kind']} ${ReasonCode}`>()

  /** What policy refuses, and `monitor` served. */
  monitored = 0

  note({ kind, verdict: { outcome, reasons, monitored } }: Pick<Decision, 'kind' | 'verdict'>): void {
    this.decisions.add(`${kind} ${outcome}`)
    if (monitored === true) this.monitored++
    for (const { code } of reasons) this.reasons.add(`${kind} ${code}`)
  }
}

export interface Measures {
  readonly requests: RequestMeasures
  readonly questions: QuestionMeasures
  readonly verifications: VerificationMeasures
  readonly caches: Readonly<Record<CacheName, CacheMeasures>>
  readonly decisions: DecisionMeasures
}

const none = (): CacheMeasures => ({ memory: 0, disk: 0, miss: 0 })

export const noMeasures = (): Measures => ({
  requests: new RequestMeasures(),
  questions: new QuestionMeasures(),
  verifications: new VerificationMeasures(),
  caches: { packuments: none(), listings: none(), verdicts: none(), facts: none(), tarballs: none() },
  decisions: new DecisionMeasures(),
})
