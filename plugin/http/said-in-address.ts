import type { IncomingMessage } from 'node:http'

const PARAMETER = 'refused'
/** With host and path it still is a line or two on a terminal. */
const MAX_WORDS = 300

/**
 * For bun, whose users see nothing of a refusal but the address that gave it, after redirects: the same address with the
 * sentence in its query, to be redirected to. There it is answered as without the query, by the same routes, rules and verdict;
 * the words are read by nobody but the person. A reference that begins with `?` (RFC 3986, 4.2) changes neither host nor path,
 * so it leads nowhere else. (pnpm 12 tells as little, and the address before redirects.)
 * @returns undefined for all other clients, and for a request that was redirected already
 */
export function addressThatSays({ headers, method, url = '/' }: Pick<IncomingMessage, 'headers' | 'method' | 'url'>, sentence: string): string | undefined {
  if (method !== 'GET' || !(headers['user-agent'] ?? '').startsWith('Bun/')) return undefined
  const query = url.indexOf('?')
  if (query !== -1 && new URLSearchParams(url.slice(query + 1)).has(PARAMETER)) return undefined
  return `?${PARAMETER}=${wordsOf(sentence)}`
}

/**
 * What may stand in a query as it is (RFC 3986, 3.4), without what a shell or a terminal would act on, and without a colon, since
 * bun takes anything with `://` in it for an absolute address. So the address to read on is left out.
 */
const wordsOf = (sentence: string): string =>
  sentence.replace(/; see \S+$/, '').replace(/[^A-Za-z0-9._~@/-]+/g, '-').slice(0, MAX_WORDS).replace(/-$/, '')
