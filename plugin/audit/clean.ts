import type { DecisionRecord, EntryReason } from '../domain/decision.ts'
import { isObject, type Json, type JsonObject } from '../domain/json.ts'
import { withoutMail } from '../domain/mail.ts'
import { withoutUnseen } from '../domain/unseen.ts'

/** Names of packages have 214 characters at most, semantic versions 256; an upstream and a client may send longer ones. */
const NAME = 300
const TEXT = 500
const REASONS = 32
const MEMBERS = 64
const DEPTH = 4

/**
 * A record as it may be kept for years: parts of it are words of upstreams and clients. Bounded, on one line, without what a terminal
 * acts on or a database does not take (NUL, half a character), and without e-mail addresses.
 */
export function cleaned(record: DecisionRecord): DecisionRecord {
  const { address, client, user, token } = record.asker
  return {
    at: new Date(record.at).toISOString(),
    kind: record.kind,
    package: text(record.package, NAME),
    version: text(record.version, NAME),
    integrity: text(record.integrity, NAME),
    uplink: text(record.uplink, NAME),
    outcome: text(record.outcome, NAME),
    monitored: record.monitored,
    reasons: record.reasons.slice(0, REASONS).map(reasonOf),
    rule: masked(record.rule, NAME),
    policyRevision: text(record.policyRevision, NAME),
    waivers: record.waivers.slice(0, REASONS).map((id) => masked(id, TEXT)),
    evidence: record.evidence,
    asker: { address: text(address, 64), client: masked(client, 200), user: masked(user, NAME), token: text(token, NAME) },
    detail: record.detail === null ? null : objectOf(record.detail, DEPTH),
    times: record.times,
  }
}

const reasonOf = ({ code, message, detail }: EntryReason): EntryReason => ({
  code: text(code, NAME),
  message: masked(message, TEXT),
  ...(detail === undefined ? {} : { detail: objectOf(detail, DEPTH) }),
})

function text<Text extends string | null>(value: Text, limit: number): Text
function text(value: string | null, limit: number): string | null {
  return value === null ? null : withoutUnseen(value.slice(0, limit).toWellFormed())
}

/** Where people's words may stand. Names of packages are none: `@scope/name@1.0.0` is no address, and looks like one. */
function masked<Text extends string | null>(value: Text, limit: number): Text
function masked(value: string | null, limit: number): string | null {
  return value === null ? null : text(withoutMail(value.slice(0, limit)), limit)
}

function objectOf(object: JsonObject, depth: number): JsonObject {
  return Object.fromEntries(Object.entries(object).slice(0, MEMBERS).map(([key, value]) => [text(key, NAME), jsonOf(value ?? null, depth - 1)]))
}

function jsonOf(value: Json, depth: number): Json {
  if (typeof value === 'string') return masked(value, TEXT)
  if (typeof value !== 'object' || value === null) return value
  if (depth === 0) return '...'
  return isObject(value) ? objectOf(value, depth) : value.slice(0, MEMBERS).map((one) => jsonOf(one, depth - 1))
}
