import { messageOf } from '../domain/errors.ts'
import type { VerificationKey } from '../keys/dsse.ts'
import { openStatement, type Statement } from './checkpoint.ts'
import { columnsOf, COLUMNS, type Columns } from './columns.ts'
import { bodyOf, digestOf, entryOf, GENESIS, type Head } from './entry.ts'

/**
 * - `altered`: an entry is not what its hash is of, or what it is found by says something else;
 * - `missing`: numbers are left out;
 * - `relinked`: an entry names another predecessor than the one before it;
 * - `rechained`: a signed checkpoint names another hash for it: this and all after it was written anew;
 * - `cut-off`: a signed checkpoint, or the log itself, knows of later entries than there are;
 * - `unsigned`: nobody signed for the last entries;
 * - `checkpoint-invalid`: no key that is known here signed it;
 * - `unreadable`: a line is no entry.
 */
export type LogFault = 'altered' | 'missing' | 'relinked' | 'rechained' | 'cut-off' | 'unsigned' | 'checkpoint-invalid' | 'unreadable'

export interface LogProblem {
  readonly fault: LogFault
  /** The entry it is about; the first of several. */
  readonly sequence: number
  readonly message: string
}

export interface LogReport {
  readonly log: string
  readonly entries: number
  /** Numbers of the first and the last entry; null where there is none. */
  readonly first: number | null
  readonly last: number | null
  /** Hash of the last entry: what to note elsewhere, and expect the next time. */
  readonly hash: string
  readonly checkpoints: number
  /** The first ones; `problemCount` says of how many. */
  readonly problems: readonly LogProblem[]
  readonly problemCount: number
}

export interface ChainSource {
  readonly log: string
  /** Where the log itself says that it stands; undefined of a file. */
  readonly head: Head | undefined
  readonly envelopes: readonly string[]
  /** In the order in which they stand. */
  entries(): AsyncIterable<RawEntry>
}

export interface RawEntry {
  /** The whole entry, as JSON. */
  readonly value: unknown
  readonly columns?: Columns
}

export interface VerifyOptions {
  readonly keys: readonly VerificationKey[]
  /** That the log once had this entry, as somebody noted elsewhere. */
  readonly expected?: readonly Head[]
}

const MAX_PROBLEMS = 20

/** Recomputes a chain and holds it against what was signed of it. */
export async function verifyLog(source: ChainSource, { keys, expected = [] }: VerifyOptions): Promise<LogReport> {
  const problems: LogProblem[] = []
  let problemCount = 0
  const say = (fault: LogFault, sequence: number, message: string): void => {
    if (++problemCount <= MAX_PROBLEMS) problems.push({ fault, sequence, message })
  }
  const statements = opened(source, keys, say)
  const signed = Map.groupBy([...statements, ...expected.map((head) => ({ ...head, kind: 'noted' as const }))], ({ sequence }) => sequence)
  const cut = statements.filter(({ kind }) => kind === 'cut').toSorted((a, b) => b.sequence - a.sequence)[0]
  let at: Head = cut ?? { sequence: 0, hash: GENESIS }
  const [start] = [at.sequence]
  let [entries, first, vouchedFor] = [0, null as number | null, at.sequence]
  let isRechained = false
  for await (const raw of source.entries()) {
    const entry = bodyOf(raw.value)
    if (entry?.log !== source.log) {
      say('unreadable', at.sequence + 1, `what follows entry ${String(at.sequence)} is no entry of this log`)
      continue
    }
    const { sequence, hash } = entry
    entries++
    first ??= sequence
    if (digestOf(entry.body) !== hash) say('altered', sequence, `entry ${String(sequence)} was altered: its hash is of something else`)
    else if (raw.columns !== undefined && !isSame(columnsOf(entryOf(entry.body, hash)), raw.columns)) say('altered', sequence, `entry ${String(sequence)} was altered: it is found under something that it does not say`)
    if (sequence > at.sequence + 1) say('missing', at.sequence + 1, `${range(at.sequence + 1, sequence - 1)} missing`)
    else if (sequence <= at.sequence) say('relinked', sequence, `entry ${String(sequence)} stands after entry ${String(at.sequence)}`)
    else if (entry.previous !== at.hash) say('relinked', sequence, `entry ${String(sequence)} does not follow from the one before it`)
    for (const statement of signed.get(sequence) ?? []) {
      if (statement.kind === 'cut') continue
      if (statement.hash === hash) vouchedFor = statement.kind === 'checkpoint' ? sequence : vouchedFor
      else if (!isRechained) {
        isRechained = true
        say('rechained', sequence, `entry ${String(sequence)} is not the one that ${statement.kind === 'noted' ? 'was noted' : 'was signed'}: it, or something before it, was written anew`)
      }
    }
    at = { sequence, hash }
  }
  const known = Math.max(source.head?.sequence ?? 0, ...[...signed.values()].flat().map(({ sequence }) => sequence))
  if (known > at.sequence) say('cut-off', at.sequence + 1, `${range(at.sequence + 1, known)} missing at the end`)
  if (at.sequence > vouchedFor && at.sequence > start) say('unsigned', vouchedFor + 1, `nobody signed for ${range(vouchedFor + 1, at.sequence, '')}: whether they are the ones that were written cannot be told`)
  return { log: source.log, entries, first, last: entries === 0 ? null : at.sequence, hash: at.hash, checkpoints: statements.length, problems, problemCount }
}

const range = (from: number, to: number, verb = ' is'): string => (from === to ? `entry ${String(from)}${verb}` : `entries ${String(from)} to ${String(to)}${verb === '' ? '' : ' are'}`)

const isSame = (a: Columns, b: Columns): boolean => COLUMNS.every((name) => a[name] === b[name])

function opened({ log, envelopes }: ChainSource, keys: readonly VerificationKey[], say: (fault: LogFault, sequence: number, message: string) => void): readonly Statement[] {
  return envelopes.flatMap((envelope) => {
    try {
      const statement = openStatement(envelope, keys)
      if (statement.log === log) return [statement]
      say('checkpoint-invalid', statement.sequence, `a checkpoint is of another log, ${statement.log}`)
    } catch (error) {
      say('checkpoint-invalid', 0, `a checkpoint does not count: ${messageOf(error)}`)
    }
    return []
  })
}
