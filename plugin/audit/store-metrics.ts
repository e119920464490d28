import { REJECTIONS, type StoreState } from '../domain/state.ts'
import type { LazyMetrics } from './lazy-metrics.ts'

/** Of stores on servers that several mirrors share; where there are none, there are none of these. */
export function storeMetrics({ gauge, counter }: LazyMetrics, { stores = () => [] }: { readonly stores?: (() => readonly StoreState[]) | undefined }): void {
  gauge('provenance_store_up', '0 while a shared store is left alone, since it does not answer', ['store'], () => stores().map(({ store, isUp }) => [{ store }, Number(isUp)]))
  counter('provenance_store_failures_total', 'Questions to a shared store that failed or took too long', ['store'], () => stores().map(({ store, failures }) => [{ store }, failures]))
  counter('provenance_store_rejected_total', 'Entries of a shared store that were not believed, by why', ['store', 'cause'], () =>
    stores().flatMap(({ store, rejected }) => REJECTIONS.flatMap((cause) => (rejected[cause] === undefined ? [] : [[{ store, cause }, rejected[cause]] as const]))))
}
