import { randomUUID } from 'node:crypto'
import type { ReplicaState } from '../domain/state.ts'
import type { Position } from './ledger-copy-of-log.ts'
import type { SharedLog } from './shared-log.ts'

export interface MirrorListOptions {
  readonly name: string
  readonly version: string
  /** Revision of the policy in force. */
  readonly policy: () => string
  /** False for commands, which come and go. */
  readonly isListed: boolean
}

/** Milliseconds between two greetings, and how long one counts (seconds). */
const EVERY = 10_000
const COUNTS = 60
const MOST = 1000
const TEXT = 100

/** Which mirrors share a ledger, as they say of themselves: for people, and nothing is decided by it. */
export class MirrorList {
  readonly #log: SharedLog
  readonly #options: MirrorListOptions
  readonly #instance = randomUUID()
  #known: ReplicaState['mirrors'] = []
  #greetedAt = -Infinity

  constructor(log: SharedLog, options: MirrorListOptions) {
    this.#log = log
    this.#options = options
  }

  get known(): ReplicaState['mirrors'] {
    return this.#known
  }

  /** Now and then. */
  async greet({ sequence }: Position): Promise<void> {
    const { name, version, policy, isListed } = this.#options
    if (!isListed || performance.now() - this.#greetedAt < EVERY) return
    this.#greetedAt = performance.now()
    await this.#log.query(
      `INSERT INTO ledger_mirror (name, instance, version, policy, sequence) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (name) DO UPDATE SET instance = excluded.instance, version = excluded.version, policy = excluded.policy, sequence = excluded.sequence, seen_at = now()`,
      [name, this.#instance, version, policy(), sequence],
    )
    const rows = await this.#log.query<{ readonly name: string; readonly version: string; readonly policy: string; readonly sequence: string }>(
      `SELECT name, version, policy, sequence FROM ledger_mirror WHERE seen_at > now() - make_interval(secs => $1) ORDER BY name LIMIT ${String(MOST)}`,
      [COUNTS],
    )
    this.#known = rows.map((row) => ({ name: row.name.slice(0, TEXT), version: row.version.slice(0, TEXT), policy: row.policy.slice(0, TEXT), sequence: Number(row.sequence) }))
  }

  /** Never rejects. */
  async leave(): Promise<void> {
    if (!this.#options.isListed || this.#greetedAt === -Infinity) return
    await this.#log.query('DELETE FROM ledger_mirror WHERE name = $1 AND instance = $2', [this.#options.name, this.#instance]).catch(() => undefined)
  }
}
