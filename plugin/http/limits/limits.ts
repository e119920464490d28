import type { LimitedClass, RatedClass, RequestMeasures } from '../../domain/measures.ts'
import type { Clock } from '../../domain/ports.ts'
import { printable } from '../../enforce/text.ts'
import { inNetworks, type Client } from './client.ts'
import { Window, type Rate } from './window.ts'

export type { RatedClass }

export interface ClientLimitsOptions {
  /** What is not here is not limited. */
  readonly rates: Readonly<Partial<Record<RatedClass, Rate | undefined>>>
  /** Connections of one address at one time; undefined where they are not limited. */
  readonly connections: number | undefined
  /** Addresses and networks that are not limited. */
  readonly allow: readonly string[]
  readonly clock: Clock
  readonly measures: Pick<RequestMeasures, 'limited'>
  readonly warn: (refused: Refused) => void
  readonly maxKeys?: number | undefined
}

/** A client that has had its share. */
export interface Refused {
  readonly limited: LimitedClass
  /** As counted: an address, a network, or a user; printable. */
  readonly client: string
  /** Undefined of connections. */
  readonly rate: Rate | undefined
  /** Seconds, 1 at least. */
  readonly retryAfter: number
}

const MINUTE = 60_000
/** Lines a minute, however many clients there are: each is told of once in it. */
const LINES = 100
const MAX_CLIENT = 100

/** What one client may have, so that it does not keep others from theirs: docs/limits.md. One for a mirror; replicas count on their own. */
export class ClientLimits {
  readonly #windows: ReadonlyMap<RatedClass, Window>
  readonly #isAllowed: (address: string | undefined) => boolean
  readonly #told: Window
  readonly #lines: Window
  readonly #options: ClientLimitsOptions
  readonly #connected = new Map<string, number>()

  constructor(options: ClientLimitsOptions) {
    const { rates, allow, clock, maxKeys } = options
    this.#options = options
    this.#windows = new Map((Object.entries(rates) as [RatedClass, Rate | undefined][]).flatMap(([limited, rate]) => (rate === undefined ? [] : [[limited, new Window(rate, clock, maxKeys)] as const])))
    this.#isAllowed = inNetworks(allow)
    this.#told = new Window({ requests: 1, milliseconds: MINUTE }, clock, maxKeys)
    this.#lines = new Window({ requests: LINES, milliseconds: MINUTE }, clock)
  }

  /** Whether somebody's address is not counted. */
  allows(address: string | undefined): boolean {
    return this.#isAllowed(address)
  }

  /** Whether a client has had its share; where it has, that is told. */
  refusal(limited: RatedClass, client: Client): Refused | undefined {
    const window = this.#windows.get(limited)
    if (window === undefined) return undefined
    let refused: Refused | undefined
    for (const key of keysOf(client)) {
      const wait = window.wait(key)
      if (wait > 0 && wait / 1000 > (refused?.retryAfter ?? 0)) refused = { limited, client: key, rate: window.rate, retryAfter: Math.ceil(wait / 1000) }
    }
    if (refused !== undefined) this.#tell(refused)
    return refused
  }

  charge(limited: RatedClass, client: Client): void {
    const window = this.#windows.get(limited)
    if (window !== undefined) for (const key of keysOf(client)) window.add(key)
  }

  /** How many addresses have connections. */
  get connectedAddresses(): number {
    return this.#connected.size
  }

  /** One more connection of an address. @returns what is to be called at its end; undefined when it has too many already */
  connected(address: string): (() => void) | undefined {
    const { connections = Infinity } = this.#options
    const open = this.#connected.get(address) ?? 0
    if (open >= connections) {
      this.#tell({ limited: 'connections', client: address, rate: undefined, retryAfter: 1 })
      return undefined
    }
    this.#connected.set(address, open + 1)
    return () => {
      const left = (this.#connected.get(address) ?? 1) - 1
      // What is here is bounded by the connections that are open.
      if (left > 0) this.#connected.set(address, left)
      else this.#connected.delete(address)
    }
  }

  #tell(refused: Refused): void {
    this.#options.measures.limited.add(refused.limited)
    const key = `${refused.limited} ${refused.client}`
    if (this.#told.wait(key) > 0 || this.#lines.wait('all') > 0) return
    this.#told.add(key)
    this.#lines.add('all')
    this.#options.warn({ ...refused, client: printable(refused.client, MAX_CLIENT) })
  }
}

/** A user's name is none of an address: nobody counts against another by calling himself so. */
const keysOf = ({ address, user }: Client): readonly string[] => [...(address === undefined ? [] : [address]), ...(user === undefined ? [] : [`user ${user}`])]
