/** How an uplink is authenticated to: both are read for each request, so that a token can be replaced while the mirror runs. */
export interface Credentials {
  readonly type: 'bearer' | 'basic'
  /** The token, or where the caller makes it a getter, whatever it is by then. */
  readonly token?: string | undefined
  /** A file that holds it; goes before `token`. */
  readonly tokenFile?: string | undefined
}

/**
 * One uplink, validated by the caller. The names are those of Verdaccio's configuration, so that what an operator wrote
 * can be handed on; all times are in milliseconds.
 */
export interface UplinkOptions {
  readonly name: string
  /** Base address; a path is kept. */
  readonly url: string
  /** Whose evidence it is; see `Upstream.registry`. */
  readonly registry: string
  readonly auth?: Credentials | undefined
  /** Sent to the uplink's own origin only, since they may carry secrets. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** To connect, for the head of an answer, and between two pieces of a body. */
  readonly timeout?: number | undefined
  /** For a whole question about metadata, retries included. */
  readonly deadline?: number | undefined
  /** For a whole tarball. */
  readonly tarballDeadline?: number | undefined
  readonly maxage?: number | undefined
  readonly staleFor?: number | undefined
  readonly maxStale?: number | undefined
  /** Failures in a row after which the uplink is left alone for `fail_timeout`; 0 never leaves it alone. */
  readonly max_fails?: number | undefined
  readonly fail_timeout?: number | undefined
  readonly strict_ssl?: boolean | undefined
  /** PEM; replaces the system's authorities for this uplink. */
  readonly ca?: string | readonly string[] | undefined
  readonly http_proxy?: string | undefined
  readonly https_proxy?: string | undefined
  readonly no_proxy?: string | readonly string[] | undefined
  readonly agent_options?: { readonly keepAlive?: boolean | undefined; readonly maxSockets?: number | undefined } | undefined
  /** Where attestations are asked for: `announced`, `probe`, `none`, or another base address. */
  readonly attestations?: string | undefined
  /** Further https hosts (`host` or `host:port`) that tarballs may come from. */
  readonly tarballHosts?: readonly string[] | undefined
  readonly retries?: number | undefined
  /** Questions a second that no client waits for. */
  readonly rate?: number | undefined
  /** Never asked: what archives brought is all there is of it. */
  readonly offline?: boolean | undefined
}

/** The same with every default filled in. */
export interface Uplink {
  readonly name: string
  readonly base: URL
  readonly registry: string
  readonly auth: Credentials | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly timeout: number
  readonly deadline: number
  readonly tarballDeadline: number
  readonly maxage: number
  readonly staleFor: number
  readonly maxStale: number
  readonly maxFails: number
  readonly failTimeout: number
  readonly strictSsl: boolean
  readonly ca: readonly string[] | undefined
  readonly httpProxy: string | undefined
  readonly httpsProxy: string | undefined
  readonly noProxy: string
  readonly keepAlive: boolean
  readonly maxSockets: number
  readonly attestations: { readonly mode: 'announced' | 'probe' | 'none'; readonly base: URL }
  readonly tarballHosts: ReadonlySet<string>
  readonly retries: number
  readonly rate: number
  readonly offline: boolean
}

const SECOND = 1000
const MINUTE = 60 * SECOND
const DAY = 24 * 60 * MINUTE

export function withDefaults(options: UplinkOptions): Uplink {
  const base = baseOf(options.url)
  const timeout = options.timeout ?? 30 * SECOND
  return {
    name: options.name,
    base,
    registry: options.registry,
    auth: options.auth,
    headers: options.headers ?? {},
    timeout,
    deadline: options.deadline ?? 2 * timeout,
    tarballDeadline: options.tarballDeadline ?? 10 * MINUTE,
    maxage: options.maxage ?? 2 * MINUTE,
    staleFor: options.staleFor ?? 10 * MINUTE,
    // What was imported does not grow old by itself: nobody could be asked for anything newer.
    maxStale: options.maxStale ?? (options.offline === true ? Infinity : 7 * DAY),
    maxFails: options.max_fails ?? 2,
    failTimeout: options.fail_timeout ?? 5 * MINUTE,
    strictSsl: options.strict_ssl ?? true,
    ca: options.ca === undefined ? undefined : [options.ca].flat(),
    httpProxy: options.http_proxy,
    httpsProxy: options.https_proxy,
    noProxy: [options.no_proxy ?? []].flat().join(','),
    keepAlive: options.agent_options?.keepAlive ?? true,
    maxSockets: options.agent_options?.maxSockets ?? 64,
    attestations: attestationsOf(options.attestations ?? 'announced', base),
    // Through URL, so that case, punycode and the default port compare as they do in an address.
    tarballHosts: new Set((options.tarballHosts ?? []).map((host) => new URL(`https://${host}`).host)),
    retries: options.retries ?? 2,
    rate: options.rate ?? 200,
    offline: options.offline ?? false,
  }
}

function attestationsOf(option: string, base: URL): Uplink['attestations'] {
  if (option === 'announced' || option === 'probe' || option === 'none') return { mode: option, base }
  return { mode: 'announced', base: baseOf(option) }
}

/** Without credentials, query and fragment, and with a trailing slash, so that relative paths go below it. */
function baseOf(address: string): URL {
  const { origin, pathname } = new URL(address)
  return new URL(origin + (pathname.endsWith('/') ? pathname : `${pathname}/`))
}
