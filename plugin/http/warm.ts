import type { IncomingHttpHeaders, IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Request, Response } from 'express'
import { LRUCache } from 'lru-cache'
import type { Policy } from '../domain/ports.ts'
import type { OpenRequest } from '../domain/tracing.ts'
import type { Work } from '../domain/work.ts'
import type { Listing } from '../pipeline/listing.ts'
import type { Judgement, ServedTarball } from '../pipeline/judgement.ts'
import type { Pipeline } from '../pipeline/pipeline.ts'
import { packageOf, userOf, type VerdaccioAuth } from './access.ts'
import { answered } from './access-lines.ts'
import { anonymousAccess, type AnonymousAccess } from './anonymous-access.ts'
import { askerOf, TRUSTS_NONE, type TrustsProxy } from './asker.ts'
import { refusalOfOthers } from './expected-integrity.ts'
import { publicBase, type PublicAddresses } from './host.ts'
import { Recent } from './recent.ts'
import { POLICY_REVISION } from './refusal.ts'
import { variantOf, type ReadyAnswer, type Variant } from './ready-answer.ts'
import { isFresh, type Encoding } from './respond.ts'
import { attributesOf, type Observation } from './observed.ts'
import { addressed, type Addressed } from './route-class.ts'
import { policyWarning, sendAtOnce, sendTarball, wantsWhole, wholeHeaders } from './tarballs.ts'

/** What an address is of: a document made of the listing of a package, or a tarball. */
export type Asked =
  | { readonly kind: 'document'; readonly name: string; readonly ready: (listing: Listing, form: Form, base: string) => ReadyAnswer | undefined }
  | { readonly kind: 'tarball'; readonly name: string; readonly fileName: string }

type Form = 'full' | 'abbreviated'

interface Address {
  readonly url: string
  readonly asked: Asked
  /** As auth plugins are asked for it. */
  readonly package: ReturnType<typeof packageOf>
  readonly base: string
  /** What Verdaccio says on every answer, names and values in turn. */
  readonly common: readonly string[]
  readonly addressed: Addressed
}

/** A request that is being answered, as it is observed. */
interface Begun {
  /** Milliseconds, of `performance.now`. */
  readonly at: number
  readonly span: OpenRequest | undefined
}

interface Last {
  readonly accept: string | undefined
  readonly acceptEncoding: string | undefined
  readonly variant: Variant
}

/** Of a whole tarball under one address: final headers, and what the access log is told of it. */
interface Head {
  readonly address: Address
  readonly headers: string[]
  readonly told: Buffer
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
/** Whether anything makes a request another one than the anonymous question that an answer was given to. Written out: it is asked of each. */
function isPersonal({ authorization, cookie, via, origin, 'content-length': length, 'transfer-encoding': coding }: IncomingHttpHeaders): boolean {
  return authorization !== undefined || cookie !== undefined || via !== undefined || origin !== undefined || length !== undefined || coding !== undefined
}

/**
 * Answers before anything else looks at a request: what anonymous clients were answered a moment ago, as long as the long way would
 * answer the same without asking, reading or judging anything. An address gets here by an answer of the long way only, so nobody can
 * fill this with addresses that are none, and what is negotiated was negotiated there.
 */
export class WarmAnswers {
  readonly #deps: WarmDeps
  /** By public URL and path: one bound for all hosts, of which a client may name many. */
  readonly #addresses = new LRUCache<string, Address>({ max: MAX_ADDRESSES })
  /**
   * By the listing they were made of, and gone with it: addresses are remembered for long, and would otherwise hold the bytes of every
   * package that was ever asked for.
   */
  readonly #variants = new WeakMap<Listing, Recent<Address, Map<string, Variant>>>()
  readonly #heads = new WeakMap<Judgement, Head>()
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
    const isPlain = !originalUrl.includes('?') && ['GET', 'HEAD'].includes(request.method) && !isPersonal(headers)
    if (base === undefined || !isPlain || this.#deps.mayShadow(asked.name)) return
    if (this.#access?.remember(userOf(request)) !== true) return
    this.#forms.set(keyOf(headers.accept), negotiated.form)
    this.#encodings.set(keyOf(headers['accept-encoding']), negotiated.encoding)
    if (!this.#addresses.has(base + originalUrl)) this.#addresses.set(base + originalUrl, { url: originalUrl, asked, package: packageOf(request.params), base, common: commonHeaders(response), addressed: addressed('GET', originalUrl) })
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
  answer(request: IncomingMessage, response: ServerResponse, instead: RequestListener): number | undefined {
    const { method, headers } = request
    if ((method !== 'GET' && method !== 'HEAD') || isPersonal(headers)) return undefined
    const base = this.#base(request)
    const address = base === undefined ? undefined : this.#addresses.get(base + (request.url ?? ''))
    if (address === undefined) return undefined
    try {
      const { asked } = address
      const begun = this.#begin(request, address)
      if (asked.kind === 'tarball') return this.#mayBeRead(address) ? this.#tarball(request, response, address, asked, instead, begun) : undefined
      return this.#document(request, response, address, asked, begun)
    } catch {
      // Whatever fails here is for the long way to say, unless an answer is on its way: then nobody may begin another.
      return response.headersSent ? 0 : undefined
    }
  }

  #begin(request: IncomingMessage, { addressed: asked }: Address): Begun {
    const tracing = this.#deps.observation?.tracing
    const span = tracing?.isOn === true
      ? tracing.request(request.headers, { name: `${request.method ?? ''} ${asked.route}`, attributes: () => attributesOf(request, asked, true) })
      : undefined
    return { at: performance.now(), span }
  }

  /** The answer was handed over; `length` in bytes, of what it is of. @param status 0: not all of it was; `told` for the access log, where it is known */
  #note(request: IncomingMessage, address: Address, { at, span }: Begun, { length, status, told }: { readonly length: number; readonly status: number; readonly told?: Buffer | undefined }): void {
    const { observation } = this.#deps
    if (observation === undefined) return
    const { method, url = '' } = request
    const bytes = method === 'HEAD' || status === 304 ? 0 : status === 200 ? length : undefined
    const milliseconds = performance.now() - at
    observation.requests.of[address.addressed.route].warm.note(status, milliseconds / 1000, bytes)
    observation.lines?.note(request, told ?? answered({ method, url, status, bytes, isWarm: true }), milliseconds)
    span?.end(status)
  }

  #document(request: IncomingMessage, response: ServerResponse, address: Address, asked: Extract<Asked, { kind: 'document' }>, begun: Begun): number | undefined {
    const { headers, method } = request
    const { accept, 'accept-encoding': acceptEncoding } = headers
    const last = this.#inTurn.get(address)
    const isSame = last !== undefined && last.accept === accept && last.acceptEncoding === acceptEncoding
    const variant = isSame ? last.variant : this.#variant(address, asked, accept, acceptEncoding)
    if (variant === undefined) return undefined
    if (!isSame) this.#keepInTurn(this.#inTurn, address, { accept, acceptEncoding, variant })
    const status = isFresh(request, variant.etag, variant.lastModified) ? 304 : 200
    this.#deps.work.warm++
    // In the plugin form Verdaccio's compression stands behind this, and would send something else under this ETag.
    headers['accept-encoding'] = 'identity'
    response.writeHead(status, status === 304 ? variant.notModified : variant.found)
    response.end(status === 304 || method === 'HEAD' ? undefined : variant.bytes)
    this.#note(request, address, begun, { length: variant.bytes.length, status, told: method === 'GET' ? variant.told[status] : undefined })
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
    const ready = asked.ready(listing, form, address.base)
    const variant = ready && variantOf(address, ready, listing.policyRevision, encoding)
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

  #tarball(request: IncomingMessage, response: ServerResponse, address: Address, { name, fileName }: Extract<Asked, { kind: 'tarball' }>, instead: RequestListener, begun: Begun): number | undefined {
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
    const head = wantsWhole(request) && !response.closed ? this.#headOf(address, ready, policy) : undefined
    if (head !== undefined && sendAtOnce(response, ready.tarball, head.headers)) {
      this.#deps.work.warm++
      this.#note(request, address, begun, { length: ready.tarball.size, status: 200, told: head.told })
      return ready.tarball.size
    }
    this.#deps.work.warm++
    for (let index = 0; index < common.length; index += 2) response.setHeader(common[index] ?? '', common[index + 1] ?? '')
    response.setHeader(POLICY_REVISION, policy.revision)
    sendTarball(request, response, { tarball: ready.tarball, warning: policyWarning(ready.judgement.verdict) }).then(
      () => { this.#note(request, address, begun, { length: ready.tarball.size, status: response.statusCode }) },
      () => {
        if (response.headersSent) {
          response.destroy()
          this.#note(request, address, begun, { length: ready.tarball.size, status: 0 })
        } else instead(request, response)
      },
    )
    return ready.tarball.size
  }

  /** Of the whole tarball. A judgement is of one tarball and by one policy, and most are asked for under one address. */
  #headOf(address: Address, { judgement, tarball }: ServedTarball, { revision }: Policy): Head {
    const known = this.#heads.get(judgement)
    if (known?.address === address) return known
    const headers = wholeHeaders(tarball, address.common, { [POLICY_REVISION]: revision, 'npm-policy-warning': policyWarning(judgement.verdict) })
    const head = { address, headers, told: answered({ method: 'GET', url: address.url, status: 200, bytes: tarball.size, isWarm: true }) }
    this.#heads.set(judgement, head)
    return head
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
