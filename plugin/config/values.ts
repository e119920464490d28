import { isIP } from 'node:net'
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

export const httpUrl = z
  .string()
  .refine((value) => /^https?:\/\//.test(value) && URL.canParse(value), {
    message: 'is not an http or https address',
    params: { remedy: 'Write it as https://registry.example/.' },
  })
  // An address is a name here: of a registry, in the ledger, in logs and in answers to anybody.
  .refine((value) => {
    const url = URL.parse(value)
    return url === null || (url.username === '' && url.password === '')
  }, {
    message: 'has a user or a password in it, which would be shown with it',
    params: { remedy: "Take them out and name them in the uplink's `auth`." },
  })

/** An address, or a network in CIDR notation. */
export const network = z.string().refine(
  (value) => {
    const [address = '', prefix, ...rest] = value.split('/')
    const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
    return rest.length === 0 && bits > 0 && (prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits))
  },
  { message: 'is neither an address nor a network', params: { remedy: 'Write it as 10.1.2.3, 10.0.0.0/8 or fd00::/8; names of hosts are not looked up.' } },
)
