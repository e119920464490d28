import { z } from 'zod'
import type { Problem } from '../domain/errors.ts'
import { problemsOf } from './problems.ts'
import { interval } from './values.ts'

/** The name of this mirror's storage in Verdaccio's `store:`, which makes `verdaccio-provenance/s3` of it. */
export const S3_STORE = 'provenance/s3'

const schema = z.strictObject({
  bucket: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/, 'is not the name of a bucket'),
  prefix: z.string().regex(/^[A-Za-z0-9!_.*'()/-]{0,200}$/, 'is not the beginning of a key').default(''),
  endpoint: z.string().refine((value) => /^https?:\/\//.test(value) && URL.canParse(value) && new URL(value).username === '', {
    message: 'is not an http or https address without credentials',
    params: { remedy: 'Write it as https://s3.example, or leave it out for AWS.' },
  }).optional(),
  region: z.string().min(1, 'is empty').optional(),
  forcePathStyle: z.boolean().optional(),
  profile: z.string().min(1, 'is empty').optional(),
  serverSideEncryption: z.enum(['AES256', 'aws:kms']).optional(),
  kmsKeyId: z.string().min(1, 'is empty').optional(),
  timeout: interval.default(5000),
  listAge: interval.default(1000),
})

/** Packages published here, in a bucket. */
export interface ConfiguredS3 {
  readonly bucket: string
  /** Empty, or with a slash at its end. */
  readonly prefix: string
  readonly endpoint: string | undefined
  readonly region: string | undefined
  readonly forcePathStyle: boolean
  readonly profile: string | undefined
  readonly encryption: { readonly kind: 'AES256' | 'aws:kms'; readonly keyId: string | undefined } | undefined
  /** Milliseconds */
  readonly timeout: number
  /** Milliseconds that the list of packages goes for without asking. */
  readonly listAge: number
}

/** What `store:` of Verdaccio's says; undefined where packages are elsewhere. */
export function configuredS3(store: unknown, { environment, keys, problems }: { readonly environment: Readonly<Record<string, string | undefined>>; readonly keys: number; readonly problems: Problem[] }): ConfiguredS3 | undefined {
  if (store === null || typeof store !== 'object') return undefined
  const place = `store["${S3_STORE}"]`
  const near = Object.keys(store).find((name) => name !== S3_STORE && /^(verdaccio-)?provenance/i.test(name))
  // Verdaccio would keep packages on this machine's disk, and say so in one line of its log.
  if (near !== undefined) problems.push({ path: `store["${near}"]`, message: 'is no storage of this mirror', remedy: `Did you mean ${S3_STORE}?` })
  if (!Object.hasOwn(store, S3_STORE)) return undefined
  if (Object.keys(store).length > 1) problems.push({ path: 'store', message: 'names two storages', remedy: 'Leave one of them out: Verdaccio takes whichever it finds first.' })
  const result = schema.safeParse((store as Record<string, unknown>)[S3_STORE] ?? {})
  if (!result.success) {
    problems.push(...problemsOf(result.error, place))
    return undefined
  }
  const { bucket, prefix, endpoint, serverSideEncryption: kind, kmsKeyId, profile, timeout, listAge, ...options } = result.data
  if (kmsKeyId !== undefined && kind !== 'aws:kms') problems.push({ path: `${place}.kmsKeyId`, message: 'is of no use without serverSideEncryption: aws:kms', remedy: 'Set serverSideEncryption: aws:kms.' })
  if (keys === 0) problems.push({ path: 'middlewares.provenance.shared.keys', message: 'has no key, and whoever can write to the bucket could publish packages', remedy: 'Give every mirror the same key. Make one with: openssl rand -base64 48' })
  const region = options.region ?? environment.AWS_REGION ?? environment.AWS_DEFAULT_REGION
  return {
    bucket,
    prefix: prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`,
    endpoint,
    // Services beside AWS take any, and sign with one.
    region: region ?? (endpoint === undefined ? undefined : 'us-east-1'),
    forcePathStyle: options.forcePathStyle ?? endpoint !== undefined,
    profile,
    encryption: kind && { kind, keyId: kmsKeyId },
    timeout,
    listAge,
  }
}
