import { z } from 'zod'
import { parseInterval } from './units.ts'
import { interval, network } from './values.ts'

/** So many requests in so many milliseconds; undefined: not limited. */
export type ConfiguredRate = { readonly requests: number; readonly milliseconds: number } | undefined

const DAY = 86_400_000

/** `300/5m`, or `off`. */
const rate = z.union([z.string(), z.literal(false)]).transform((value, context): ConfiguredRate => {
  if (value === false || value === 'off') return undefined
  const [, requests = '', time = ''] = /^\s*(\d{1,9})\s*\/\s*(.+?)\s*$/.exec(value) ?? []
  const milliseconds = parseInterval(time)
  if (Number(requests) > 0 && milliseconds !== undefined && milliseconds >= 1000 && milliseconds <= DAY) return { requests: Number(requests), milliseconds }
  context.addIssue({ code: 'custom', message: `"${value}" is not a rate`, params: { remedy: 'Write it as 300/5m (requests in a time from 1s to 1d), or off.' } })
  return z.NEVER
})

const connections = z.union([z.number().int().min(1), z.literal('off'), z.literal(false)]).transform((value) => (typeof value === 'number' ? value : undefined))

/** `middlewares.provenance.limits`: what one client may have. The figures are from measurements: docs/limits.md. */
export const limitsSchema = z
  .strictObject({
    enabled: z.boolean().default(true),
    /** Addresses and networks that are not limited. */
    allow: z.array(network).default(['127.0.0.0/8', '::1']),
    connections: connections.prefault(5000),
    uplink: rate.prefault('30000/5m'),
    publish: rate.prefault('3000/5m'),
    login: rate.prefault('600/5m'),
    passwords: rate.prefault('100/5m'),
    query: rate.prefault('10000/5m'),
    check: rate.prefault('300/5m'),
    api: rate.prefault('6000/5m'),
  })
  .prefault({})

export type ConfiguredLimits = z.output<typeof limitsSchema>

/** `middlewares.provenance.shutdown`: how a mirror ends, in milliseconds. */
export const shutdownSchema = z
  .strictObject({
    /** How long it says that it is not ready, and still answers whoever comes. */
    drain: interval.prefault('5s'),
    /** How long answers under way may take after that. */
    finish: interval.prefault('30s'),
  })
  .prefault({})

export type ConfiguredShutdown = z.output<typeof shutdownSchema>
