import type { Server } from 'node:http'

const SECOND = 1000
const MINUTE = 60 * SECOND

/**
 * What one client may take of the server (docs/limits.md). Heads come at once or not at all; a body is at most a package that
 * is published; and nobody keeps a connection on which nothing moves for longer than a tarball may take from an uplink.
 */
export function limitServer(server: Server): void {
  // A connection that cannot be accepted (no descriptors left) is no reason to end all others: an error that nobody hears ends the process.
  server.on('error', (error) => { if (server.listening) console.error(`a connection was not accepted: ${error.message}`) })
  server.headersTimeout = 15 * SECOND
  server.requestTimeout = 5 * MINUTE
  server.timeout = 15 * MINUTE
  server.maxHeadersCount = 100
  server.maxConnections = 10_000
}
