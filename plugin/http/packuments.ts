import type { Request, Response } from 'express'
import { reason } from '../domain/reason.ts'
import { nearestAllowed } from '../enforce/nearest.ts'
import { distTagsDocument, rewritePackument, servesAny, versionDocument, type RewriteOptions, type Rewritten } from '../enforce/rewrite.ts'
import { printable } from '../enforce/text.ts'
import type { Listing } from '../pipeline/listing.ts'
import { Recent } from './recent.ts'
import { refuse, unavailable } from './refusal.ts'
import { Body, send } from './respond.ts'

const FULL = 'application/json'
const ABBREVIATED = 'application/vnd.npm.install-v1+json'
type Form = RewriteOptions['form']
/** Both forms under two addresses: a loopback Host may name any port, and each is another address to write. */
const MAX_FORMS = 4

interface Rendered {
  readonly rewritten: Rewritten
  readonly body: Body
}

/** Answers made of a listing. Their bytes are kept with the listing and end with it. */
export class PackumentAnswers {
  readonly #rendered = new WeakMap<Listing, Recent<string, Rendered>>()
  readonly #more: (listing: Listing) => Partial<RewriteOptions>
  readonly #revision: () => string

  /**
   * @param more what is said beside what the listing has
   * @param revision changes when that does, though the listing stays
   */
  constructor(more: (listing: Listing) => Partial<RewriteOptions> = () => ({}), revision: () => string = () => '') {
    this.#more = more
    this.#revision = revision
  }

  async packument(request: Request, response: Response, listing: Listing, baseUrl: string): Promise<void> {
    if (!servesAny(listing.verdicts)) {
      refuseAll(request, response, listing, baseUrl)
      return
    }
    const form: Form = request.accepts([FULL, ABBREVIATED]) === ABBREVIATED ? 'abbreviated' : 'full'
    const { rewritten, body } = this.#render(listing, form, baseUrl)
    if (rewritten.listed === 0) {
      unavailable(request, response, reason('verification-pending', 'none of its versions is verified yet'), { name: listing.packument.name })
      return
    }
    const notice = noticeOf(listing, rewritten, baseUrl)
    if (notice !== undefined) response.setHeader('npm-notice', notice)
    // npm shows a notice only on answers it must not keep.
    const cacheControl = notice === undefined ? 'no-cache' : 'no-store'
    await send(request, response, body, { lastModified: listing.builtAt, cacheControl })
  }

  /** One version, by number or tag. Answers false when the package has no such version. */
  async version(request: Request, response: Response, listing: Listing, selector: string, baseUrl: string): Promise<boolean> {
    const answer = versionDocument(listing.packument, listing.verdicts, selector, this.#options(listing, 'full', baseUrl))
    switch (answer.outcome) {
      case 'absent':
        return false
      case 'refused':
        refuseVersion(request, response, listing, answer.version, baseUrl)
        return true
      case 'found':
        await send(request, response, new Body(answer.document, FULL), { cacheControl: 'no-cache' })
        return true
    }
  }

  async distTags(request: Request, response: Response, listing: Listing): Promise<void> {
    const tags = distTagsDocument(listing.packument, listing.verdicts, { withholdUnavailable: !listing.listsUndecided })
    await send(request, response, new Body(tags, FULL), { cacheControl: 'no-cache' })
  }

  #options(listing: Listing, form: Form, baseUrl: string): RewriteOptions {
    return { ...optionsOf(listing, form, baseUrl), ...this.#more(listing) }
  }

  #render(listing: Listing, form: Form, baseUrl: string): Rendered {
    const forms = this.#rendered.get(listing) ?? new Recent<string, Rendered>(MAX_FORMS)
    this.#rendered.set(listing, forms)
    const key = `${form} ${baseUrl} ${this.#revision()}`
    const known = forms.get(key)
    if (known !== undefined) return known
    const rewritten = rewritePackument(listing.packument, listing.verdicts, this.#options(listing, form, baseUrl))
    const rendered = { rewritten, body: new Body(rewritten.document, form === 'full' ? FULL : ABBREVIATED) }
    forms.set(key, rendered)
    return rendered
  }
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

const optionsOf = (listing: Listing, form: Form, baseUrl: string): RewriteOptions => ({
  form,
  baseUrl,
  restored: listing.kept,
  withheld: listing.withheld,
  withholdUnavailable: !listing.listsUndecided,
})

const NAMED = 3

/** One line for the person at the terminal: what is missing and where to read why. */
function noticeOf({ packument: { name } }: Listing, { withheld, marked, latestMoved }: Rewritten, baseUrl: string): string | undefined {
  if (withheld.length === 0) return undefined
  const newest = withheld.slice(-NAMED).map(({ version }) => version)
  const more = withheld.length > NAMED ? ` and ${String(withheld.length - NAMED)} more` : ''
  const how = marked === 0 ? 'withheld by policy' : marked === withheld.length ? 'marked as refused' : 'marked as refused, or left out, by policy'
  const moved = latestMoved?.to === undefined ? '' : `; latest is ${latestMoved.to}`
  const codes = [...new Set(withheld.flatMap(({ reasons }) => reasons.slice(0, 1)).map(({ code }) => code))].slice(0, NAMED)
  const why = `; why: ${baseUrl}/-/provenance/v1/packages/${name}`
  return `${printable(`${name}: ${newest.join(', ')}${more} ${how} (${codes.join(', ')})${moved}`, 300)}${printable(why, 300)}`
}
