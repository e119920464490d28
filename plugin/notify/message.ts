import type { JsonObject } from '../domain/json.ts'
import type { Gathered, Notice } from '../domain/notification.ts'

export interface MessageContext {
  readonly id: string
  readonly at: Date
  /** This mirror's public address, without a slash at the end; undefined where it has none that others could follow. */
  readonly base: string | undefined
}

/** So many notices are shown in a message; all are counted. */
export const SHOWN = { generic: 50, slack: 10 } as const

/** The body of a `generic` message. */
export function genericBody(gathered: Gathered, { id, at, base }: MessageContext, type: 'provenance.notice' | 'provenance.test' = 'provenance.notice'): string {
  const { counts, notices } = gathered
  return JSON.stringify({
    id,
    type,
    at: at.toISOString(),
    mirror: base ?? null,
    counts,
    entries: notices.map((notice) => entryOf(notice, base)),
    more: moreOf(gathered),
    dashboard: base === undefined ? null : `${base}/-/provenance/`,
  })
}

const entryOf = ({ key: _key, event, at, package: name, version, reasons, text, more }: Notice, base: string | undefined): JsonObject => ({
  event,
  at,
  package: name,
  version,
  text,
  reasons: reasons.map(({ code, message }) => ({ code, message })),
  ...more,
  url: explainedAt({ package: name, version }, base) ?? null,
})

/** How many are counted and not shown. */
export const moreOf = ({ counts, notices }: Gathered): number => Object.values(counts).reduce((sum, one) => sum + one, 0) - notices.length

/** Where a version is explained; of names that an upstream chose, so that none ends the address it stands in. */
export function explainedAt({ package: name, version }: Pick<Notice, 'package' | 'version'>, base: string | undefined): string | undefined {
  if (base === undefined || name === null) return undefined
  const path = [name, ...(version === null ? [] : [version])].map((part) => encodeURIComponent(part).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`))
  return `${base}/-/provenance/v1/packages/${path.join('/')}`
}
