import { z } from 'zod'
import { parseInterval, parseSize } from './units.ts'

/** Milliseconds */
export const interval = z.union([z.string(), z.number()]).transform((value, context) => {
  const milliseconds = parseInterval(value)
  if (milliseconds !== undefined) return milliseconds
  context.addIssue({ code: 'custom', message: `"${String(value)}" is not an interval`, params: { remedy: 'Write it as 30s, 2m, 1h or 7d.' } })
  return z.NEVER
})

/** Bytes */
export const size = z.union([z.string(), z.number()]).transform((value, context) => {
  const bytes = parseSize(value)
  if (bytes !== undefined) return bytes
  context.addIssue({ code: 'custom', message: `"${String(value)}" is not a size`, params: { remedy: 'Write it as 256mb or 20gb.' } })
  return z.NEVER
})
