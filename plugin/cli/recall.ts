import { openDecisionLog } from '../compose-log.ts'
import type { DecisionReader, DecisionRecord } from '../domain/decision.ts'
import { messageOf } from '../domain/errors.ts'
import { whoFetched } from '../domain/fetched.ts'
import { recallDocument, type Recall } from '../domain/recall.ts'
import { recallRecord } from '../domain/recall-record.ts'
import { rangeOf, readRecallSpec } from '../pipeline/recalls.ts'
import { EXIT } from './exit-codes.ts'
import { configOf, usage, withLedger, type LedgerOptions } from './ledger.ts'
import { fetchedText, recallLine, type FetchReport } from './recall-text.ts'
import { jsonText } from './terminal.ts'

export interface RecallOptions extends LedgerOptions {
  readonly reason?: string
  readonly approvedBy?: string
  /** Only says who fetched. */
  readonly dryRun?: boolean
}
export interface LiftOptions extends LedgerOptions {
  readonly reason: string
  readonly approvedBy?: string
}
export interface ListOptions extends LedgerOptions {
  /** Those that were lifted too. */
  readonly all?: boolean
}

interface Said {
  readonly code: number
  readonly lines: readonly string[]
}

interface Wanted {
  readonly name: string
  readonly range: string
}

/**
 * `recall`: has versions refused from now on, and says who fetched them.
 * @throws ConfigurationError when a specification makes no sense, there is no reason, or there is no ledger
 */
export async function recall(specs: readonly string[], options: RecallOptions): Promise<Said> {
  const wanted = specs.map(parsed)
  const reason = options.reason?.trim() ?? ''
  if (options.dryRun === true) return said([], await report(wanted, [], options), options)
  if (reason === '') throw usage('--reason', 'says nothing', 'Say in a few words why: everybody who is refused reads it, and it is logged and kept.')
  const by = options.approvedBy?.trim() ?? ''
  const at = new Date()
  const recalls = await withLedger(options, (ledger) => wanted.map((one) => ledger.recalls.add({ ...one, reason, by: by === '' ? undefined : by, at })))
  // What was recalled before is no news for the log.
  const made = recalls.filter((one) => one.at.getTime() === at.getTime())
  return said(recalls, await report(wanted, made.map((one) => recallRecord(one)), options), options)
}

/** `recall list`: what is recalled; the lines to print. @throws ConfigurationError when there is no ledger */
export async function listRecalls(options: ListOptions): Promise<readonly string[]> {
  const all = await withLedger(options, (ledger) => ledger.recalls.all())
  const shown = options.all === true ? all : all.filter(({ lifted }) => lifted === undefined)
  if (options.json === true) return [jsonText(shown.map(recallDocument), 2)]
  return shown.length === 0 ? ['nothing is recalled'] : shown.flatMap(recallLine)
}

/**
 * `recall lift`: takes a recall back.
 * @throws ConfigurationError when there is none of this id in force, no reason, or no ledger
 */
export async function liftRecall(id: string, options: LiftOptions): Promise<Said> {
  const reason = options.reason.trim()
  const by = options.approvedBy?.trim() ?? ''
  if (reason === '') throw usage('--reason', 'says nothing', 'Say in a few words why: it is logged and kept.')
  if (!/^[1-9]\d{0,14}$/.test(id)) throw usage(id, 'is not the number of a recall', 'See `recall list`.')
  const lifted = await withLedger(options, (ledger) => ledger.recalls.lift(Number(id), { reason, by: by === '' ? undefined : by, at: new Date() }))
  if (lifted === undefined) throw usage(id, 'is no recall that is in force', 'See `recall list`.')
  const problem = await logged([recallRecord(lifted)], options)
  const lines = options.json === true ? [jsonText(recallDocument(lifted))] : [`lifted ${lifted.name}@${lifted.range}; a running mirror judges it by its policy again, with its next request`]
  return { code: problem === undefined ? EXIT.fine : EXIT.undecided, lines: [...lines, ...warned(problem, options)] }
}

function parsed(spec: string): Wanted {
  const read = readRecallSpec(spec)
  if ('problem' in read) throw usage(spec, read.problem, read.remedy)
  return read
}

/** What could not be asked or written leaves the recall in force: it is said, and the exit code says it too. */
async function report(wanted: readonly Wanted[], records: readonly DecisionRecord[], options: RecallOptions): Promise<FetchReport | { readonly problem: string }> {
  let problem: string | undefined
  try {
    const { log, title } = openDecisionLog(configOf(options), { readOnly: options.dryRun === true, warn: (message) => { problem ??= message } })
    try {
      for (const record of records) log.add(record)
      await log.flush()
      const found = await fetchReport(log, title, wanted)
      return problem === undefined ? found : { problem }
    } finally {
      await log.close()
    }
  } catch (error) {
    if (options.dryRun === true) throw error
    return { problem: messageOf(error) }
  }
}

async function fetchReport(log: DecisionReader, title: string, wanted: readonly Wanted[]): Promise<FetchReport> {
  const [first] = (await log.find({ order: 'oldest', limit: 1 })).entries
  const fetched = await whoFetched(log, wanted.map(({ name, range }) => ({ name, holds: rangeOf(range) ?? (() => true) })))
  return { title, since: first?.at ?? null, fetched }
}

async function logged(records: readonly DecisionRecord[], options: LedgerOptions): Promise<string | undefined> {
  let problem: string | undefined
  try {
    const { log } = openDecisionLog(configOf(options), { readOnly: false, warn: (message) => { problem ??= message } })
    for (const record of records) log.add(record)
    await log.close()
  } catch (error) {
    problem = messageOf(error)
  }
  return problem
}

function said(recalls: readonly Recall[], found: FetchReport | { readonly problem: string }, options: RecallOptions): Said {
  const problem = 'problem' in found ? found.problem : undefined
  const code = problem === undefined ? EXIT.fine : EXIT.undecided
  if (options.json === true) {
    const log = 'problem' in found ? { problem: found.problem } : { title: found.title, since: found.since }
    return { code, lines: [jsonText({ recalls: recalls.map(recallDocument), log, fetched: 'problem' in found ? null : found.fetched }, 2)] }
  }
  const words = recalls.map(({ id, name, range }) => `recalled ${name}@${range} (recall ${String(id)}); a running mirror refuses it from its next request on`)
  return { code, lines: [...words, ...('problem' in found ? warned(problem, options) : fetchedText(found))] }
}

const warned = (problem: string | undefined, { json }: LedgerOptions): readonly string[] =>
  problem === undefined || json === true ? [] : [`THE DECISION LOG COULD NOT BE USED, so nothing is known of who fetched it: ${problem}`]
