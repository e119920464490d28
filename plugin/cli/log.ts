import { createWriteStream } from 'node:fs'
import { once } from 'node:events'
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import { fileSource, openDecisionLog, readPublicKey, storeSource, verifyLog, type DecisionLogStore, type LogReport, type OpenedLog } from '../compose-log.ts'
import { BadQuery, type DecisionQuery } from '../domain/decision.ts'
import { messageOf } from '../domain/errors.ts'
import { readFileSync } from 'node:fs'
import { splitSpec } from '../domain/package-ref.ts'
import { EXIT } from './exit-codes.ts'
import { configOf, usage, type LedgerOptions } from './ledger.ts'
import { entryLine, reportText } from './log-text.ts'
import { jsonText, printable } from './terminal.ts'

export interface FilterOptions extends LedgerOptions {
  readonly kind?: readonly string[]
  readonly outcome?: readonly string[]
  /** Or name@version. */
  readonly package?: string
  readonly reason?: readonly string[]
  readonly rule?: string
  readonly user?: string
  readonly address?: string
  readonly policyRevision?: string
  readonly text?: string
  readonly from?: string
  readonly to?: string
}
export interface ShowOptions extends FilterOptions {
  readonly limit: string
  readonly oldest?: boolean
}
export interface ExportOptions extends FilterOptions {
  readonly output?: string
}
export interface VerifyOptions extends LedgerOptions {
  /** Files of public keys, PEM. */
  readonly key?: readonly string[]
  /** `NUMBER:HASH`, as an earlier run printed it. */
  readonly expect?: readonly string[]
}

interface Said {
  readonly code: number
  readonly lines: readonly string[]
}

/**
 * `log show`: entries, the newest first; the lines to print.
 * @throws ConfigurationError when there is no log, or the question makes no sense
 */
export function showLog(options: ShowOptions): Promise<readonly string[]> {
  return asked(options, async ({ log }) => {
    const wanted = Number(options.limit)
    if (!Number.isInteger(wanted) || wanted < 1) throw usage('--limit', `"${options.limit}" is not a number of entries`, 'Give a whole number from 1 on.')
    const lines: string[] = []
    for await (const entry of log.each({ ...queryOf(options), order: options.oldest === true ? 'oldest' : 'newest' })) {
      lines.push(options.json === true ? jsonText(entry) : entryLine(entry))
      if (lines.length === wanted) break
    }
    return lines.length > 0 || options.json === true ? lines : ['no entry is like that']
  })
}

/** `log tail`: the last entries, and then those that come, each as `print` is called with it, until `ended`. @throws as `showLog` */
export function tailLog(options: FilterOptions, print: (line: string) => void, ended: Promise<unknown>): Promise<void> {
  return asked(options, async ({ log }) => {
    const query = queryOf(options)
    const text = (entry: Parameters<typeof entryLine>[0]): string => (options.json === true ? jsonText(entry) : entryLine(entry))
    const seen = new Set<string>()
    const show = async (): Promise<void> => {
      // Found by the same question, so that the same filters count.
      const { entries } = await log.find({ ...query, limit: seen.size === 0 ? LAST : AT_ONCE })
      for (const entry of entries.toReversed()) {
        const key = `${entry.log} ${String(entry.sequence)}`
        if (!seen.has(key)) print(text(entry))
        seen.add(key)
      }
    }
    let last = Promise.resolve()
    const stop = log.follow(() => { last = last.then(show).catch((error: unknown) => { print(printable(messageOf(error))) }) })
    await show()
    await ended
    stop()
    await last
  })
}
const LAST = 10
const AT_ONCE = 500

/**
 * `log export`: JSON Lines, an entry each. Without filters it is the whole log with what was signed of it, which `log verify` takes.
 * @returns the line to print, to the terminal
 * @throws as `showLog`
 */
export function exportLog(options: ExportOptions): Promise<readonly string[]> {
  return asked(options, async ({ log }) => {
    const query = queryOf(options)
    const isWhole = Object.values(query).every((value) => value === undefined)
    let count = 0
    const lines = async function* (): AsyncGenerator<string> {
      for await (const line of isWhole ? wholeLines(log) : foundLines(log, query)) {
        count++
        yield `${line}\n`
      }
    }
    if (options.output === undefined) {
      for await (const line of lines()) if (!process.stdout.write(line)) await once(process.stdout, 'drain')
    } else await pipeline(Readable.from(lines()), createWriteStream(options.output, { flags: 'wx', mode: 0o600 }))
    return [`${String(count)} lines${isWhole ? ', entries and what was signed of them' : ''}`]
  })
}

async function* wholeLines(log: DecisionLogStore): AsyncGenerator<string> {
  for (const source of await storeSource(log)) {
    for (const envelope of source.envelopes) yield envelope
    for await (const { value } of source.entries()) yield JSON.stringify(value)
  }
}

async function* foundLines(log: DecisionLogStore, query: DecisionQuery): AsyncGenerator<string> {
  for await (const entry of log.each({ ...query, order: 'oldest' })) yield JSON.stringify(entry)
}

/**
 * `log verify`: whether the log of a configuration, or in a file, is the one that was written.
 * @returns `refused` when something was altered, removed, added or not signed
 * @throws ConfigurationError
 */
export async function verifyLogs(file: string | undefined, options: VerifyOptions): Promise<Said> {
  const given = (options.key ?? []).map(keyIn)
  const expected = (options.expect ?? []).map(expectedOf)
  if (file !== undefined && given.length === 0 && options.config === undefined) throw usage('log verify', 'has no key to verify a file with', 'Give --key FILE with what `verdaccio-provenance keys public log` printed at the mirror, or --config FILE.')
  const reports: LogReport[] = []
  if (file !== undefined && given.length > 0) for (const source of await readable(file)) reports.push(await verifyLog(source, { keys: given, expected }))
  else
    await asked(options, async ({ log, keys }) => {
      for (const source of file === undefined ? await storeSource(log) : await readable(file)) reports.push(await verifyLog(source, { keys: [...keys, ...given], expected }))
    })
  if (reports.length === 0) throw usage(file ?? 'log verify', 'holds no entry of a decision log', 'Name what `log export` wrote, or the configuration of a mirror that has run.')
  const code = reports.some(({ problemCount }) => problemCount > 0) ? EXIT.refused : EXIT.fine
  return { code, lines: options.json === true ? [jsonText(reports, 2)] : reports.flatMap(reportText) }
}

async function readable(file: string): ReturnType<typeof fileSource> {
  try {
    return await fileSource(file)
  } catch (cause) {
    throw usage(file, `cannot be read: ${messageOf(cause)}`, 'Name what `log export` wrote.')
  }
}

function keyIn(file: string): ReturnType<typeof readPublicKey> {
  try {
    return readPublicKey(readFileSync(file, 'utf8'))
  } catch (error) {
    throw usage(file, `holds no public key: ${messageOf(error)}`, 'Name the file with what `verdaccio-provenance keys public log` printed.')
  }
}

function expectedOf(text: string): { readonly sequence: number; readonly hash: string } {
  const [, sequence, hash] = /^([1-9]\d{0,14}):([0-9a-f]{64})$/.exec(text) ?? []
  if (sequence === undefined || hash === undefined) throw usage('--expect', `"${text}" is not the number of an entry and its hash`, 'Write it as `log verify` prints it: 1234:9f86d0...')
  return { sequence: Number(sequence), hash }
}

async function asked<Result>(options: LedgerOptions, ask: (opened: OpenedLog) => Promise<Result>): Promise<Result> {
  const opened = openDecisionLog(configOf(options), { warn: (message) => { console.error(printable(message)) }, readOnly: true })
  try {
    return await ask(opened)
  } catch (error) {
    if (error instanceof BadQuery) throw usage('log', error.message, 'See --help.')
    throw error
  } finally {
    await opened.log.close()
  }
}

const queryOf = ({ kind, outcome, package: spec, reason, rule, user, address, policyRevision, text, from, to }: FilterOptions): DecisionQuery => ({
  kinds: kind,
  outcomes: outcome,
  package: spec === undefined ? undefined : splitSpec(spec).name,
  version: spec === undefined ? undefined : splitSpec(spec).version,
  reasons: reason,
  rule,
  user,
  address,
  policyRevision,
  text,
  from,
  to,
})
