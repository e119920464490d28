import { hash } from 'node:crypto'
import type { Asker, DecisionRecord, EntryEvidence, VersionKind } from '../domain/decision.ts'
import type { Decision } from '../domain/ports.ts'

/**
 * Milliseconds in which the same delivery to the same asker is one entry and a count. An installation asks for a tarball within
 * seconds, again and again where many jobs stand behind one address; a minute folds those, and is the most that a process that is
 * killed loses of a count.
 */
export const WINDOW_MS = 60_000
/** Deliveries that are counted at one time, about a kilobyte each; what is more is written each time. */
const MAX = 20_000
/** Entries that are written in one turn of the event loop where time has come for many. */
const AT_ONCE = 500
/** Verdicts are kept for minutes: in one, the same is come to a few times at most. */
const MAX_PLACES = 8

/** What whoever asks is given or refused. What is withheld is said once as it is; what could not be decided is another fault each time. */
const COUNTED: ReadonlySet<VersionKind> = new Set(['served', 'warned', 'refused'])

/** Calls back after so many milliseconds, once; returns how to call it off. Must keep no process alive. */
type Schedule = (run: () => void, milliseconds: number) => () => void

export interface RepetitionOptions {
  readonly write: (record: DecisionRecord) => void
  readonly now: () => Date
  readonly schedule?: Schedule | undefined
  readonly max?: number | undefined
}

/** An entry that was written, and how often the same came since. */
interface Repeated {
  readonly record: DecisionRecord
  readonly digest: string
  /** By the clock, milliseconds. */
  readonly since: number
  count: number
  /** Of the last that was counted. */
  last: Date
  isOpen: boolean
  /** Where it is found by its verdict. */
  readonly places: Place[]
}

/** What was decided by one verdict, by who asked. */
interface Place {
  latest: Repeated | undefined
  readonly byAsker: Map<string, Repeated>
}

/**
 * Counts what was decided again in the same way for the same asker: the first time is an entry at once, so that nobody who fetched
 * something is ever missing; those that follow within a minute are one more entry, with their number. Two ways to what was written:
 * by the verdict that is kept in memory, which costs a warm delivery a few comparisons; and by a digest of the whole entry.
 */
export class Repetitions {
  readonly #options: RepetitionOptions
  /** In the order in which they were opened, which is the order in which they end. */
  readonly #open = new Map<string, Repeated>()
  readonly #places = new WeakMap<Decision['verdict'], Place>()
  #unschedule: (() => void) | undefined
  #isClosed = false

  constructor(options: RepetitionOptions) {
    this.#options = options
  }

  /** Whether an entry says the same already, and this is counted. */
  counted(decision: Decision): boolean {
    if (!COUNTED.has(decision.kind)) return false
    const place = this.#places.get(decision.verdict)
    if (place === undefined) return false
    const known = place.latest !== undefined && isAsker(place.latest.record, decision.asker) ? place.latest : place.byAsker.get(askerKey(decision.asker))
    // A key is joined from what clients wrote, and a verdict may be of more than one version: what is counted is compared.
    if (known === undefined || !isSame(known.record, decision)) return false
    place.latest = known
    return this.#count(known, decision.at)
  }

  /** The same, by the whole of the entry; where there is none, the entry is one from now on, to be written by the caller. */
  countedOrBegun(decision: Decision, record: DecisionRecord): boolean {
    if (!COUNTED.has(decision.kind)) return false
    const digest = hash('sha256', JSON.stringify({ ...record, at: '' }), 'base64')
    const known = this.#open.get(digest)
    if (known !== undefined && this.#count(known, decision.at)) {
      this.#place(known, decision)
      return true
    }
    if (this.#isClosed || this.#open.size >= (this.#options.max ?? MAX)) return false
    const begun: Repeated = { record, digest, since: decision.at.getTime(), count: 0, last: decision.at, isOpen: true, places: [] }
    this.#open.set(digest, begun)
    this.#place(begun, decision)
    this.#unschedule ??= this.#schedule(WINDOW_MS)
    return false
  }

  /** Writes what was counted so far; counting goes on. */
  write(): void {
    for (const repeated of this.#open.values()) this.#written(repeated)
  }

  /** Writes what was counted, and counts no more: each is an entry from now on. */
  close(): void {
    this.#unschedule?.()
    this.#unschedule = undefined
    for (const repeated of this.#open.values()) this.#end(repeated)
    this.#isClosed = true
  }

  /** Ends what is due by the clock, some of it where it is much. */
  endDue(): void {
    this.#unschedule?.()
    this.#unschedule = undefined
    const now = this.#options.now().getTime()
    let left = AT_ONCE
    for (const repeated of this.#open.values()) {
      if (isWithin(repeated, now)) {
        this.#unschedule = this.#schedule(Math.max(repeated.since + WINDOW_MS - now, 1000))
        return
      }
      if (left-- === 0) {
        this.#unschedule = this.#schedule(1)
        return
      }
      this.#end(repeated)
    }
  }

  #count(known: Repeated, at: Date): boolean {
    if (!known.isOpen) return false
    if (!isWithin(known, at.getTime())) {
      this.#end(known)
      return false
    }
    known.count++
    known.last = at
    return true
  }

  #place(repeated: Repeated, { kind, verdict, asker }: Decision): void {
    // A refusal is come to anew each time.
    if (kind === 'refused' || repeated.places.length >= MAX_PLACES) return
    const place = this.#places.get(verdict) ?? { latest: undefined, byAsker: new Map<string, Repeated>() }
    this.#places.set(verdict, place)
    place.latest = repeated
    place.byAsker.set(askerKey(asker), repeated)
    repeated.places.push(place)
  }

  #end(repeated: Repeated): void {
    this.#written(repeated)
    repeated.isOpen = false
    this.#open.delete(repeated.digest)
    for (const place of repeated.places) {
      if (place.latest === repeated) place.latest = undefined
      const key = recordKey(repeated.record)
      if (place.byAsker.get(key) === repeated) place.byAsker.delete(key)
    }
  }

  #written(repeated: Repeated): void {
    const { record, count, last } = repeated
    if (count === 0) return
    repeated.count = 0
    this.#options.write({ ...record, at: last.toISOString(), times: count })
  }

  #schedule(milliseconds: number): () => void {
    return (this.#options.schedule ?? timer)(() => { this.endDue() }, milliseconds)
  }
}

/** A clock that was set back ends a window too. */
const isWithin = ({ since }: Repeated, now: number): boolean => now >= since && now < since + WINDOW_MS

const isAsker = ({ asker: { address, client, user, token } }: DecisionRecord, asker: Asker | undefined): boolean =>
  client === (asker?.client ?? null) && address === (asker?.address ?? null) && user === (asker?.user ?? null) && token === (asker?.token ?? null)

/** What was found once more is another object that says the same. */
const isEvidence = (known: EntryEvidence | null, evidence: EntryEvidence | undefined): boolean =>
  known === null || evidence === undefined
    ? known === null && evidence === undefined
    : known.signature === evidence.signature && known.publishAttestation === evidence.publishAttestation && known.provenance === evidence.provenance && known.pinned === evidence.pinned

/** All else is of the verdict, which is the same object. */
const isSame = (record: DecisionRecord, { kind, ref, integrity, uplink, policyRevision, evidence, sigstore, asker }: Decision): boolean =>
  record.kind === kind &&
  record.package === ref.name &&
  (record.version ?? '') === ref.version &&
  record.integrity === (integrity ?? null) &&
  (record.uplink ?? '') === uplink &&
  record.policyRevision === policyRevision &&
  isEvidence(record.evidence, evidence) &&
  record.detail?.sigstore === sigstore &&
  isAsker(record, asker)

const askerKey = ({ address = '', client = '', user = '', token = '' }: Asker = {}): string => `${address}\n${client}\n${user}\n${token}`
const recordKey = ({ asker: { address, client, user, token } }: DecisionRecord): string => `${address ?? ''}\n${client ?? ''}\n${user ?? ''}\n${token ?? ''}`

const timer: Schedule = (run, milliseconds) => {
  const timeout = setTimeout(run, milliseconds)
  timeout.unref()
  return () => { clearTimeout(timeout) }
}
