import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Request, Response } from 'express'
import { LRUCache } from 'lru-cache'
import type { Policy } from '../domain/ports.ts'
import type { Work } from '../domain/work.ts'
import type { Listing } from '../pipeline/listing.ts'
import type { Judgement, ServedTarball } from '../pipeline/judgement.ts'
import type { Pipeline } from '../pipeline/pipeline.ts'
import { packageOf, userOf, type VerdaccioAuth } from './access.ts'
import { anonymousAccess, type AnonymousAccess } from './anonymous-access.ts'
import { askerOf, TRUSTS_NONE, type TrustsProxy } from './asker.ts'
import { refusalOfOthers } from './expected-integrity.ts'
import { publicBase, type PublicAddresses } from './host.ts'
import { Recent } from './recent.ts'
import { POLICY_REVISION } from './refusal.ts'
import { isFresh, VARY, type Body, type Encoding } from './respond.ts'
import { attributesOf, type Observation } from './observed.ts'
import { addressed, type Addressed } from './route-class.ts'
import { policyWarning, sendAtOnce, sendTarball, wantsWhole, wholeHeaders } from './tarballs.ts'

/** An answer that lies ready. */
export interface ReadyAnswer {
  readonly body: Body
  readonly lastModified: Date | undefined
  readonly cacheControl: string
  readonly notice: string | undefined
}

/** What an address is of: a document made of the listing of a package, or a tarball. */
export type Asked =
  | { readonly kind: 'document'; readonly name: string; readonly ready: (listing: Listing, form: Form, base: string) => ReadyAnswer | undefined }
  | { readonly kind: 'tarball'; readonly name: string; readonly fileName: string }

type Form = 'full' | 'abbreviated'

interface Address {
  readonly asked: Asked
  /** As auth plugins are asked for it. */
  readonly package: ReturnType<typeof packageOf>
  readonly base: string
  /** What Verdaccio says on every answer, names and values in turn. */
  readonly common: readonly string[]
  readonly addressed: Addressed
}

interface Ending {
  readonly instead: () => void
  readonly noted: ((length: number) => void) | undefined
}

interface Last {
  readonly accept: string | undefined
  readonly acceptEncoding: string | undefined
  readonly variant: Variant
}

/** Final headers and bytes. */
interface Variant {
  readonly etag: string
  readonly lastModified: Date | undefined
  readonly bytes: Buffer
  readonly found: string[]
  readonly notModified: string[]
}

export interface WarmDeps {
  readonly pipeline: Pick<Pipeline, 'readyListing' | 'readyTarball' | 'delivered'>
  readonly policy: () => Policy
  readonly addresses: PublicAddresses
  /** Names that may be published here although an uplink serves them. */
  readonly mayShadow: (name: string) => boolean
  readonly work: Work
  readonly observation?: Observation | undefined
}

/** So many addresses of packages are known at one time; each is a few hundred bytes. */
const MAX_ADDRESSES = 50_000
/** Clients send one of a few dozen headers. */
const MAX_HEADERS = 64
const MAX_HOSTS = 16
/** Addresses of documents made of one listing: its packument's, and those of versions. */
const MAX_DOCUMENTS = 64
/** What makes a request another one than the anonymous question that an answer was given to. */
const PERSONAL = ['authorization', 'cookie', 'via', 'origin', 'content-length', 'transfer-encoding'] as const

/**
 * Answers before anything else looks at a request: what anonymous clients were answered a moment ago, as long as the long way would
 * answer the same without asking, reading or judging anything. An address gets here by an answer of the long way only, so nobody can
 * fill this with addresses that are none, and what is negotiated was negotiated there.
 */
export class WarmAnswers {
  readonly #deps: WarmDeps
  readonly #addresses = new LRUCache<string, Address>({ max: MAX_ADDRESSES })
  /**
   * By the listing they were made of, and gone with it: addresses are remembered for long, and would otherwise hold the bytes of every
   * package that was ever asked for.
   */
  readonly #variants = new WeakMap<Listing, Recent<Address, Map<string, Variant>>>()
  readonly #heads = new WeakMap<Judgement, { readonly address: Address; readonly headers: string[] }>()
  /** What was found right in this turn of the event loop is right to its end. */
  readonly #inTurn = new Map<Address, Last>()
  readonly #tarballsInTurn = new Map<Address, { readonly policy: Policy; readonly ready: ServedTarball }>()
  readonly #bases = new Recent<string, string>(MAX_HOSTS)
  /** Nearly all requests are for one. */
  #lastBase: { readonly host: string; readonly isEncrypted: boolean; readonly base: string } | undefined
  readonly #forms = new Recent<string, Form>(MAX_HEADERS)
  readonly #encodings = new Recent<string, Encoding>(MAX_HEADERS)
  #access: AnonymousAccess | undefined
  #trusts = TRUSTS_NONE

  constructor(deps: WarmDeps) {
    this.#deps = deps
  }

  /** Until Verdaccio has said who may read what, nothing is answered. */
  open(auth: VerdaccioAuth, trusts: TrustsProxy = TRUSTS_NONE): void {
    this.#access = anonymousAccess(auth)
    this.#trusts = trusts
  }

  /**
   * Takes note of an answer that the long way is about to give. Not of what depends on who asks, or on anything else than the address
   * and what is negotiated; nor of names that may be published here at any time.
   */
  note(request: Request, response: Response, asked: Asked, negotiated: { readonly form: Form; readonly encoding: Encoding }): void {
    const { originalUrl, headers } = request
    const base = publicBase(request, this.#deps.addresses)
    const isPlain = !originalUrl.includes('?') && ['GET', 'HEAD'].includes(request.method) && PERSONAL.every((header) => headers[header] === undefined)
    if (base === undefined || !isPlain || this.#deps.mayShadow(asked.name)) return
    if (this.#access?.remember(userOf(request)) !== true) return
    this.#forms.set(keyOf(headers.accept), negotiated.form)
    this.#encodings.set(keyOf(headers['accept-encoding']), negotiated.encoding)
    if (!this.#addresses.has(base + originalUrl)) this.#addresses.set(base + originalUrl, { asked, package: packageOf(request.params), base, common: commonHeaders(response), addressed: addressed('GET', originalUrl) })
  }

  /** Something was published here, or is about to be: a name may be another's now. */
  forget(): void {
    this.#addresses.clear()
  }

  /**
   * Answers the request, unless the long way has to. A tarball that was touched on disk since is asked for the long way: `instead` is
   * then called. Never throws.
   * @returns bytes of what the answer is of; undefined when there was none
   */
  answer(request: IncomingMessage, response: ServerResponse, instead: () => void): number | undefined {
    const { method, headers } = request
    if (method !== 'GET' && method !== 'HEAD') return undefined
    const base = this.#base(request)
    const address = base === undefined ? undefined : this.#addresses.get(base + (request.url ?? ''))
    if (address === undefined) return undefined
    for (const header of PERSONAL) if (headers[header] !== undefined) return undefined
    try {
      const { asked } = address
      const noted = this.#noting(request, response, address)
      if (asked.kind === 'tarball') return this.#mayBeRead(address) ? this.#tarball(request, response, address, asked, { instead, noted }) : undefined
      const length = this.#document(request, response, address, asked)
      if (length !== undefined) noted?.(length)
      return length
    } catch {
      // Whatever fails here is for the long way to say.
      return undefined
    }
  }

  /** What is to be called once when the answer was handed over, with the bytes of what it is of. */
  #noting(request: IncomingMessage, response: ServerResponse, { addressed: asked }: Address): ((length: number) => void) | undefined {
    const { observation } = this.#deps
    if (observation === undefined) return undefined
    const began = performance.now()
    const span = observation.tracing.request(request.headers, { name: `${request.method ?? ''} ${asked.route}`, attributes: () => attributesOf(request, asked, true) })
    return (length) => {
      const { statusCode } = response
      const bytes = request.method === 'HEAD' || statusCode === 304 ? 0 : statusCode === 200 ? length : undefined
      observation.requests.of[asked.route].warm.note(statusCode, (performance.now() - began) / 1000, bytes)
      span.end(statusCode)
    }
  }

  #document(request: IncomingMessage, response: ServerResponse, address: Address, asked: Extract<Asked, { kind: 'document' }>): number | undefined {
    const { headers, method } = request
    const { accept, 'accept-encoding': acceptEncoding } = headers
    const last = this.#inTurn.get(address)
    const isSame = last !== undefined && last.accept === accept && last.acceptEncoding === acceptEncoding
    const variant = isSame ? last.variant : this.#variant(address, asked, accept, acceptEncoding)
    if (variant === undefined) return undefined
    if (!isSame) this.#keepInTurn(this.#inTurn, address, { accept, acceptEncoding, variant })
    const isKnown = isFresh(request, variant.etag, variant.lastModified)
    this.#deps.work.warm++
    // In the plugin form Verdaccio's compression stands behind this, and would send something else under this ETag.
    headers['accept-encoding'] = 'identity'
    response.writeHead(isKnown ? 304 : 200, isKnown ? variant.notModified : variant.found)
    response.end(isKnown || method === 'HEAD' ? undefined : variant.bytes)
    return variant.bytes.length
  }

  #variant(address: Address, asked: Extract<Asked, { kind: 'document' }>, accept: string | undefined, acceptEncoding: string | undefined): Variant | undefined {
    if (!this.#mayBeRead(address)) return undefined
    const form = this.#forms.get(keyOf(accept))
    const encoding = this.#encodings.get(keyOf(acceptEncoding))
    if (form === undefined || encoding === undefined) return undefined
    const listing = this.#deps.pipeline.readyListing(asked.name, this.#deps.policy())
    return listing && this.#variantOf(address, asked, listing, form, encoding)
  }

  /** By everybody. */
  #mayBeRead({ package: asked }: Address): boolean {
    return this.#access?.isGranted(asked) === true
  }

  #variantOf(address: Address, asked: Extract<Asked, { kind: 'document' }>, listing: Listing, form: Form, encoding: Encoding): Variant | undefined {
    const key = `${form} ${encoding}`
    const addresses = this.#variants.get(listing)
    const variants = addresses?.get(address)
    const known = variants?.get(key)
    if (known !== undefined) return known
    const variant = variantOf(address, asked, listing, form, encoding)
    if (variant === undefined) return undefined
    if (addresses === undefined) this.#variants.set(listing, new Recent<Address, Map<string, Variant>>(MAX_DOCUMENTS).set(address, new Map([[key, variant]])))
    else if (variants === undefined) addresses.set(address, new Map([[key, variant]]))
    else variants.set(key, variant)
    return variant
  }

  #keepInTurn<Found>(found: Map<Address, Found>, address: Address, last: Found): void {
    if (found.size === 0) setImmediate(() => { found.clear() })
    found.set(address, last)
  }

  #tarball(request: IncomingMessage, response: ServerResponse, address: Address, { name, fileName }: Extract<Asked, { kind: 'tarball' }>, { instead, noted }: Ending): number | undefined {
    const policy = this.#deps.policy()
    const { common } = address
    const refuses = refusalOfOthers(request)
    const last = this.#tarballsInTurn.get(address)
    const isSame = last?.policy === policy && refuses === undefined
    const requested = { asker: askerOf(request, this.#trusts), refuses }
    const ready = isSame ? last.ready : this.#deps.pipeline.readyTarball(name, fileName, policy, requested)
    if (ready === undefined) return undefined
    if (isSame) this.#deps.pipeline.delivered(ready, requested)
    else this.#keepInTurn(this.#tarballsInTurn, address, { policy, ready })
    if (wantsWhole(request) && !response.closed && sendAtOnce(response, ready.tarball, this.#headOf(address, ready, policy))) {
      this.#deps.work.warm++
      noted?.(ready.tarball.size)
      return ready.tarball.size
    }
    this.#deps.work.warm++
    for (let index = 0; index < common.length; index += 2) response.setHeader(common[index] ?? '', common[index + 1] ?? '')
    response.setHeader(POLICY_REVISION, policy.revision)
    sendTarball(request, response, { tarball: ready.tarball, warning: policyWarning(ready.judgement.verdict) }).then(
      () => noted?.(ready.tarball.size),
      () => {
        if (response.headersSent) response.destroy()
        else instead()
      },
    )
    return ready.tarball.size
  }

  /** Of the whole tarball. A judgement is of one tarball and by one policy, and most are asked for under one address. */
  #headOf(address: Address, { judgement, tarball }: ServedTarball, { revision }: Policy): string[] {
    const known = this.#heads.get(judgement)
    if (known?.address === address) return known.headers
    const headers = wholeHeaders(tarball, address.common, { [POLICY_REVISION]: revision, 'npm-policy-warning': policyWarning(judgement.verdict) })
    this.#heads.set(judgement, { address, headers })
    return headers
  }

  /** The public URL of the Host header; parsed once for each that is one of this mirror's. */
  #base(request: IncomingMessage): string | undefined {
    const { headers: { host = '' }, socket } = request
    const isEncrypted = 'encrypted' in socket
    if (this.#lastBase?.host === host && this.#lastBase.isEncrypted === isEncrypted) return this.#lastBase.base
    const key = `${host} ${isEncrypted ? 's' : ''}`
    const base = this.#bases.get(key) ?? publicBase(request, this.#deps.addresses)
    if (base === undefined) return undefined
    this.#bases.set(key, base)
    this.#lastBase = { host, isEncrypted, base }
    return base
  }
}

const keyOf = (header: string | undefined): string => header ?? '\0'

/** What Verdaccio and its middlewares have set so far, and every answer of theirs has. */
function commonHeaders(response: Response): readonly string[] {
  return Object.entries(response.getHeaders()).flatMap(([name, value]) => (name === POLICY_REVISION || value === undefined ? [] : [name, String(value)]))
}

function variantOf(address: Address, asked: Extract<Asked, { kind: 'document' }>, listing: Listing, form: Form, encoding: Encoding): Variant | undefined {
  const ready = asked.ready(listing, form, address.base)
  const bytes = ready?.body.bytes(encoding)
  // Not compressed yet: the long way waits for it.
  if (ready === undefined || bytes === undefined || bytes instanceof Promise) return undefined
  const { body, lastModified, cacheControl, notice } = ready
  const etag = body.etag(encoding)
  const notModified = [
    ...address.common,
    ...[POLICY_REVISION, listing.policyRevision, 'Cache-Control', cacheControl, 'Vary', VARY, 'ETag', etag],
    ...(lastModified === undefined ? [] : ['Last-Modified', lastModified.toUTCString()]),
    ...(notice === undefined ? [] : ['npm-notice', notice]),
  ]
  const encoded = encoding === 'gzip' ? ['Content-Encoding', encoding] : []
  const found = [...notModified, 'Content-Type', body.contentType, ...encoded, 'Content-Length', String(bytes.length)]
  return { etag, lastModified, bytes, found, notModified }
}
