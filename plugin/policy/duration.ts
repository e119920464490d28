import { Mistake } from './mistake.ts'

const UNITS: ReadonlyMap<string, number> = new Map([
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
  ['w', 604_800_000],
])
/** Longer is a slip of the pen, and far longer would leave the range of dates. */
const LONGEST = 3650 * 86_400_000

/**
 * Milliseconds of `30s`, `10m` (minutes), `12h`, `3d`, `2w`, or `0`.
 * @throws Mistake
 */
export function parseDuration(value: string | number): number {
  if (value === 0 || value === '0') return 0
  const [, digits, unit] = /^(\d{1,9})([a-z])$/.exec(String(value)) ?? []
  const size = UNITS.get(unit ?? '')
  if (digits === undefined || size === undefined)
    throw new Mistake(
      `"${value}" is not a duration`,
      'Write a whole number and a unit (s, m, h, d, w), such as 3d; 0 switches it off',
    )
  const milliseconds = Number(digits) * size
  if (milliseconds > LONGEST) throw new Mistake(`"${value}" is longer than ten years`, 'Write a shorter duration, such as 14d')
  return milliseconds
}

/**
 * Milliseconds of a duration, or one of the words that stand for one that never ends or never begins.
 * @throws Mistake
 */
export function parseWindow(value: string | number): number | 'forever' | 'allow' {
  if (value === 'forever' || value === 'allow') return value
  try {
    return parseDuration(value)
  } catch (error) {
    throw error instanceof Mistake ? new Mistake(error.message, 'Write a duration such as 30d, forever or allow') : error
  }
}
