import { setTimeout as wait } from 'node:timers/promises'
import { Agent, EnvHttpProxyAgent, request, type Dispatcher } from 'undici'

/** How one hook is reached. */
export interface Target {
  readonly url: URL
  /** PEM; replaces the system's authorities. */
  readonly ca: string | undefined
  readonly proxy: string | undefined
  readonly noProxy: string
}

export interface Posted {
  readonly status: number
  /** Milliseconds that the receiver asks to wait. */
  readonly retryAfter: number | undefined
}

export interface Poster {
  /**
   * Posts JSON. Redirects are answers and not followed: what is sent is for this receiver, and its address may be a secret.
   * @throws Error whose `message` names neither address nor secret
   */
  post(body: string, headers: Readonly<Record<string, string>>): Promise<Posted>
  close(): Promise<void>
}

const TIMEOUT = 10_000
const MAX_ANSWER = 64 * 1024

export function createPoster({ url, ca, proxy, noProxy }: Target, userAgent: string, timeout = TIMEOUT): Poster {
  const dispatcher = dispatcherOf({ ca, proxy, noProxy }, timeout)
  return {
    post: async (body, headers) => {
      try {
        const answer = await request(url, {
          dispatcher,
          method: 'POST',
          headers: { ...headers, 'content-type': 'application/json', 'user-agent': userAgent },
          body,
          signal: AbortSignal.timeout(timeout),
          headersTimeout: timeout,
          bodyTimeout: timeout,
        })
        // Read, so that the connection can be used again, and not for long: nothing in it counts.
        await Promise.race([answer.body.dump({ limit: MAX_ANSWER }).catch(() => undefined), wait(timeout, undefined, { ref: false })])
        return { status: answer.statusCode, retryAfter: waitOf(answer.headers['retry-after']) }
      } catch (error) {
        throw new Error(faultOf(error))
      }
    },
    close: () => dispatcher.destroy(),
  }
}

function dispatcherOf({ ca, proxy, noProxy }: Omit<Target, 'url'>, timeout: number): Dispatcher {
  const connect = { timeout, ...(ca === undefined ? {} : { ca }) }
  const options: Agent.Options = { connections: 1, pipelining: 1, connect, allowH2: false }
  // Every address is given, since undici would otherwise look for it in the environment.
  return proxy === undefined || proxy === '' ? new Agent(options) : new EnvHttpProxyAgent({ ...options, requestTls: connect, httpProxy: proxy, httpsProxy: proxy, noProxy })
}

/** RFC 9110, 10.2.3: seconds, or a date. */
function waitOf(header: string | readonly string[] | undefined): number | undefined {
  if (typeof header !== 'string' || header === '') return undefined
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000
  const until = Date.parse(header)
  return Number.isNaN(until) ? undefined : Math.max(0, until - Date.now())
}

/** Codes of Node and undici, never their words: those may hold an address. */
function faultOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it could not be reached'
  if (error.name === 'TimeoutError') return 'it did not answer in time'
  const { code, cause } = error as { readonly code?: unknown; readonly cause?: unknown }
  if (typeof code === 'string' && /^[A-Z0-9_]{1,60}$/.test(code)) return code
  return cause === undefined ? 'it could not be reached' : faultOf(cause)
}
