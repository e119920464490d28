/** A way to a server on loopback that can be cut, held or made slow. */
import net from 'node:net'
import type { AddressInfo } from 'node:net'

/** `pass`; `cut`: nobody gets through, and who was through is thrown out; `hold`: connections stay, and nothing comes; or milliseconds that all that is said takes. */
export type Way = 'pass' | 'cut' | 'hold' | number

export interface TcpProxy {
  /** The same address with this one's port in it. */
  url(of: string): string
  set(way: Way): void
  close(): Promise<void>
}

export async function startTcpProxy(port: number): Promise<TcpProxy> {
  let way: Way = 'pass'
  const pairs = new Set<readonly [net.Socket, net.Socket]>()
  /** What is said while it is held is said when it passes again. */
  const held: (() => void)[] = []

  const forward = (from: net.Socket, to: net.Socket): void => {
    from.on('data', (chunk: Buffer) => {
      const say = (): void => { if (!to.destroyed) to.write(chunk) }
      if (way === 'pass' && held.length === 0) say()
      else if (way === 'hold' || held.length > 0) held.push(say)
      else if (typeof way === 'number') setTimeout(say, way)
    })
    from.on('error', () => undefined)
    from.on('close', () => { to.destroy() })
  }
  const server = net.createServer((client) => {
    if (way === 'cut') {
      client.destroy()
      return
    }
    const upstream = net.connect(port, '127.0.0.1')
    const pair = [client, upstream] as const
    pairs.add(pair)
    client.once('close', () => { pairs.delete(pair) })
    forward(client, upstream)
    forward(upstream, client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = (): void => { for (const pair of pairs) for (const socket of pair) socket.destroy() }
  return {
    url: (of) => {
      const url = new URL(of)
      url.port = String((server.address() as AddressInfo).port)
      return url.href
    },
    set: (next) => {
      way = next
      if (next === 'cut') cut()
      if (next !== 'hold') for (const say of held.splice(0)) say()
    },
    close: () => new Promise((resolve) => {
      server.close(() => { resolve() })
      cut()
    }),
  }
}
