import { z } from 'zod'
import { dashboardSchema } from './dashboard.ts'
import { decisionsSchema, linesSchema } from './decisions.ts'
import { limitsSchema, shutdownSchema } from './limits.ts'
import { notificationsSchema } from './notifications.ts'
import { factsSchema, sharedSchema, storeSchema } from './shared.ts'
import { instancesSchema, sigstoreSchema } from './trust.ts'
import { httpUrl, interval, network, size } from './values.ts'

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
  trust: z.strictObject({ ...sigstoreSchema, instances: instancesSchema, offline: z.boolean().default(false) }).prefault({}),
  store: storeSchema,
  facts: factsSchema,
  shared: sharedSchema,
  cache: z
    .strictObject({ dir: z.string().default('./cache'), memory: size.prefault('256mb'), disk: size.prefault('20gb') })
    .prefault({}),
  keys: z.strictObject({ dir: z.string().min(1, 'names no directory').default('./keys') }).prefault({}),
  decisions: decisionsSchema,
  accessLog: linesSchema,
  dashboard: dashboardSchema,
  notifications: notificationsSchema,
  metrics: z
    .strictObject({
      enabled: z.boolean().default(true),
      access: z.array(z.string().min(1, 'names nobody')).default([]),
      allow: z.array(network).default(['127.0.0.0/8', '::1']),
    })
    .prefault({}),
  limits: limitsSchema,
  shutdown: shutdownSchema,
  tracing: z.strictObject({ propagate: z.boolean().default(false) }).prefault({}),
  import: z.strictObject({ keys: z.array(z.string().min(1, 'names no file')).default([]) }).prefault({}),
})

export type Section = z.output<typeof sectionSchema>
export type UplinkSection = Section['uplinks'] extends Record<string, infer Uplink> | undefined ? Uplink : never
