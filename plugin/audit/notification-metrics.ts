import type { HookState } from '../domain/notification.ts'
import type { LazyMetrics } from './lazy-metrics.ts'

/** By the names that the configuration gives to receivers. */
export function notificationMetrics(metrics: LazyMetrics, { notifications }: { readonly notifications?: (() => readonly HookState[]) | undefined }): void {
  const states = (): readonly HookState[] => notifications?.() ?? []
  metrics.counter('provenance_notifications_total', 'Messages to receivers of notifications, by what came of them', ['receiver', 'outcome'], () =>
    states().flatMap(({ hook, delivered, givenUp }) => [[{ receiver: hook, outcome: 'delivered' }, delivered] as const, [{ receiver: hook, outcome: 'given-up' }, givenUp] as const]))
  metrics.counter('provenance_notification_attempts_failed_total', 'Attempts to send a message that failed', ['receiver'], () => states().map(({ hook, failedAttempts }) => [{ receiver: hook }, failedAttempts] as const))
  metrics.gauge('provenance_notices_waiting', 'News that were not told yet', ['receiver'], () => states().map(({ hook, waiting }) => [{ receiver: hook }, waiting] as const))
}
