import { hash } from 'node:crypto'
import type { Request, Response } from 'express'
import { LRUCache } from 'lru-cache'
import type { VersionManifest } from '../domain/packument.ts'
import { reason } from '../domain/reason.ts'
import type { Work } from '../domain/work.ts'
import { SingleFlight } from '../domain/single-flight.ts'
import { nextTurn } from '../domain/turns.ts'
import { listingInTurns, type Listing as Listed } from '../enforce/listing.ts'
import { nearestAllowed } from '../enforce/nearest.ts'
import { rewritePackument, selectVersion, servesAny, versionDocument, type RewriteOptions, type Rewritten } from '../enforce/rewrite.ts'
import type { Listing } from '../pipeline/listing.ts'
import { instructionsFor, type BuildJob, type BuiltAnswer, type Instructions } from '../threads/build.ts'
import { noticeOf } from './notice.ts'
import { Recent } from './recent.ts'
import { refuse, unavailable } from './refusal.ts'
import { Body, send, WrittenBody } from './respond.ts'
import type { ReadyAnswer } from './ready-answer.ts'

const FULL = 'application/json'
const ABBREVIATED = 'application/vnd.npm.install-v1+json'
type Form = RewriteOptions['form']
/** Both forms under two addresses: a loopback Host may name any port, and each is another address to write. */
const MAX_FORMS = 4
const DEFAULT_MEMORY = 64 * 1024 ** 2

/** A packument as it is answered. */
export interface Rendered extends Pick<Rewritten, 'listed' | 'marked' | 'latestMoved'> {
  readonly body: Body
  readonly withheld: readonly string[]
}

export interface AnswerOptions {
  /** Bytes that answers may take in memory. */
  readonly memory?: number | undefined
  /** Writes answers off the event loop; without it they are written on it. */
  readonly builder?: { build(job: BuildJob): Promise<BuiltAnswer> } | undefined
  /** What is said beside what the listing has. */
  readonly more?: ((listing: Listing) => Partial<RewriteOptions>) | undefined
  /** Counts what is written. */
  readonly work?: Work | undefined
  /** Changes when that does, though the listing stays. */
  readonly revision?: (() => string) | undefined
}

/**
 * Answers made of listings. Their bytes are kept by what they are made of: the document, which versions are withheld, and the address
 * they are for. So a listing that was judged anew, by another policy or another day, costs no new bytes where it leaves out the same.
 */
export class PackumentAnswers {
  readonly #options: AnswerOptions
  readonly #packuments: LRUCache<string, Rendered>
  readonly #versions: LRUCache<string, Body>
  readonly #writing = new SingleFlight<string, Rendered>()
  readonly #keys = new WeakMap<Listing, Recent<string, string>>()
  readonly #listed = new WeakMap<Listing, Promise<Listed>>()
  readonly #known = new WeakMap<Listing, Listed>()

  constructor(options: AnswerOptions = {}) {
    const { memory = DEFAULT_MEMORY } = options
    this.#options = options
    this.#packuments = new LRUCache({ maxSize: memory, sizeCalculation: ({ body, withheld }) => body.size + withheld.length * 8 + 1 })
    this.#versions = new LRUCache({ maxSize: memory / 8, sizeCalculation: (body) => body.size * 2 + 1 })
  }

  async packument(request: Request, response: Response, listing: Listing, baseUrl: string): Promise<void> {
    if (!servesAny(listing.verdicts)) {
      refuseAll(request, response, listing, baseUrl)
      return
    }
    const rendered = await this.#render(listing, formFor(request), baseUrl)
    if (rendered.listed === 0) {
      unavailable(request, response, reason('verification-pending', 'none of its versions is verified yet'), { name: listing.packument.name })
      return
    }
    const notice = noticeOf(listing, rendered, baseUrl)
    if (notice !== undefined) response.setHeader('npm-notice', notice)
    await send(request, response, rendered.body, { lastModified: listing.builtAt, cacheControl: cacheControlOf(notice) })
  }

  /** One version, by number or tag. Answers false when the package has no such version. */
  async version(request: Request, response: Response, listing: Listing, selector: string, baseUrl: string): Promise<boolean> {
    const selected = selectVersion(listing.packument, await this.#listing(listing), selector)
    switch (selected.outcome) {
      case 'absent':
        return false
      case 'refused':
        refuseVersion(request, response, listing, selected.version, baseUrl)
        return true
      case 'found':
        await send(request, response, this.#version(listing, selected.manifest, baseUrl), { cacheControl: 'no-cache' })
        return true
    }
  }

  async distTags(request: Request, response: Response, listing: Listing): Promise<void> {
    const { tags } = await this.#listing(listing)
    await send(request, response, new Body(Object.fromEntries(tags), FULL), { cacheControl: 'no-cache' })
  }

  /** The packument as it would be answered now, if nothing had to be written for it. */
  readyPackument(listing: Listing, form: Form, baseUrl: string): ReadyAnswer | undefined {
    const rendered = this.#ready(listing, form, baseUrl)
    if (rendered === undefined || rendered.listed === 0 || !servesAny(listing.verdicts)) return undefined
    const notice = noticeOf(listing, rendered, baseUrl)
    return { body: rendered.body, lastModified: listing.builtAt, cacheControl: cacheControlOf(notice), notice }
  }

  /** One version likewise. */
  readyVersion(listing: Listing, selector: string, baseUrl: string): ReadyAnswer | undefined {
    const listed = this.#known.get(listing)
    const selected = listed && selectVersion(listing.packument, listed, selector)
    if (selected?.outcome !== 'found') return undefined
    return { body: this.#version(listing, selected.manifest, baseUrl), lastModified: undefined, cacheControl: 'no-cache', notice: undefined }
  }

  #ready(listing: Listing, form: Form, baseUrl: string): Rendered | undefined {
    const key = this.#keys.get(listing)?.get(`${form} ${baseUrl} ${this.#revision()}`)
    return key === undefined ? undefined : this.#packuments.get(key)
  }

  /** Which versions are listed; once per listing, since it is asked for each of them. */
  #listing(listing: Listing): Promise<Listed> {
    const known = this.#listed.get(listing)
    if (known !== undefined) return known
    const listed = listingInTurns(listing.packument, listing.verdicts, { withholdUnavailable: !listing.listsUndecided })
    this.#listed.set(listing, listed)
    void listed.then((one) => this.#known.set(listing, one), () => this.#listed.delete(listing))
    return listed
  }

  #version(listing: Listing, manifest: VersionManifest, baseUrl: string): Body {
    const options = this.#rewriteOptions(listing, 'full', baseUrl)
    const { packument: { name, pinned }, digest } = listing
    const { version } = manifest
    const key = [digest, name, version, baseUrl, JSON.stringify([options.restored?.get(version), pinned?.get(version), options.announces?.(manifest)])].join('\n')
    const known = this.#versions.get(key)
    if (known !== undefined) return known
    const body = new Body(versionDocument(listing.packument, manifest, options), FULL)
    this.#versions.set(key, body)
    return body
  }

  async #render(listing: Listing, form: Form, baseUrl: string): Promise<Rendered> {
    const ready = this.#ready(listing, form, baseUrl)
    if (ready !== undefined) return ready
    const use = `${form} ${baseUrl} ${this.#revision()}`
    const { builder } = this.#options
    const { packument: { stored }, withheld, kept } = listing
    // The listing has just been made.
    await nextTurn()
    const options = { form, baseUrl, withheld, withholdUnavailable: !listing.listsUndecided, restored: kept }
    const isApart = builder !== undefined && stored !== undefined && this.#options.more === undefined
    const instructions = isApart ? await instructionsFor(listing.packument, listing.verdicts, options) : undefined
    const key = instructions === undefined ? `${use} ${unique(listing)}` : `${use} ${listing.packument.name} ${listing.digest} ${digestOf(instructions)}`
    const rendered = this.#packuments.get(key) ?? (await this.#writing.run(key, async () => {
      if (this.#options.work !== undefined) this.#options.work.answers++
      return instructions !== undefined && isApart ? written(await builder.build({ stored, instructions }), form) : this.#write(listing, form, baseUrl)
    }))
    this.#packuments.set(key, rendered)
    const keys = this.#keys.get(listing) ?? new Recent<string, string>(MAX_FORMS)
    keys.set(use, key)
    this.#keys.set(listing, keys)
    return rendered
  }

  #write(listing: Listing, form: Form, baseUrl: string): Rendered {
    const { document, withheld, ...rest } = rewritePackument(listing.packument, listing.verdicts, this.#rewriteOptions(listing, form, baseUrl))
    return { ...rest, withheld: withheld.map(({ version }) => version), body: new Body(document, typeOf(form)) }
  }

  #rewriteOptions(listing: Listing, form: Form, baseUrl: string): RewriteOptions {
    const { kept, withheld, listsUndecided } = listing
    return { form, baseUrl, restored: kept, withheld, withholdUnavailable: !listsUndecided, ...this.#options.more?.(listing) }
  }

  #revision(): string {
    return this.#options.revision?.() ?? ''
  }
}

/** What the client is sent. */
export const formFor = (request: Request): Form => (request.accepts([FULL, ABBREVIATED]) === ABBREVIATED ? 'abbreviated' : 'full')

const typeOf = (form: Form): string => (form === 'full' ? FULL : ABBREVIATED)

const written = ({ identity, gzip, digest, ...rest }: BuiltAnswer, form: Form): Rendered => ({
  ...rest,
  body: new Body(new WrittenBody({ identity, gzip, digest }), typeOf(form)),
})

/** npm shows a notice only on answers it must not keep. */
export const cacheControlOf = (notice: string | undefined): string => (notice === undefined ? 'no-cache' : 'no-store')

/** Equal for instructions that give equal bytes of one document. */
function digestOf({ outcomes, reasons, restored, pinned, withheld, withholdUnavailable }: Instructions): string {
  const rest = JSON.stringify([[...reasons], [...restored], [...pinned], withheld, withholdUnavailable])
  return hash('sha256', Buffer.concat([outcomes, Buffer.from(rest)]), 'base64url')
}

const numbers = new WeakMap<Listing, number>()
let listings = 0
/** What is written on the event loop is small, and is kept with its listing. */
function unique(listing: Listing): string {
  const number = numbers.get(listing) ?? listings++
  numbers.set(listing, number)
  return `listing ${String(number)}`
}

/** Where a person or a program reads why a version was refused. */
export const explainUrl = (baseUrl: string, name: string, version: string): string => `${baseUrl}/-/provenance/v1/packages/${name}/${version}`

function refuseVersion(request: Request, response: Response, listing: Listing, version: string, baseUrl: string): void {
  const { name } = listing.packument
  const verdict = listing.verdicts.get(version)
  const [first] = verdict?.reasons ?? []
  if (verdict?.outcome === 'unavailable' && first !== undefined) {
    unavailable(request, response, first, { name, version })
    return
  }
  refuse(request, response, {
    ref: { name, version },
    reasons: verdict?.reasons ?? [],
    rule: verdict?.rule,
    nearestAllowed: nearestAllowed(version, listing.verdicts),
    explain: explainUrl(baseUrl, name, version),
  })
}

function refuseAll(request: Request, response: Response, listing: Listing, baseUrl: string): void {
  const { name, distTags } = listing.packument
  const latest = distTags.get('latest') ?? [...listing.verdicts.keys()].at(-1)
  const verdict = latest === undefined ? undefined : listing.verdicts.get(latest)
  const explain = latest === undefined ? `${baseUrl}/-/provenance/v1/packages/${name}` : explainUrl(baseUrl, name, latest)
  refuse(request, response, { ref: { name }, reasons: verdict?.reasons ?? [], rule: verdict?.rule, nearestAllowed: undefined, explain })
}
