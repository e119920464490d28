/** The chart of growth: lines over two logarithmic scales, as SVG. A charting library would be larger than all of the benchmark. */
import type { Growth } from './section.ts'

const WIDTH = 760
const HEIGHT = 420
const LEFT = 70
const RIGHT = 210
const TOP = 40
const BOTTOM = 50
/** Okabe and Ito's: told apart by colour-blind readers too. */
const COLOURS = ['#000000', '#0072b2', '#56b4e9', '#d55e00', '#e69f00', '#009e73']

type Scale = (value: number) => number

const logarithmic = (from: number, to: number, start: number, end: number): Scale => (value) =>
  start + ((Math.log10(value) - Math.log10(from)) / (Math.log10(to) - Math.log10(from))) * (end - start)

/** Powers of ten around all values. */
function decades(values: readonly number[]): readonly number[] {
  const low = Math.floor(Math.log10(Math.min(...values)))
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))))
  return Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index))
}

/** What the chart says of itself. */
export interface ChartWords {
  readonly title: string
  readonly heading: string
  /** Of what is drawn along. */
  readonly along: string
}

const REQUESTS: ChartWords = {
  title: 'Requests a second by versions of the package',
  heading: 'Requests a second, abbreviated packument, warm, by versions of the package',
  along: 'versions',
}

/** @throws RangeError when there is nothing to draw */
export function chart(growth: readonly Growth[], words: ChartWords = REQUESTS): string {
  const drawn = growth.map(({ name, points }) => ({ name, points: points.filter(([, perSecond]) => perSecond > 0) })).filter(({ points }) => points.length > 0)
  const sizes = [...new Set(drawn.flatMap(({ points }) => points.map(([versions]) => versions)))].sort((a, b) => a - b)
  const ticks = decades(drawn.flatMap(({ points }) => points.map(([, perSecond]) => perSecond)))
  const [first, last] = [sizes[0], sizes.at(-1)]
  const [bottom, top] = [ticks[0], ticks.at(-1)]
  if (first === undefined || last === undefined || bottom === undefined || top === undefined) throw new RangeError('nothing to draw')
  const x = first === last ? () => LEFT : logarithmic(first, last, LEFT, WIDTH - RIGHT)
  const y = logarithmic(bottom, top, HEIGHT - BOTTOM, TOP)
  const labels = apart(drawn.map(({ points }) => y(points.at(-1)?.[1] ?? bottom)))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="13">`,
    `<title>${escaped(words.title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="${LEFT}" y="22" font-size="15">${escaped(words.heading)}</text>`,
    ...ticks.map((tick) => `<path d="M${LEFT} ${round(y(tick))}H${WIDTH - RIGHT}" stroke="#dddddd"/><text x="${LEFT - 8}" y="${round(y(tick) + 4)}" text-anchor="end">${tick.toLocaleString('en-US')}</text>`),
    ...sizes.map((size) => `<text x="${round(x(size))}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${size.toLocaleString('en-US')}</text>`),
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 10}" text-anchor="middle">${escaped(words.along)}</text>`,
    ...drawn.flatMap(({ name, points }, index) => {
      const colour = COLOURS[index % COLOURS.length] ?? '#000000'
      const line = points.map(([versions, perSecond], at) => `${at === 0 ? 'M' : 'L'}${round(x(versions))} ${round(y(perSecond))}`).join('')
      return [
        `<path d="${line}" fill="none" stroke="${colour}" stroke-width="2"/>`,
        ...points.map(([versions, perSecond]) => `<circle cx="${round(x(versions))}" cy="${round(y(perSecond))}" r="3" fill="${colour}"/>`),
        `<text x="${WIDTH - RIGHT + 10}" y="${round((labels[index] ?? 0) + 4)}" fill="${colour}">${escaped(name)}</text>`,
      ]
    }),
    '</svg>',
    '',
  ].join('\n')
}

const LINE = 16

/** Heights of labels: as near as may be to their lines, from top to bottom, without lying on one another. */
function apart(heights: readonly number[]): readonly number[] {
  const order = heights.map((height, index) => ({ height, index })).sort((a, b) => a.height - b.height)
  const placed = [...heights]
  let next = -Infinity
  for (const { height, index } of order) {
    const at = Math.max(height, next)
    placed[index] = at
    next = at + LINE
  }
  return placed
}

const round = (value: number): number => Math.round(value * 10) / 10
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
