/** Root hooks: no test reaches a host that is not this machine. */
import net from 'node:net'

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost', undefined])
// eslint-disable-next-line @typescript-eslint/unbound-method -- put back around the original, `this` is passed on
const connect = net.Socket.prototype.connect

function guarded(this: net.Socket, ...args: unknown[]): net.Socket {
  const [first] = args.flat() as [{ host?: string; path?: string } | number | string]
  const host = typeof first === 'object' ? first.host : typeof args[1] === 'string' ? args[1] : undefined
  if (!(typeof first === 'object' && first.path !== undefined) && !LOOPBACK.has(host))
    throw new Error(`a test tried to reach ${String(host)}`)
  return Reflect.apply(connect, this, args) as net.Socket
}

export const mochaHooks = {
  beforeAll(): void {
    net.Socket.prototype.connect = guarded
  },
  afterAll(): void {
    net.Socket.prototype.connect = connect
  },
}
