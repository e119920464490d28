export function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b)
  const middle = sorted.length >> 1
  if (sorted.length === 0) return NaN
  return sorted.length % 2 === 1 ? (sorted[middle] ?? NaN) : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2
}

/** The median of ratios within each round: what drifts between rounds is in both. */
export const pairedRatio = (values: readonly number[], bases: readonly number[]): number =>
  median(values.map((value, round) => value / (bases[round] ?? NaN)))

/** Three digits that mean something, two of what is less than a tenth, with thousands in groups; whole numbers as they are; a dash for what was not measured. */
export function figure(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '–'
  if (!Number.isFinite(value)) return '∞'
  if (Number.isInteger(value)) return value.toLocaleString('en-US')
  const magnitude = Math.floor(Math.log10(Math.abs(value)))
  const digits = Math.min(6, Math.max(0, (magnitude < -1 ? 1 : 2) - magnitude))
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}
