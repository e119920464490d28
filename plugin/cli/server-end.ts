import type { Server } from 'node:http'

/** Who is answered from now on is told to come back on another connection: to a mirror that stays, where there is one. */
export function endConnections(server: Server): void {
  server.prependListener('request', (_request, response) => { response.shouldKeepAlive = false })
}

const LOOK_AGAIN_MS = 100

/**
 * Takes no more connections, and resolves when those that there are have ended: idle ones at once, others with the answers under way,
 * all of them after `finish` milliseconds.
 */
export async function closed(server: Server, finish: number): Promise<void> {
  // An answer that began before anybody spoke of the end leaves its connection open, for a request that nobody would read.
  const idle = setInterval(() => { server.closeIdleConnections() }, LOOK_AGAIN_MS)
  const late = setTimeout(() => { server.closeAllConnections() }, finish)
  try {
    await new Promise<void>((resolve) => {
      server.close(() => { resolve() })
      server.closeIdleConnections()
    })
  } finally {
    clearInterval(idle)
    clearTimeout(late)
  }
}
