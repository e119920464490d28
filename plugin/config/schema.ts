import { z } from 'zod'
import { parseInterval, parseSize } from './units.ts'

const interval = z.union([z.string(), z.number()]).transform((value, context) => {
  const milliseconds = parseInterval(value)
  if (milliseconds !== undefined) return milliseconds
  context.addIssue({ code: 'custom', message: `"${String(value)}" is not an interval`, params: { remedy: 'Write it as 30s, 2m, 1h or 7d.' } })
  return z.NEVER
})

const size = z.union([z.string(), z.number()]).transform((value, context) => {
  const bytes = parseSize(value)
  if (bytes !== undefined) return bytes
  context.addIssue({ code: 'custom', message: `"${String(value)}" is not a size`, params: { remedy: 'Write it as 256mb or 20gb.' } })
  return z.NEVER
})

const httpUrl = z
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

/** Where clients reach this mirror: a host that `http/host.ts` takes, and nothing that a tarball address cannot begin with. */
const publicAddress = z.string().refine(
  (value) => {
    const url = /^https?:\/\//.test(value) ? URL.parse(value) : null
    return url !== null && /^[a-z0-9.:[\]-]+$/.test(url.host) && `${url.origin}${url.pathname}` === url.href
  },
  { message: 'is not an address that clients can use', params: { remedy: 'Write it as https://npm.example.com or https://npm.example.com/path.' } },
)

const host = z.string().regex(/^[A-Za-z0-9.-]+(:\d+)?$/, 'is not a host name')

const uplinkTrust = z.strictObject({
  registry: httpUrl.optional(),
  registryKeys: z.string().optional(),
  attestations: z.union([z.enum(['announced', 'probe', 'none']), httpUrl]).default('announced'),
  signs: z.literal(['auto', true]).default('auto'),
})

/** Verdaccio's uplink options, and what this mirror adds to them. */
const uplink = z.strictObject({
  url: httpUrl,
  timeout: interval.optional(),
  maxage: interval.optional(),
  max_fails: z.number().int().min(0).optional(),
  fail_timeout: interval.optional(),
  cache: z.literal(true, 'must be true or absent: tarballs are served from verified files').optional(),
  auth: z
    .strictObject({
      type: z.enum(['bearer', 'basic']),
      token: z.string().optional(),
      token_env: z.union([z.boolean(), z.string()]).optional(),
      token_file: z.string().min(1, 'names no file').optional(),
    })
    .optional(),
  headers: z.record(z.string(), z.string()).optional(),
  strict_ssl: z.boolean().optional(),
  ca: z.string().optional(),
  http_proxy: z.string().optional(),
  https_proxy: z.string().optional(),
  no_proxy: z.union([z.string(), z.array(z.string())]).optional(),
  agent_options: z
    .strictObject({
      keepAlive: z.boolean().optional(),
      maxSockets: z.number().int().min(1).optional(),
      maxFreeSockets: z.number().int().min(0).optional(),
      keepAliveMsecs: z.number().optional(),
    })
    .optional(),
  staleFor: interval.optional(),
  maxStale: interval.optional(),
  tarballHosts: z.array(host).default([]),
  rate: z.number().positive().optional(),
  offline: z.boolean().optional(),
  trust: uplinkTrust.prefault({}),
})

/** `middlewares.provenance`, before files are read and defaults that need the rest of Verdaccio's configuration are filled in. */
export const sectionSchema = z.strictObject({
  enabled: z.literal(true, 'must be true or absent: to switch the mirror off, remove the section').optional(),
  policy: z.union([z.string(), z.record(z.string(), z.unknown())]).optional(),
  publicUrl: z.union([publicAddress, z.array(publicAddress)]).optional(),
  uplinks: z.record(z.string(), uplink).optional(),
  packages: z.record(z.string(), z.array(z.string())).optional(),
  local: z.array(z.string()).default([]),
  trust: z
    .strictObject({
      trustedRoot: z.string().optional(),
      tuf: z.strictObject({ mirror: httpUrl, root: z.string() }).optional(),
      offline: z.boolean().default(false),
    })
    .prefault({}),
  store: z
    .string()
    .regex(/^sqlite:.+/, 'is not a store this version knows (sqlite:FILE)')
    .default('sqlite:./provenance.db'),
  cache: z
    .strictObject({ dir: z.string().default('./cache'), memory: size.prefault('256mb'), disk: size.prefault('20gb') })
    .prefault({}),
  keys: z.strictObject({ dir: z.string().min(1, 'names no directory').default('./keys') }).prefault({}),
  import: z.strictObject({ keys: z.array(z.string().min(1, 'names no file')).default([]) }).prefault({}),
})

export type Section = z.output<typeof sectionSchema>
export type UplinkSection = Section['uplinks'] extends Record<string, infer Uplink> | undefined ? Uplink : never
