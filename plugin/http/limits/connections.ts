import type { Server } from 'node:http'
import type { TrustsProxy } from '../asker.ts'
import { networkOf } from './client.ts'
import type { ClientLimits } from './limits.ts'

/**
 * Ends connections of an address that has too many, so that nobody has all of a server's: slow ones cost nobody but it then. A proxy
 * that is trusted has those of all its clients.
 */
export function limitConnections(server: Server, limits: ClientLimits, trusts: TrustsProxy): void {
  server.prependListener('connection', (socket) => {
    const { remoteAddress } = socket
    const address = networkOf(remoteAddress)
    if (remoteAddress === undefined || address === undefined || limits.allows(remoteAddress) || trusts(remoteAddress, 0)) return
    const ended = limits.connected(address)
    if (ended === undefined) socket.destroy()
    else socket.once('close', ended)
  })
}
