import type { IncomingMessage } from 'node:http'
import { BlockList, isIP, SocketAddress } from 'node:net'
import { isObject, ownString } from '../../domain/json.ts'
import { userOf } from '../access.ts'
import { addressOf, type TrustsProxy } from '../asker.ts'

/** Who is counted. */
export interface Client {
  /** An IPv4 address, or the first 64 bits of an IPv6 address; undefined where there is none (a Unix socket). */
  readonly address: string | undefined
  /** Who is signed in. */
  readonly user: string | undefined
}

const MAX_USER = 256

export function clientOf(request: IncomingMessage, trusts: TrustsProxy): Client {
  const user = userOf(request)
  const name = isObject(user) ? ownString(user, 'name') : undefined
  return { address: networkOf(addressOf(request, trusts)) ?? networkOf(request.socket.remoteAddress), user: name === undefined || name === '' ? undefined : name.slice(0, MAX_USER) }
}

/**
 * What of an address is one client's. Who has an IPv6 network has 2^64 addresses in each of its subnets (RFC 4291, 2.5.4), so
 * a subnet counts as one; an IPv4 address in an IPv6 one (2.5.5.2) is what it maps.
 * @returns undefined for what is no address; a proxy may have been told to trust anything
 */
export function networkOf(address: string | undefined): string | undefined {
  if (address === undefined) return undefined
  const plain = withoutPort(address.trim())
  const family = isIP(plain)
  if (family === 0) return undefined
  if (family === 4) return plain
  const groups = groupsOf(plain)
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  if (isMapped) return [groups[6] ?? 0, groups[7] ?? 0].flatMap((group) => [group >> 8, group & 255]).join('.')
  return `${groups.slice(0, 4).map((group) => group.toString(16)).join(':')}::/64`
}

/** Some proxies write the port too: `192.0.2.1:5678`, `[2001:db8::1]:5678`. */
const withoutPort = (address: string): string => /^\[(.+)\](?::\d+)?$/.exec(address)?.[1] ?? (/^[\d.]+:\d+$/.test(address) ? address.slice(0, address.indexOf(':')) : address)

/** The eight of an IPv6 address. */
function groupsOf(address: string): readonly number[] {
  // As inet_ntop writes it: hex, but an IPv4 address stays as it is read by people.
  const { address: text } = new SocketAddress({ address: address.split('%', 1)[0] ?? '', family: 'ipv6' })
  const hex = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, ...bytes: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.slice(0, 4).map(Number)
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  })
  const [before = '', after] = hex.split('::')
  const read = (part: string): readonly number[] => (part === '' ? [] : part.split(':').map((group) => parseInt(group, 16)))
  const [first, last] = [read(before), read(after ?? '')]
  return after === undefined ? first : [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last]
}

/** Whether an address is in one of some networks. */
export function inNetworks(networks: readonly string[]): (address: string | undefined) => boolean {
  const list = new BlockList()
  for (const entry of networks) {
    const [address = '', prefix] = entry.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (prefix === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(prefix), family)
  }
  return (address) => {
    const plain = address === undefined ? '' : withoutPort(address.trim())
    return isIP(plain) !== 0 && list.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4')
  }
}
