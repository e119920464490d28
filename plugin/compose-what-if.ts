/** The wiring of questions: what another policy would say, asked of the same memories without teaching them anything. */
import type { IdentityPin } from './domain/history.ts'
import type { IdentityMemory } from './domain/identity-memory.ts'
import { keyOf, mergedPin } from './domain/pins.ts'
import type { Ledger, Policy } from './domain/ports.ts'
import { Pipeline, type PipelineDeps } from './pipeline/pipeline.ts'

/** Judges by `policy`. Evidence it verifies is kept, as it is true under any policy. */
export const whatIf = (deps: PipelineDeps, policy: Policy): Pipeline =>
  new Pipeline({
    ...deps,
    policy: () => policy,
    ledger: withoutLearning(deps.ledger),
    decisions: { record: () => undefined },
    events: undefined,
    behind: undefined,
  })

/**
 * Pins are made of what a policy allows: one that is only tried out must neither pin whom the policy in force refuses, nor have
 * changes wait for an operator. What it learns lasts as long as the question.
 */
export function withoutLearning(ledger: Ledger): Ledger {
  const identities = forTheMoment(ledger.identities)
  return new Proxy(ledger, {
    get: (target, key) => {
      if (key === 'identities') return identities
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? (...parameters: unknown[]): unknown => Reflect.apply(value, target, parameters) : value
    },
  })
}

function forTheMoment(known: IdentityMemory): IdentityMemory {
  const added = new Map<string, Map<string, IdentityPin>>()
  const placeOf = (registry: string, name: string): string => `${registry} ${name}`
  return {
    pins: (registry, name) => {
      const pins = new Map(known.pins(registry, name).map((pin) => [keyOf(pin), pin]))
      for (const [key, pin] of added.get(placeOf(registry, name)) ?? []) pins.set(key, mergedPin(pins.get(key), pin))
      return [...pins.values()].toSorted((a, b) => a.since.getTime() - b.since.getTime())
    },
    add: (registry, name, pins) => {
      const place = placeOf(registry, name)
      const mine = added.get(place) ?? new Map<string, IdentityPin>()
      for (const pin of pins) mine.set(keyOf(pin), mergedPin(mine.get(keyOf(pin)), pin))
      added.set(place, mine)
    },
    noteChanges: () => [],
    changes: (name) => known.changes(name),
    decide: () => {
      throw new Error('a question decides nothing')
    },
    decisions: (name) => known.decisions(name),
    packages: () => known.packages(),
    revision: (name) => known.revision(name),
  }
}
