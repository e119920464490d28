/** Whether a measure goes on growing: what is said of the second half of a run. */
import { median } from '../statistics.ts'

export interface Growth {
  /** Median of the tenth of the samples in the middle, and of the last tenth. */
  readonly middle: number
  readonly last: number
  /** (last - middle) / middle */
  readonly share: number
  /** Of the line of least squares through the second half, for the whole length of that half. */
  readonly trend: number
}

/** `samples` at even distances. NaN everywhere when there are fewer than twenty. */
export function growthOf(samples: readonly number[]): Growth {
  const tenth = Math.floor(samples.length / 10)
  const half = Math.floor(samples.length / 2)
  if (tenth < 2) return { middle: NaN, last: NaN, share: NaN, trend: NaN }
  const middle = median(samples.slice(half, half + tenth))
  const last = median(samples.slice(-tenth))
  const second = samples.slice(half)
  return { middle, last, share: (last - middle) / middle, trend: slopeOf(second) * (second.length - 1) }
}

function slopeOf(values: readonly number[]): number {
  const meanX = (values.length - 1) / 2
  const meanY = values.reduce((sum, value) => sum + value, 0) / values.length
  const products = values.reduce((sum, value, x) => sum + (x - meanX) * (value - meanY), 0)
  const squares = values.reduce((sum, _value, x) => sum + (x - meanX) ** 2, 0)
  return products / squares
}
