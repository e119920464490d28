/** A mirror's metrics with a number for everything, and their text read again. */
import { mirrorMetrics, type MetricsSource } from '../../plugin/audit/metrics.ts'
import { noMeasures } from '../../plugin/domain/measures.ts'
import { reason } from '../../plugin/domain/reason.ts'
import { noWork } from '../../plugin/domain/work.ts'

export const NOW = new Date('2026-06-01T00:00:00Z')
const inDays = (days: number): Date => new Date(NOW.getTime() + days * 86_400_000)

/** Every metric has a value. */
export function busySource(more: Partial<MetricsSource> = {}): MetricsSource {
  const measures = noMeasures()
  measures.requests.of.packument.whole.note(200, 0.002, 5000)
  measures.decisions.note({ kind: 'refused', verdict: { outcome: 'deny', reasons: [reason('provenance-absent', 'none')] } as never })
  measures.questions.note({ uplink: 'npmjs', kind: 'packument', outcome: 'answered', seconds: 0.2 })
  measures.verifications.results.add('signature verified')
  return {
    version: '1.2.3',
    measures,
    work: noWork(),
    now: () => NOW,
    problems: () => [],
    uplinks: () => [{ name: 'npmjs', state: 'asked', waiting: { foreground: 1, background: 2 }, running: 3 }],
    queues: () => ({ verification: { waiting: 4, running: 5 } }),
    caches: () => ({ packuments: { memory: 10, memoryLimit: 20, disk: 30, diskLimit: 40 } }),
    trust: () => ({
      states: [{ uplink: 'npmjs', asOf: inDays(-1), expires: inDays(3), keySource: 'tuf', keys: 2, keyExpires: inDays(30) }],
      instances: [
        { instance: 'default', source: 'a file', asOf: undefined, ends: [{ kind: 'ca', at: inDays(20), isOwn: true }], refreshes: { succeeded: 1, failed: 2 } },
        { instance: 'acme', source: undefined, asOf: undefined, ends: [], refreshes: { succeeded: 0, failed: 3 } },
      ],
      refreshes: { succeeded: 1, failed: 5 },
    }),
    signingKeys: () => [{ purpose: 'registry', created: inDays(-100) }],
    policy: () => ({ revision: 'abc', preset: 'strict', mode: 'enforce', loadedAt: NOW, reloads: { applied: 1 }, waivers: [{ expires: inDays(0.5) }, { expires: inDays(6) }, { expires: inDays(60) }] }),
    log: () => ({ entries: { refused: 7 }, waiting: 8, dropped: 9 }),
    notifications: () => [{ hook: 'chat', delivered: 1, givenUp: 2, failedAttempts: 3, waiting: 4 }],
    replicas: () => ({ state: 'alone', problem: 'x', pending: 1, sequence: 20, contact: 3, applied: 4, written: 5, mirrors: [{ name: 'a', version: '1.0.0', policy: 'abc', sequence: 20 }] }),
    stores: () => [{ store: 'facts', isUp: false, failures: 3, rejected: { altered: 2 } }],
    disk: () => Promise.resolve({ databases: { ledger: 100 }, free: 1000 }),
    ...more,
  }
}

/** Values by series, as `name{label="value"}`. */
export async function scraped(source: MetricsSource): Promise<ReadonlyMap<string, number>> {
  const text = await mirrorMetrics(source).text()
  return seriesOf(text)
}

export const seriesOf = (text: string): ReadonlyMap<string, number> =>
  new Map(text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]))

/** Names and types, as the text declares them. */
export const declaredIn = (text: string): ReadonlyMap<string, string> =>
  new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type]))
