import type { IncomingMessage, ServerResponse } from 'node:http'
import { printable } from '../../enforce/text.ts'
import type { TrustsProxy } from '../asker.ts'
import type { Refused } from './limits.ts'

const MAX_SENTENCE = 400
/** Else nobody finds out why all are refused for one. */
const PROXY = '; that is a proxy which server.trustProxy does not name, so all of its clients are counted as one'

/**
 * 429 (RFC 6585, 4): the sentence stands where clients look for it, as of a refusal. npm and pnpm ask twice more, after 10 s and a
 * minute; yarn 4 and bun when Retry-After says so; yarn 1 not at all.
 */
export function refuseLimited(request: IncomingMessage, response: ServerResponse, refused: Refused, trusts: TrustsProxy): void {
  const sentence = printable(`${sentenceOf(refused)}${isOfProxy(request, trusts) ? PROXY : ''}`, MAX_SENTENCE)
  const { limited, retryAfter } = refused
  const body = JSON.stringify({ error: sentence, message: sentence, code: 'too-many-requests', limit: limited, retryAfter })
  response.statusCode = 429
  response.statusMessage = sentence
  response.setHeader('Retry-After', String(retryAfter))
  response.setHeader('Content-Type', 'application/json')
  response.setHeader('Content-Length', Buffer.byteLength(body))
  response.setHeader('Cache-Control', 'no-store')
  // Nobody reads the rest of a body that is not looked at.
  if (!request.complete && bodyFollows(request)) response.setHeader('Connection', 'close')
  response.end(request.method === 'HEAD' ? undefined : body)
}

const bodyFollows = ({ headers }: IncomingMessage): boolean => headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/** Anybody can write the header: it changes no more than what he is told. */
const isOfProxy = ({ headers, socket: { remoteAddress } }: IncomingMessage, trusts: TrustsProxy): boolean =>
  headers['x-forwarded-for'] !== undefined && remoteAddress !== undefined && !trusts(remoteAddress, 0)

const WORDS: Readonly<Record<Refused['limited'], string>> = {
  uplink: 'requests that an uplink had to be asked for',
  publish: 'requests that publish',
  login: 'requests to log in',
  passwords: 'wrong passwords',
  query: 'audits and searches',
  check: 'checks',
  api: 'requests to the API',
  connections: 'connections',
}

function sentenceOf({ limited, client, rate, retryAfter }: Refused): string {
  const many = rate === undefined ? '' : ` (${rate.requests} in ${rate.milliseconds / 1000} s)`
  return `too many ${WORDS[limited]} from ${client}${many}; try again in ${retryAfter} s, or have an operator raise middlewares.provenance.limits.${limited}`
}
