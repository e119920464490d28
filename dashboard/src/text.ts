/** How values are shown. What upstreams, users and files wrote is text and nothing more. */
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu
const LONGEST = 2_000

/** Nothing that hides, or turns the direction of what stands beside it: `a\u202eb` is shown as `a[U+202E]b`. */
export const shown = (value: unknown): string => {
  const text = plain(value)
  const short = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
  return short.replace(UNSEEN, (one) => `[U+${(one.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`)
}

/** An address a browser may be sent to; undefined for every other, `javascript:` among them. */
export function safeHref(text: string | null | undefined): string | undefined {
  if (text === null || text === undefined || !URL.canParse(text)) return undefined
  const { protocol, href, username, password } = new URL(text)
  return protocol === 'https:' && username === '' && password === '' ? href : undefined
}

function plain(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return value === null || value === undefined ? '' : JSON.stringify(value)
}

const number = new Intl.NumberFormat('en')
export const count = (value: number): string => number.format(value)
export const plural = (value: number, one: string, many = `${one}s`): string => `${count(value)} ${value === 1 ? one : many}`
/** Never 100 % where one is missing, never 0 % where there is one. */
export function percent(part: number, whole: number): string {
  if (whole === 0) return '–'
  const value = (100 * part) / whole
  if (part > 0 && value < 1) return '<1 %'
  if (part < whole && value > 99) return '>99 %'
  return `${String(Math.round(value))} %`
}

const moments = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium' })
const days = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short' })
/** In the reader's time zone, `2026-01-31 14:05:09`; what is no date is shown as it is. */
export const moment = (iso: string | null | undefined): string => dated(iso, moments)
export const day = (iso: string | null | undefined): string => dated(iso, days)

const dated = (iso: string | null | undefined, format: Intl.DateTimeFormat): string => {
  if (iso === null || iso === undefined) return ''
  const date = new Date(iso)
  return Number.isNaN(date.getTime()) ? shown(iso) : format.format(date)
}

const UNITS = [['day', 86_400], ['hour', 3_600], ['minute', 60], ['second', 1]] as const
/** The two largest units: `3 days 4 hours`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const first = UNITS.findIndex(([, size]) => whole >= size)
  if (first === -1) return '0 seconds'
  const parts = UNITS.slice(first, first + 2).map(([unit, size], index) => {
    const value = index === 0 ? Math.floor(whole / size) : Math.floor((whole % (UNITS[first]?.[1] ?? 1)) / size)
    return value === 0 ? '' : plural(value, unit)
  })
  return parts.filter((part) => part !== '').join(' ')
}

/** `5 minutes ago`, `in 2 days`. */
export function relative(iso: string | null | undefined, now = Date.now()): string {
  const time = new Date(iso ?? NaN).getTime()
  if (Number.isNaN(time)) return ''
  const seconds = Math.abs(now - time) / 1000
  if (seconds < 5) return 'just now'
  const [unit, size] = UNITS.find(([, length]) => seconds >= 2 * length) ?? ['second', 1]
  const one = plural(Math.round(seconds / size), unit)
  return now >= time ? `${one} ago` : `in ${one}`
}
