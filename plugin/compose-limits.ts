/** What one client may have. */
import type { StructuredLogger } from './audit/decisions.ts'
import type { Configuration } from './config/configuration.ts'
import type { Measures } from './domain/measures.ts'
import type { Clock } from './domain/ports.ts'
import { ClientLimits } from './http/limits/limits.ts'

/** Undefined where the configuration wants none. */
export function limitsOf({ limits }: Pick<Configuration, 'limits'>, { measures, clock, logger }: { readonly measures: Pick<Measures, 'requests'>; readonly clock: Clock; readonly logger: StructuredLogger }): ClientLimits | undefined {
  const { enabled, allow, connections, ...rates } = limits
  if (!enabled) return undefined
  return new ClientLimits({
    rates,
    connections,
    allow,
    clock,
    measures: measures.requests,
    warn: ({ limited, client, rate, retryAfter }) => {
      logger.warn({ limited: { class: limited, client, rate, retryAfter } }, 'a client is refused for a while, having had its share: @{limited.class} of @{limited.client}')
    },
  })
}
