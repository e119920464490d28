import type { ReplicaState } from '../domain/state.ts'
import type { LazyMetrics } from './lazy-metrics.ts'

const STATES = ['current', 'alone', 'behind', 'halted'] as const satisfies readonly ReplicaState['state'][]

/** Of a mirror that shares its ledger; of one that does not there are none of these. */
export function replicaMetrics(metrics: LazyMetrics, { replicas = () => undefined }: { readonly replicas?: (() => ReplicaState | undefined) | undefined }): void {
  const of = (value: (state: ReplicaState) => number | undefined): readonly (readonly [Record<string, never>, number])[] => {
    const state = replicas()
    const found = state && value(state)
    return found === undefined ? [] : [[{}, found]]
  }
  metrics.gauge('provenance_replica_state', 'How this mirror stands to the ledger it shares: 1 for the state it is in', ['state'], () => {
    const now = replicas()?.state
    return now === undefined ? [] : STATES.map((state) => [{ state }, Number(state === now)] as const)
  })
  metrics.gauge('provenance_replica_sequence', 'Operations of the shared ledger that this mirror knows', [], () => of(({ sequence }) => sequence))
  metrics.gauge('provenance_replica_pending', 'Operations done here that the other mirrors do not know yet', [], () => of(({ pending }) => pending))
  metrics.gauge('provenance_replica_contact_seconds', 'Seconds since the shared ledger was last reached', [], () => of(({ contact }) => contact))
  metrics.gauge('provenance_replica_mirrors', 'Mirrors that greeted in the last minute, this one among them', [], () => of(({ mirrors }) => mirrors.length))
  metrics.counter('provenance_replica_operations_total', 'Operations of the shared ledger since the start, by whose they were', ['of'], () => {
    const state = replicas()
    return state === undefined ? [] : [[{ of: 'others' }, state.applied] as const, [{ of: 'this' }, state.written] as const]
  })
}
