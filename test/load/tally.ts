/** What happened, counted; and what is said of it. */
import type { Ran } from '../clients/support/run.ts'

/** What a person did, and what came of it. */
export interface Deed {
  /** `npm 12.0.1, lockfile, empty cache`, `publish`, … */
  readonly what: string
  readonly client?: string
  readonly expected: 'done' | 'refused'
  readonly ran: Ran
  /** What was restarted, or away, meanwhile. */
  readonly during: readonly string[]
}

export interface Restart {
  readonly what: string
  /** Milliseconds until it was ready again. */
  readonly took: number
}

/** As npm names a 403, and others do. */
const REFUSED = /E403|403 Forbidden|is refused/
/** HAProxy's `option httplog`: backend and server, times, status, bytes, cookies, how the session ended. */
const LINE = / (\S+)\/(\S+) -?\d+\/-?\d+\/-?\d+\/-?\d+\/\+?\d+ (-?\d+) \+?\d+ \S+ \S+ (\S{4}) \S+ \S+ (?:\{\S*\} )*"(\S+) /

export class Tally {
  readonly deeds: Deed[] = []
  readonly restarts: Restart[] = []
  readonly requests = new Map<string, number>()
  /** Sessions that did not end as they should, by HAProxy's four letters and the status. */
  readonly broken = new Map<string, number>()
  /** What should not have been, beside failed deeds. */
  readonly faults: string[] = []
  /** Milliseconds until all replicas knew what somebody decided. */
  readonly spread: number[] = []
  readonly #under = new Set<string>()
  readonly #notices: { readonly what: string; readonly at: number }[] = []

  /** Runs while something is away or restarted. */
  async away<Value>(what: string, work: () => Promise<Value>): Promise<Value> {
    this.#under.add(what)
    this.#notices.push({ what, at: performance.now() })
    try {
      return await work()
    } finally {
      this.#under.delete(what)
    }
  }

  async deed(what: string, expected: Deed['expected'], work: () => Promise<Ran>, client?: string): Promise<Deed> {
    const started = performance.now()
    const before = [...this.#under]
    const ran = await work()
    const during = [...before, ...this.#notices.filter(({ at }) => at >= started).map(({ what: notice }) => notice)]
    const deed = { what, expected, ran, during, ...(client === undefined ? {} : { client }) }
    this.deeds.push(deed)
    return deed
  }

  line(text: string): void {
    const match = LINE.exec(text)
    if (match === null) return
    const [, backend, server, status, end, method] = match
    count(this.requests, `${method ?? ''} ${status ?? ''}`)
    if (end !== '----') count(this.broken, `${end ?? ''} ${status ?? ''} ${backend ?? ''}/${server ?? ''}`)
  }

  get failed(): readonly Deed[] {
    return this.deeds.filter((deed) => !isAsExpected(deed))
  }

  get isGood(): boolean {
    return this.failed.length === 0 && this.faults.length === 0
  }

  report(): readonly string[] {
    const installs = this.deeds.filter(({ client }) => client !== undefined)
    const longest = installs.reduce<Deed | undefined>((found, deed) => (found !== undefined && found.ran.took >= deed.ran.took ? found : deed), undefined)
    const median = installs.map(({ ran }) => ran.took).toSorted((a, b) => a - b)[Math.floor(installs.length / 2)]
    const byClient = Map.groupBy(installs, ({ client }) => client ?? '')
    const others = Map.groupBy(this.deeds.filter(({ client }) => client === undefined), ({ what }) => what)
    const restarts = Map.groupBy(this.restarts, ({ what }) => what)
    return [
      `installs: ${String(installs.length)}, of these failed ${String(installs.filter((deed) => !isAsExpected(deed)).length)}, while something was restarted or away ${String(installs.filter(({ during }) => during.length > 0).length)}`,
      ...[...byClient].map(([client, deeds]) => `  ${client}: ${String(deeds.length)}, failed ${String(deeds.filter((deed) => !isAsExpected(deed)).length)}`),
      ...[...others].map(([what, deeds]) => `${what}: ${String(deeds.length)}, not as expected ${String(deeds.filter((deed) => !isAsExpected(deed)).length)}`),
      `install: median ${seconds(median)}, longest ${seconds(longest?.ran.took)}${longest === undefined ? '' : ` (${longest.what}${longest.during.length === 0 ? '' : `; ${longest.during.join(', ')}`})`}`,
      ...[...restarts].map(([what, done]) => `${what}: ${String(done.length)}, ready again after ${seconds(Math.max(...done.map(({ took }) => took)))} at most`),
      `decisions known to all replicas: ${String(this.spread.length)}, after ${seconds(Math.max(0, ...this.spread))} at most`,
      `requests at the proxy: ${listed(this.requests)}`,
      `broken off at the proxy: ${listed(this.broken)}`,
      ...this.faults.map((fault) => `FAULT: ${fault}`),
      ...this.failed.map(({ what, expected, ran, during }) => `FAILED: ${what}, expected ${expected}, exit code ${String(ran.code)} after ${seconds(ran.took)}${during.length === 0 ? '' : `, during ${during.join(', ')}`}\n${ran.output}`),
    ]
  }
}

const isAsExpected = ({ expected, ran }: Deed): boolean => (expected === 'done' ? ran.code === 0 : ran.code !== 0 && REFUSED.test(ran.output))

const count = (counts: Map<string, number>, key: string): void => { counts.set(key, (counts.get(key) ?? 0) + 1) }
const listed = (counts: ReadonlyMap<string, number>): string => [...counts].toSorted().map(([key, times]) => `${key}: ${String(times)}`).join(', ') || 'none'
const seconds = (milliseconds = 0): string => `${(milliseconds / 1000).toFixed(1)} s`
