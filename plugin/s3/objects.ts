import type { Readable } from 'node:stream'
import type * as Sdk from '@aws-sdk/client-s3'
import { Unavailable, messageOf } from '../domain/errors.ts'

export interface BucketOptions {
  readonly bucket: string
  /** Before every key; empty, or with a slash at its end. */
  readonly prefix: string
  readonly endpoint?: string | undefined
  readonly region?: string | undefined
  readonly forcePathStyle: boolean
  /** Of the AWS configuration files; default: the usual chain. */
  readonly profile?: string | undefined
  readonly encryption?: { readonly kind: 'AES256' | 'aws:kms'; readonly keyId?: string | undefined } | undefined
  /** Milliseconds that one attempt may take; a document gets three of them. */
  readonly timeout: number
  /** Default: the usual chain of AWS. */
  readonly credentials?: Sdk.S3ClientConfig['credentials']
}

interface ObjectHead {
  readonly etag: string
  readonly metadata: Readonly<Record<string, string>>
  readonly modified: Date | undefined
}

/** An object with what stands beside it. */
export interface StoredObject extends ObjectHead {
  readonly text: string
}

export interface OpenObject extends ObjectHead {
  readonly body: Readable
  readonly size: number | undefined
}

/** What must hold of an object when it is written: that there is none, or that it is still the one that was read. */
export type Condition = { readonly absent: true } | { readonly etag: string } | undefined

/** The bucket does not answer, or not in a way that decides anything: never taken for "there is none". */
export class BucketUnavailable extends Unavailable {
  /** For Verdaccio, whose routes answer with it. */
  readonly status = 503
  readonly statusCode = 503
  readonly code = 503
  constructor(message: string, options?: { cause?: unknown }) {
    super('internal-error', message, options)
  }
}

interface Library {
  readonly sdk: typeof Sdk
  readonly client: Sdk.S3Client
}

const ATTEMPTS = 3
/** Tarballs may take this many times longer. */
const LARGE = 12

/**
 * Objects under one prefix of a bucket. Absent is what the service says is not there (`NoSuchKey`); anything else that is no
 * answer, a missing bucket included, is unavailable.
 */
export class Bucket {
  readonly #options: BucketOptions
  #client: Promise<Library> | undefined
  /** `If-Match` without the quotes of RFC 9110, 8.8.3: Ceph's gateway before release 18 finds no ETag with them. */
  matchesBare = false

  constructor(options: BucketOptions) {
    this.#options = options
  }

  /** `unless`: the ETag of what the caller has already. */
  async get(key: string, unless?: string): Promise<StoredObject | 'absent' | 'unchanged'> {
    const answer = await this.#ask(`reading ${key}`, async ({ sdk, client }, signal) => {
      const output = await client.send(new sdk.GetObjectCommand({ ...this.#at(key), ...(unless === undefined ? {} : { IfNoneMatch: unless }) }), { abortSignal: signal })
      return { ...headOf(output), text: (await output.Body?.transformToString('utf8')) ?? '' }
    })
    if (answer === 'conflict') throw new BucketUnavailable(`the bucket answers 412 to reading ${key}`)
    return answer
  }

  async open(key: string): Promise<OpenObject | 'absent'> {
    const answer = await this.#ask(`opening ${key}`, async ({ sdk, client }, signal) => {
      const output = await client.send(new sdk.GetObjectCommand(this.#at(key)), { abortSignal: signal })
      if (output.Body === undefined) throw new BucketUnavailable(`the bucket sends nothing for ${key}`)
      return { ...headOf(output), body: output.Body as Readable, size: output.ContentLength }
    }, LARGE)
    if (answer === 'conflict' || answer === 'unchanged') throw new BucketUnavailable(`the bucket answers with a condition to opening ${key}`)
    return answer
  }

  /** The ETag of what was written; `conflict` where the condition does not hold. */
  async put(key: string, body: string | Uint8Array, { condition, metadata, contentType }: { readonly condition: Condition; readonly metadata?: Readonly<Record<string, string>>; readonly contentType: string }): Promise<{ readonly etag: string } | 'conflict'> {
    const { encryption } = this.#options
    const conditions = condition === undefined ? {} : 'absent' in condition ? { IfNoneMatch: '*' } : { IfMatch: this.matchesBare ? condition.etag.replaceAll('"', '') : condition.etag }
    const encrypted = encryption === undefined ? {} : { ServerSideEncryption: encryption.kind, ...(encryption.keyId === undefined ? {} : { SSEKMSKeyId: encryption.keyId }) }
    const answer = await this.#ask(`writing ${key}`, async ({ sdk, client }, signal) => {
      const output = await client.send(new sdk.PutObjectCommand({ ...this.#at(key), Body: body, ContentType: contentType, ...(metadata === undefined ? {} : { Metadata: { ...metadata } }), ...conditions, ...encrypted }), { abortSignal: signal })
      return { etag: output.ETag ?? '' }
    }, typeof body === 'string' ? 1 : LARGE)
    // What is to be replaced is gone (`NoSuchKey` to If-Match).
    if (answer === 'absent' || answer === 'unchanged') return 'conflict'
    return answer
  }

  /** Done as well where there was none. */
  async delete(key: string): Promise<void> {
    await this.#ask(`deleting ${key}`, async ({ sdk, client }, signal) => {
      await client.send(new sdk.DeleteObjectCommand(this.#at(key)), { abortSignal: signal })
      return undefined
    })
  }

  /** Keys that begin with this one, without the prefix. */
  async list(start: string): Promise<readonly string[]> {
    const keys: string[] = []
    let next: string | undefined
    do {
      const answer = await this.#ask(`listing ${start}`, async ({ sdk, client }, signal) =>
        client.send(new sdk.ListObjectsV2Command({ Bucket: this.#options.bucket, Prefix: this.#options.prefix + start, ...(next === undefined ? {} : { ContinuationToken: next }) }), { abortSignal: signal }))
      if (typeof answer === 'string') throw new BucketUnavailable(`the bucket cannot list ${start}`)
      keys.push(...(answer.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [Key.slice(this.#options.prefix.length)])))
      next = answer.IsTruncated === true ? answer.NextContinuationToken : undefined
    } while (next !== undefined)
    return keys
  }

  async close(): Promise<void> {
    await this.#client?.then(({ client }) => { client.destroy() }, () => undefined)
  }

  #at(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#options.bucket, Key: this.#options.prefix + key }
  }

  async #ask<Answer>(what: string, ask: (library: Library, signal: AbortSignal) => Promise<Answer>, patience = 1): Promise<Answer | 'absent' | 'unchanged' | 'conflict'> {
    try {
      return await ask(await this.#open(), AbortSignal.timeout(this.#options.timeout * ATTEMPTS * patience))
    } catch (error) {
      if (error instanceof Unavailable) throw error
      switch (meaningOf(error)) {
        case 'absent':
        case 'unchanged':
        case 'conflict':
          return meaningOf(error) as 'absent'
        case undefined:
          throw new BucketUnavailable(`${what} in the bucket ${this.#options.bucket} failed: ${described(error)}`, { cause: error })
      }
    }
  }

  /** The library is large, and most mirrors have no bucket. */
  #open(): Promise<Library> {
    this.#client ??= import('@aws-sdk/client-s3').then((sdk) => ({ sdk, client: new sdk.S3Client(clientOptions(this.#options)) }))
    return this.#client
  }
}

function clientOptions({ endpoint, region, forcePathStyle, profile, timeout, credentials }: BucketOptions): Sdk.S3ClientConfig {
  return {
    forcePathStyle,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(profile === undefined ? {} : { profile }),
    ...(credentials === undefined ? {} : { credentials }),
    maxAttempts: ATTEMPTS,
    // Trailing checksums are unknown to many services beside AWS; every body is authenticated anyway.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: timeout, requestTimeout: timeout, throwOnRequestTimeout: true, socketTimeout: timeout },
  }
}

const headOf = ({ ETag, Metadata, LastModified }: Sdk.GetObjectCommandOutput): ObjectHead => ({ etag: ETag ?? '', metadata: Metadata ?? {}, modified: LastModified })

/** Error codes of S3 (API reference, "Error responses"); a 404 for the bucket is none for the object. */
function meaningOf(error: unknown): 'absent' | 'unchanged' | 'conflict' | undefined {
  const { name, status } = { name: error instanceof Error ? error.name : '', status: statusOf(error) }
  if (status === 304) return 'unchanged'
  if (status === 412 || (status === 409 && name === 'ConditionalRequestConflict')) return 'conflict'
  return status === 404 && name === 'NoSuchKey' ? 'absent' : undefined
}

function statusOf(error: unknown): number | undefined {
  const metadata: unknown = error !== null && typeof error === 'object' && '$metadata' in error ? error.$metadata : undefined
  const status: unknown = metadata !== null && typeof metadata === 'object' && 'httpStatusCode' in metadata ? metadata.httpStatusCode : undefined
  return typeof status === 'number' ? status : undefined
}

/** Of a service that may say anything. */
function described(error: unknown): string {
  const status = statusOf(error)
  const text = `${error instanceof Error && error.name !== 'Error' ? `${error.name}: ` : ''}${messageOf(error)}`
  return `${status === undefined ? '' : `${String(status)} `}${text.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ').slice(0, 300)}`
}
