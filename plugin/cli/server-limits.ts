import type { Server } from 'node:http'

const SECOND = 1000
const MINUTE = 60 * SECOND

/**
 * What one client may take of the server (docs/limits.md). Heads come at once or not at all; a body is at most a package that
 * is published; and nobody keeps a connection on which nothing moves for longer than a tarball may take from an uplink.
 */
export function limitServer(server: Server): void {
  server.headersTimeout = 15 * SECOND
  server.requestTimeout = 5 * MINUTE
  server.timeout = 15 * MINUTE
  server.maxHeadersCount = 100
  server.maxConnections = 10_000
}
