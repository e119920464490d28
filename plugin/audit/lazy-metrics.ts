import { Counter, Gauge, type Metric, type Registry } from 'prom-client'
import type { Distribution } from '../domain/measures.ts'

type Labels = Readonly<Record<string, string>>
export type Sample = readonly [labels: Labels, value: number]
type Samples = readonly Sample[]

/** Metrics whose numbers are kept elsewhere, and read when somebody asks for them. */
export interface LazyMetrics {
  readonly counter: (name: string, help: string, labels: readonly string[], read: () => Samples | Promise<Samples>) => void
  readonly gauge: (name: string, help: string, labels: readonly string[], read: () => Samples | Promise<Samples>) => void
  readonly histogram: (name: string, help: string, read: () => readonly (readonly [labels: Labels, values: Distribution])[]) => void
}

export function lazyMetrics(registry: Registry): LazyMetrics {
  const registers = [registry]
  return {
    counter: (name, help, labelNames, read) => {
      new Counter({
        name, help, labelNames, registers,
        async collect() {
          const samples = await read()
          // In one go, so that two who ask at one time do not add to each other's.
          this.reset()
          for (const [labels, value] of samples) this.inc(labels, value)
        },
      })
    },
    gauge: (name, help, labelNames, read) => {
      new Gauge({
        name, help, labelNames, registers,
        async collect() {
          const samples = await read()
          this.reset()
          // One without labels begins at 0, which is a number too.
          if (labelNames.length === 0 && samples.length === 0) this.remove({})
          for (const [labels, value] of samples) this.set(labels, value)
        },
      })
    },
    histogram: (name, help, read) => {
      const get = (): Promise<object> => Promise.resolve({ name, help, type: 'histogram', aggregator: 'sum', values: read().flatMap(([labels, values]) => valuesOf(name, labels, values)) })
      // prom-client's own histogram can only be observed into: of a metric that is registered, a registry uses the name and `get`.
      registry.registerMetric({ name, help, type: 'histogram', aggregator: 'sum', get } as unknown as Metric)
    },
  }
}

function valuesOf(name: string, labels: Labels, { bounds, cumulative, sum, count }: Distribution): readonly object[] {
  const bucket = (le: string, value: number): object => ({ metricName: `${name}_bucket`, labels: { le, ...labels }, value })
  return [
    ...bounds.map((bound, place) => bucket(String(bound), cumulative[place] ?? 0)),
    bucket('+Inf', count),
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ]
}
