/** The wiring of `npm audit`: each uplink is asked about its own packages, and about no others. */
import type { Configuration } from './config/configuration.ts'
import type { Ledger, Upstreams } from './domain/ports.ts'
import type { RouterDeps } from './http/router.ts'
import type { RegistryClient } from './upstream/registry-client.ts'

export interface AdvisoryParts {
  readonly clients: ReadonlyMap<string, RegistryClient>
  readonly ledger: Pick<Ledger, 'origin'>
  readonly upstreams: Upstreams
}

export const advisoriesOf = ({ uplinksFor, mayShadow }: Pick<Configuration, 'uplinksFor' | 'mayShadow'>, { clients, ledger, upstreams }: AdvisoryParts): RouterDeps['advisories'] => ({
  uplinksFor,
  registryOf: (uplink) => clients.get(uplink)?.registry,
  origin: (name) => ledger.origin(name),
  mayShadow,
  find: async (name) => {
    const found = await upstreams.find(name)
    return found === 'absent' ? undefined : found.upstream.name
  },
  ask: async (uplink, versions) => (await clients.get(uplink)?.advisories(versions)) ?? 'absent',
})
