import { getCACertificates } from 'node:tls'
import { Agent, EnvHttpProxyAgent, type Dispatcher } from 'undici'
import type { Uplink } from './options.ts'

/** Connections of one uplink: to its own origin as the operator configured them, to any other host with full TLS checks. */
export interface Dispatchers {
  for(url: URL): Dispatcher
  destroy(): Promise<void>
}

const CONNECT_TIMEOUT = 10_000

export function createDispatchers(uplink: Uplink): Dispatchers {
  const own = byProtocol(uplink, {
    rejectUnauthorized: uplink.strictSsl,
    ...(uplink.ca !== undefined && { ca: [...uplink.ca] }),
  })
  // `strict_ssl: false` was said of the uplink, not of the host its packuments name; and that host need not have a
  // certificate of the operator's authority.
  const others = byProtocol(uplink, {
    rejectUnauthorized: true,
    ...(uplink.ca !== undefined && { ca: [...getCACertificates('default'), ...uplink.ca] }),
  })
  return {
    for: (url) => (url.origin === uplink.base.origin ? own : others).for(url.protocol),
    destroy: async () => {
      await Promise.all([own.destroy(), others.destroy()])
    },
  }
}

interface Checks {
  readonly rejectUnauthorized: boolean
  readonly ca?: string[]
}

function byProtocol(uplink: Uplink, checks: Checks): { for(protocol: string): Dispatcher; destroy(): Promise<void> } {
  const http = dispatcher(uplink, checks, uplink.httpProxy)
  const https = dispatcher(uplink, checks, uplink.httpsProxy)
  return {
    for: (protocol) => (protocol === 'https:' ? https : http),
    destroy: async () => {
      await Promise.all([http.destroy(), https.destroy()])
    },
  }
}

function dispatcher(uplink: Uplink, checks: Checks, proxy: string | undefined): Dispatcher {
  const options: Agent.Options = {
    connections: uplink.maxSockets,
    connect: { ...checks, timeout: Math.min(uplink.timeout, CONNECT_TIMEOUT) },
    // One request at a time on a connection: what cuts one answer off does not take others with it.
    pipelining: uplink.keepAlive ? 1 : 0,
    allowH2: false,
  }
  if (proxy === undefined || proxy === '') return new Agent(options)
  // Every address is given, since undici would otherwise look for it in the environment.
  return new EnvHttpProxyAgent({
    ...options,
    connectTimeout: Math.min(uplink.timeout, CONNECT_TIMEOUT),
    requestTls: checks,
    httpProxy: proxy,
    httpsProxy: proxy,
    noProxy: uplink.noProxy,
  })
}
