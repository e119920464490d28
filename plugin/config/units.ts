const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000, M: 2_592_000_000, y: 31_536_000_000 }

/**
 * Milliseconds of an interval as Verdaccio writes them: `2m`, `30s`, `1h 30m`, or a number of seconds. Undefined when it is
 * none.
 */
export function parseInterval(value: string | number): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value * 1000 : undefined
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000
  let total = 0
  for (const part of value.trim().split(/\s+/)) {
    const match = /^(\d+(?:\.\d+)?)(ms|[smhdwMy])$/.exec(part)
    const unit = UNITS[match?.[2] ?? '']
    if (match === null || unit === undefined) return undefined
    total += Number(match[1]) * unit
  }
  return total
}

const SIZES: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3, tb: 1024 ** 4 }

/** Bytes of `256mb`, `20gb` or a number. Undefined when it is no size. */
export function parseSize(value: string | number): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value > 0 ? value : undefined
  const match = /^(\d+(?:\.\d+)?)\s*(b|kb|mb|gb|tb)$/i.exec(value.trim())
  const unit = SIZES[match?.[2]?.toLowerCase() ?? '']
  return match === null || unit === undefined ? undefined : Number(match[1]) * unit
}
