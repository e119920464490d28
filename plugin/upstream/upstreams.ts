import { LRUCache } from 'lru-cache'
import { Unavailable } from '../domain/errors.ts'
import type { FoundHead, FoundPackument, Upstream, Upstreams } from '../domain/ports.ts'

/** Names of the uplinks to ask for a package, in order: the compiled `packages` map of the configuration. */
export type Route = (name: string) => readonly string[]

const MAX_ROUTED = 20_000

/** The uplinks, and which of them owns a package. */
export class RoutedUpstreams implements Upstreams {
  readonly all: readonly Upstream[]
  readonly #byName: ReadonlyMap<string, Upstream>
  readonly #route: Route
  /** Of names that were asked for: each question of a client asks again. */
  readonly #routed = new LRUCache<string, readonly Upstream[]>({ max: MAX_ROUTED })

  constructor(all: readonly Upstream[], route: Route) {
    this.all = all
    this.#byName = new Map(all.map((upstream) => [upstream.name, upstream]))
    this.#route = route
  }

  /**
   * The first uplink that has the package. Only `absent` moves on to the next: were an uplink that cannot be reached skipped,
   * whoever holds the same name on a later one would be installed instead (dependency confusion).
   * @throws Unavailable (`evidence-unavailable`; `internal-error` when the route names an uplink that does not exist)
   */
  async find(name: string, confirmedAfter?: Date): Promise<FoundPackument | 'absent'> {
    for (const upstream of this.#upstreamsOf(name)) {
      const document = await upstream.packument(name, confirmedAfter)
      if (document !== 'absent') return { upstream, document }
    }
    return 'absent'
  }

  peek(name: string): FoundHead | undefined {
    for (const upstream of this.#upstreamsOf(name)) {
      const document = upstream.peek?.(name)
      if (document === undefined) return undefined
      if (document !== 'absent') return { upstream, document }
    }
    return undefined
  }

  #upstreamsOf(name: string): readonly Upstream[] {
    // Without making it the newest: a name that goes is routed again.
    const known = this.#routed.peek(name)
    if (known !== undefined) return known
    const upstreams = this.#route(name).map((uplink) => {
      const upstream = this.#byName.get(uplink)
      if (upstream === undefined) throw new Unavailable('internal-error', `no uplink is called ${uplink}`)
      return upstream
    })
    this.#routed.set(name, upstreams)
    return upstreams
  }
}
