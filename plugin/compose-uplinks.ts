/** The wiring of the clients of uplinks. */
import type { Limits } from './compose-replacements.ts'
import type { Telemetry } from './compose-telemetry.ts'
import type { Configuration } from './config/configuration.ts'
import type { Clock, PackumentReader } from './domain/ports.ts'
import type { PackumentCache } from './upstream/packument-cache.ts'
import { RegistryClient } from './upstream/registry-client.ts'
import { VERSION } from './version.ts'

export interface UplinkParts {
  readonly limits: Limits
  readonly cache: PackumentCache
  readonly reader: PackumentReader
  readonly clock: Clock
  readonly telemetry: Pick<Telemetry, 'uplinks'>
  readonly onError: (error: unknown) => void
  readonly retryWait: number | undefined
}

export const uplinksOf = ({ uplinks }: Pick<Configuration, 'uplinks'>, { limits, cache, reader, clock, telemetry, onError, retryWait }: UplinkParts): readonly RegistryClient[] =>
  uplinks.map(
    (uplink) =>
      new RegistryClient({ ...uplink, tarballDeadline: limits.tarballDeadline }, {
        limits,
        cache,
        reader,
        clock,
        ...telemetry.uplinks,
        userAgent: `verdaccio-provenance/${VERSION}`,
        onError,
        ...(retryWait === undefined ? {} : { retryWait }),
      }),
  )
