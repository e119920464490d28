/** What nobody decides and time brings: waivers that end, trust material that gets old. */
import type { Notice } from '../domain/notification.ts'
import type { TrustAlarm } from '../domain/trust-alarms.ts'
import { clean } from './notice.ts'

const DAY = 86_400_000
/** Told at each of these, as the waiver comes nearer to its end. The first is when `policy lint` warns. */
const STAGES = [14, 3, 0] as const
/** What ended long ago was told, or was over when this was set up. */
const STALE_NEWS = 7 * DAY
/** The public-good instance signs its timestamp anew every few days. */
const OLD_TRUST = 7 * DAY

export interface EndingWaiver {
  readonly id: string
  readonly package: string
  readonly waives: readonly string[]
  readonly approvedBy: string
  readonly expires: Date
}

export function waiverNotices(waivers: readonly EndingWaiver[], now: Date): readonly Notice[] {
  return waivers.flatMap(({ id, package: spec, waives, approvedBy, expires }) => {
    const left = expires.getTime() - now.getTime()
    const stage = STAGES.findLast((days) => left <= days * DAY)
    if (stage === undefined || left < -STALE_NEWS) return []
    const says = left <= 0 ? 'has ended: what it excused is refused' : `ends in ${spanText(left)}`
    return [
      concern('waiver-expiring', ['waiver', id, stage], now, `the waiver for ${spec} (${waives.join(', ')}) ${says}; approved by ${approvedBy}`, {
        waiver: { id, package: clean(spec), waives: [...waives], expires: expires.toISOString() },
      }),
    ]
  })
}

export interface TrustState {
  /** What keeps the mirror from judging anything. */
  readonly problems: readonly string[]
  /** What keeps it from judging some packages. */
  readonly warnings?: readonly string[]
  /** When the material of each uplink was known to be current; undefined when its files do not say. */
  readonly asOf: ReadonlyMap<string, Date | undefined>
  /** Of named Sigstore instances likewise. */
  readonly instances?: ReadonlyMap<string, Date | undefined>
}

/** Told once a day while nothing can be judged, and once a week while material is old. */
export function trustNotices({ problems, warnings = [], asOf, instances = new Map() }: TrustState, now: Date): readonly Notice[] {
  const told = [
    ...[...asOf].map(([uplink, date]) => ({ what: `the uplink ${uplink}`, id: uplink, date, more: { uplink } })),
    ...[...instances].map(([instance, date]) => ({ what: `the Sigstore instance ${instance}`, id: `instance:${instance}`, date, more: { instance } })),
  ]
  const old = told.flatMap(({ what, id, date, more }) => {
    const age = date === undefined ? 0 : now.getTime() - date.getTime()
    if (date === undefined || age <= OLD_TRUST) return []
    const key = ['trust', id, date.toISOString(), Math.floor(age / OLD_TRUST)]
    return [concern('trust-stale', key, now, `trust material of ${what} is ${spanText(age)} old: it could not be refreshed`, { ...more, asOf: date.toISOString() })]
  })
  return [
    ...problems.map((problem) => concern('trust-stale', ['trust', problem, Math.floor(now.getTime() / DAY)], now, `nothing can be verified: ${problem}`, {})),
    ...warnings.map((warning) => concern('trust-stale', ['trust', warning, Math.floor(now.getTime() / DAY)], now, `some packages cannot be verified: ${warning}`, {})),
    ...old,
  ]
}

/** Told at each stage; what ended long ago was told, or was over when this was set up. */
export const trustEndNotices = (alarms: readonly TrustAlarm[], now: Date): readonly Notice[] =>
  alarms
    .filter(({ at }) => at.getTime() - now.getTime() > -STALE_NEWS)
    .map(({ of, kind, at, stage, text }) =>
      concern('trust-expiring', ['trust-end', of, kind, at.toISOString(), stage], now, text, { of, kind, expires: at.toISOString() }))

const concern = (event: Notice['event'], key: readonly unknown[], now: Date, text: string, more: Notice['more']): Notice => ({
  key: JSON.stringify(key),
  event,
  at: now.toISOString(),
  package: null,
  version: null,
  reasons: [],
  text: clean(text, 500),
  more,
})

function spanText(milliseconds: number): string {
  const days = Math.floor(milliseconds / DAY)
  if (days > 1) return `${String(days)} days`
  const hours = Math.max(1, Math.round(milliseconds / 3_600_000))
  return hours === 1 ? 'an hour' : `${String(hours)} hours`
}
