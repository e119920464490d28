/** Questions to the mirror's JSON API, with the token of whoever is signed in. */
import { isObject, own, ownString, type JsonObject } from '../../plugin/domain/json.ts'
import { kept } from './storage.ts'

const KEY = `provenance.token ${new URL(document.baseURI).pathname}`

/** A tab's own, gone with it: what stays in the browser could be taken by another page later. */
export const tokens = kept(() => sessionStorage, KEY)

/** An answer that is none: `status` 0 where nothing answered. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number
  readonly body: JsonObject
  constructor(status: number, message: string, body: JsonObject = {}) {
    super(message)
    this.status = status
    this.body = body
  }
}

export interface Ask {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly body?: unknown
  readonly accept?: string
  readonly signal?: AbortSignal | undefined
  /** In place of the token. */
  readonly authorization?: string
}

type Listener = () => void
const refused = new Set<Listener>()
/** Calls when the mirror no longer takes the token. */
export const onRefusedToken = (listener: Listener): (() => void) => {
  refused.add(listener)
  return () => { refused.delete(listener) }
}

/**
 * @param path - relative to the pages, such as `v1/overview`
 * @throws ApiError
 */
export async function ask(path: string, { method = 'GET', body, accept = 'application/json', signal, authorization }: Ask = {}): Promise<Response> {
  const token = tokens.get()
  const sent = authorization ?? (token === null ? undefined : `Bearer ${token}`)
  const response = await fetch(new URL(path, document.baseURI), {
    method,
    credentials: 'omit',
    cache: 'no-cache',
    headers: {
      accept,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(sent === undefined ? {} : { authorization: sent }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  }).catch((error: unknown) => {
    if (signal?.aborted === true) throw error
    throw new ApiError(0, 'the mirror does not answer')
  })
  if (response.ok) return response
  if (response.status === 401 && sent !== undefined && authorization === undefined) for (const listener of refused) listener()
  throw await errorOf(response)
}

/** @throws ApiError */
export async function json<Answer>(path: string, options?: Ask): Promise<Answer> {
  const response = await ask(path, options)
  const text = await response.text()
  try {
    return JSON.parse(text) as Answer
  } catch {
    throw new ApiError(response.status, 'something between here and the mirror answered in its place: the answer is no JSON')
  }
}

async function errorOf(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => '')
  try {
    const body: unknown = JSON.parse(text)
    if (isObject(body)) return new ApiError(response.status, ownString(body, 'error') ?? ownString(body, 'message') ?? response.statusText, body)
  } catch {
    // A proxy's page, which is nobody's to read here.
  }
  return new ApiError(response.status, response.statusText === '' ? `the answer was ${String(response.status)}` : response.statusText)
}

/**
 * A token for a name and password, by Verdaccio's own login: the one of its web pages, else, where those are switched off, the one of npm.
 * @throws ApiError
 */
export async function logIn(name: string, password: string): Promise<string> {
  const authorization = `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(`${name}:${password}`)))}`
  try {
    const answer = await json<JsonObject>('../verdaccio/sec/login', { method: 'POST', body: { username: name, password }, authorization })
    const token = ownString(answer, 'token')
    if (token !== undefined) return token
  } catch (error) {
    if (!(error instanceof ApiError) || ![403, 404, 405].includes(error.status)) throw error
  }
  // npm's login makes an account where there is none: nobody is to get one by mistyping a name.
  const known = await json<JsonObject>('v1/session', { authorization })
  if (own(known, 'user') === null || own(known, 'user') === undefined) throw new ApiError(401, 'this name and password are not known here')
  const answer = await json<JsonObject>(`../user/org.couchdb.user:${encodeURIComponent(name)}`, { method: 'PUT', body: { name, password }, authorization })
  const token = ownString(answer, 'token')
  if (token === undefined) throw new ApiError(500, 'the mirror gave no token')
  return token
}
