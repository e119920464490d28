/**
 * S3 on loopback, by the API reference: objects with ETags and metadata, ListObjectsV2, conditional writes (If-None-Match, If-Match),
 * and signatures of every request checked (Signature Version 4, payload included). Its objects can be changed behind everybody's back.
 */
import { createHash, createHmac, hash, timingSafeEqual } from 'node:crypto'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface FakeObject {
  readonly body: Buffer
  readonly metadata: Readonly<Record<string, string>>
  readonly contentType: string
  readonly modified: Date
  readonly headers: Readonly<Record<string, string>>
}

export interface FakeS3Options {
  /** Of writes, kept by default. `bare`: an ETag is found without its quotes alone, as by Ceph before 18; the others leave some of it, or all, unheeded. */
  readonly conditions?: 'kept' | 'bare' | 'only-match' | 'only-none-match' | 'ignored'
}

export const ACCESS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secretsecretsecret' } as const
export const REGION = 'us-east-1'
export const BUCKET = 'packages'

export class FakeS3 {
  /** By key; change it to see what becomes of it. */
  readonly objects = new Map<string, FakeObject>()
  readonly requests: { readonly method: string; readonly key: string; readonly status: number }[] = []
  /** Called with every request before it is answered; what it returns is the status of an error, and `undefined` lets it pass. */
  fault: ((request: { readonly method: string; readonly key: string }) => number | undefined | Promise<number | undefined>) | undefined
  readonly #server: http.Server
  readonly #conditions: NonNullable<FakeS3Options['conditions']>
  url = ''

  private constructor({ conditions = 'kept' }: FakeS3Options) {
    this.#conditions = conditions
    this.#server = http.createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) => { response.destroy(error as Error) })
    })
  }

  static async start(options: FakeS3Options = {}): Promise<FakeS3> {
    const s3 = new FakeS3(options)
    await s3.listen()
    return s3
  }

  async listen(): Promise<void> {
    const port = this.url === '' ? 0 : Number(new URL(this.url).port)
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve))
    this.url = `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`
  }

  /** Nobody listens any more; `listen` begins anew, with the same objects at the same address. */
  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => this.#server.close(() => { resolve() }))
  }

  text(key: string): string {
    const object = this.objects.get(key)
    if (object === undefined) throw new RangeError(`no object ${key}`)
    return object.body.toString()
  }

  /** Writes as somebody would who has the bucket and not the key of the mirrors. */
  overwrite(key: string, body: string | Buffer, metadata = this.objects.get(key)?.metadata ?? {}): void {
    this.objects.set(key, { body: Buffer.from(body), metadata, contentType: 'application/json', modified: new Date(), headers: {} })
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const url = new URL(request.url ?? '/', 'http://localhost')
    const [bucket = '', ...parts] = url.pathname.slice(1).split('/')
    const key = decodeURIComponent(parts.join('/'))
    const method = request.method ?? 'GET'
    const status = await this.fault?.({ method, key })
    const answer = status !== undefined ? error(status, 'InternalError') : !isSigned(request, body) ? error(403, 'SignatureDoesNotMatch') : bucket !== BUCKET ? error(404, 'NoSuchBucket') : this.#answer(method, key, url, request, body)
    this.requests.push({ method, key, status: answer.status })
    response.writeHead(answer.status, answer.headers)
    response.end(method === 'HEAD' ? undefined : answer.body)
  }

  #answer(method: string, key: string, url: URL, request: IncomingMessage, body: Buffer): Answer {
    const found = this.objects.get(key)
    const { 'if-none-match': unless, 'if-match': only } = request.headers
    switch (method) {
      case 'GET':
        if (key === '') return this.#list(url)
        if (found === undefined) return error(404, 'NoSuchKey')
        if (unless !== undefined && unless === etagOf(found)) return { status: 304, headers: { ETag: etagOf(found) } }
        return { status: 200, headers: headersOf(found), body: found.body }
      case 'PUT': {
        const heeds = (condition: 'only-match' | 'only-none-match'): boolean => ['kept', 'bare', condition].includes(this.#conditions)
        if (heeds('only-none-match') && unless === '*' && found !== undefined) return error(412, 'PreconditionFailed')
        if (heeds('only-match') && only !== undefined) {
          if (found === undefined) return error(404, 'NoSuchKey')
          if (only !== (this.#conditions === 'bare' ? etagOf(found).replaceAll('"', '') : etagOf(found))) return error(412, 'PreconditionFailed')
        }
        const named = Object.entries(request.headers).flatMap(([name, value]) => (name.startsWith('x-amz-') && typeof value === 'string' ? [[name, value] as const] : []))
        const metadata = Object.fromEntries(named.flatMap(([name, value]) => (name.startsWith('x-amz-meta-') ? [[name.slice('x-amz-meta-'.length), value]] : [])))
        const object = { body, metadata, contentType: request.headers['content-type'] ?? '', modified: new Date(), headers: Object.fromEntries(named) }
        this.objects.set(key, object)
        return { status: 200, headers: { ETag: etagOf(object) } }
      }
      case 'DELETE':
        this.objects.delete(key)
        return { status: 204, headers: {} }
      default:
        return error(405, 'MethodNotAllowed')
    }
  }

  /** Two keys a page, so that whoever lists has to ask again. */
  #list(url: URL): Answer {
    const prefix = url.searchParams.get('prefix') ?? ''
    const after = url.searchParams.get('continuation-token') ?? ''
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > after).toSorted()
    const page = keys.slice(0, 2)
    const more = keys.length > page.length ? `<IsTruncated>true</IsTruncated><NextContinuationToken>${escaped(page.at(-1) ?? '')}</NextContinuationToken>` : '<IsTruncated>false</IsTruncated>'
    const contents = page.map((key) => `<Contents><Key>${escaped(key)}</Key></Contents>`).join('')
    return { status: 200, headers: { 'content-type': 'application/xml' }, body: `<?xml version="1.0"?><ListBucketResult><Name>${BUCKET}</Name>${contents}${more}</ListBucketResult>` }
  }
}

interface Answer {
  readonly status: number
  readonly headers: http.OutgoingHttpHeaders
  readonly body?: Buffer | string
}

const error = (status: number, code: string): Answer => ({ status, headers: { 'content-type': 'application/xml' }, body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>` })

const etagOf = ({ body }: Pick<FakeObject, 'body'>): string => `"${hash('md5', body)}"`

const headersOf = (object: FakeObject): http.OutgoingHttpHeaders => ({
  ETag: etagOf(object),
  'Last-Modified': object.modified.toUTCString(),
  'Content-Type': object.contentType,
  'Content-Length': object.body.length,
  ...Object.fromEntries(Object.entries(object.metadata).map(([name, value]) => [`x-amz-meta-${name}`, value])),
})

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

/** "Create a signed AWS API request": canonical request, string to sign, derived key. */
function isSigned(request: IncomingMessage, body: Buffer): boolean {
  const match = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(request.headers.authorization ?? '')
  if (match === null) return false
  const [, id, date = '', region = '', names = '', signature = ''] = match
  const payload = header(request, 'x-amz-content-sha256')
  if (id !== ACCESS.accessKeyId || region !== REGION || payload !== createHash('sha256').update(body).digest('hex')) return false
  const url = new URL(request.url ?? '/', 'http://localhost')
  const query = [...url.searchParams].map(([name, value]) => `${encode(name)}=${encode(value)}`).toSorted().join('&')
  const signed = names.split(';')
  const canonical = [request.method, url.pathname, query, ...signed.map((name) => `${name}:${header(request, name)}`), '', names, payload].join('\n')
  const scope = `${date}/${region}/s3/aws4_request`
  const text = ['AWS4-HMAC-SHA256', header(request, 'x-amz-date'), scope, hash('sha256', canonical)].join('\n')
  const key = [date, region, 's3', 'aws4_request'].reduce<string | Buffer>((before, part) => createHmac('sha256', before).update(part).digest(), `AWS4${ACCESS.secretAccessKey}`)
  return signed.includes('host') && timingSafeEqual(createHmac('sha256', key).update(text).digest(), Buffer.from(signature, 'hex'))
}

const header = ({ headers }: IncomingMessage, name: string): string => String(headers[name] ?? '').trim().replace(/ +/g, ' ')
const encode = (text: string): string => encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
