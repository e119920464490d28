import type { Rewritten } from '../enforce/rewrite.ts'
import { printable } from '../enforce/text.ts'
import type { Listing } from '../pipeline/listing.ts'

const NAMED = 3

/** One line for the person at the terminal: what is missing and where to read why. */
export function noticeOf(
  { packument: { name }, verdicts }: Listing,
  { withheld, marked, latestMoved }: Pick<Rewritten, 'marked' | 'latestMoved'> & { readonly withheld: readonly string[] },
  baseUrl: string,
): string | undefined {
  if (withheld.length === 0) return undefined
  const newest = withheld.slice(-NAMED)
  const more = withheld.length > NAMED ? ` and ${String(withheld.length - NAMED)} more` : ''
  const how = marked === 0 ? 'withheld by policy' : marked === withheld.length ? 'marked as refused' : 'marked as refused, or left out, by policy'
  const moved = latestMoved?.to === undefined ? '' : `; latest is ${latestMoved.to}`
  // What is no version is left out whatever the verdict on it.
  const codes = [...new Set(withheld.map((version) => verdicts.get(version)?.reasons[0]?.code ?? 'manifest-mismatch'))].slice(0, NAMED)
  const why = `; why: ${baseUrl}/-/provenance/v1/packages/${name}`
  return `${printable(`${name}: ${newest.join(', ')}${more} ${how} (${codes.join(', ')})${moved}`, 300)}${printable(why, 300)}`
}
