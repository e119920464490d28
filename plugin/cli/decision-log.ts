/** The mirror's log, as Verdaccio writes it in JSON: what was decided of which version, and which waivers that took. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { messageOf } from '../domain/errors.ts'
import { isObject, own, ownObject, ownString, type Json, type JsonObject } from '../domain/json.ts'
import { openDecisionLog } from '../compose-log.ts'
import { configOf } from './ledger.ts'
import { usage } from './usage.ts'
import { printable } from './terminal.ts'

export interface LoggedDecision {
  readonly decision: string
  readonly name: string
  readonly version: string
  /** Ids of the waivers without which it might have been refused. */
  readonly waivers: readonly string[]
  /** ISO 8601 */
  readonly at: string
}

const KINDS: ReadonlySet<string> = new Set(['refused', 'withheld', 'warned', 'served', 'unavailable'])

/**
 * The decisions of a log, in its order; other lines are passed over.
 * @throws ConfigurationError when it cannot be read, or holds none
 */
export async function readDecisions(file: string): Promise<readonly LoggedDecision[]> {
  const decisions: LoggedDecision[] = []
  try {
    for await (const line of createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Infinity })) {
      const decision = decisionOf(line)
      if (decision !== undefined) decisions.push(decision)
    }
  } catch (cause) {
    throw usage(file, `cannot be read: ${messageOf(cause)}`, 'Name the log of a mirror.')
  }
  if (decisions.length === 0) throw usage(file, 'holds no decision of this mirror', 'Have Verdaccio log in JSON: `log: { type: file, path: mirror.log, format: json, level: info }`.')
  return decisions
}

/** Of one policy question: more say nothing that these do not. */
const MAX = 1_000_000

/** The decisions of a log file, or of the decision log of a configuration; undefined where neither is named. @throws ConfigurationError */
export async function readAllDecisions({ log, decisions }: { readonly log?: string | undefined; readonly decisions?: string | undefined }): Promise<readonly LoggedDecision[] | undefined> {
  if (log === undefined && decisions === undefined) return undefined
  return [...(log === undefined ? [] : await readDecisions(log)), ...(decisions === undefined ? [] : await readDecisionLog(decisions))]
}

/** Whether the decision log of a configuration can be read. */
export function hasDecisionLog(config: string): boolean {
  try {
    const { log } = openDecisionLog(configOf({ config }), { warn: () => undefined, readOnly: true })
    void log.close()
    return true
  } catch {
    return false
  }
}

/** The newest decisions of the decision log, in its order. @throws ConfigurationError when there is none */
async function readDecisionLog(config: string): Promise<readonly LoggedDecision[]> {
  const { log, title } = openDecisionLog(configOf({ config }), { warn: (message) => { console.error(printable(message)) }, readOnly: true })
  const decisions: LoggedDecision[] = []
  try {
    for await (const { kind, package: name, version, waivers, at } of log.each({ kinds: [...KINDS] })) {
      if (name !== null && version !== null) decisions.push({ decision: kind, name, version, waivers, at })
      if (decisions.length === MAX) break
    }
  } finally {
    await log.close()
  }
  if (decisions.length === 0) throw usage(title, 'holds no decision on a version', 'Name the configuration of a mirror that has served something.')
  return decisions.toReversed()
}

function decisionOf(line: string): LoggedDecision | undefined {
  // Most lines are about requests: only those that can be one are parsed.
  if (!line.includes('"decision"') && !line.includes('"kind"')) return undefined
  const entry = parsed(line)
  const [logged, kind, name, version, at] = ['decision', 'kind', 'package', 'version', 'at'].map((key) => ownString(entry ?? {}, key))
  const decision = logged ?? kind
  if (entry === undefined || decision === undefined || !KINDS.has(decision) || name === undefined || version === undefined || at === undefined) return undefined
  return { decision, name, version, at, waivers: waiversOf(entry) }
}

function waiversOf(entry: JsonObject): readonly string[] {
  const ids = own(entry, 'waivers')
  if (Array.isArray(ids)) return (ids as readonly Json[]).filter((id) => typeof id === 'string')
  // Lines of earlier releases name the one that counted by what it is for.
  const waiver = ownObject(entry, 'waiver')
  const [spec, expires] = waiver === undefined ? [] : [ownString(waiver, 'package'), ownString(waiver, 'expires')]
  return spec === undefined || expires === undefined ? [] : [earlierId(spec, expires)]
}

export const earlierId = (spec: string, expires: string): string => `${spec} ${expires}`

function parsed(line: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return isObject(value) ? value : undefined
  } catch {
    // The last line of a log that is being written is cut short.
    return undefined
  }
}
