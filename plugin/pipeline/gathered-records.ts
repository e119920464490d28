import type { Ledger, VersionRecord } from '../domain/ports.ts'

type Records = Pick<Ledger, 'records' | 'record'>

/**
 * A ledger that gathers records until `flush`, which writes those of a package in one go: each write waits for the disk with the
 * event loop standing still. What was gathered and not written when the process ends is verified again.
 */
export class GatheredRecords implements Records {
  readonly #ledger: Records
  #gathered: { readonly registry: string; readonly name: string; readonly record: VersionRecord }[] = []

  constructor(ledger: Records) {
    this.#ledger = ledger
  }

  records(registry: string, name: string): ReadonlyMap<string, VersionRecord> {
    return this.#ledger.records(registry, name)
  }

  record(registry: string, name: string, records: readonly VersionRecord[]): void {
    for (const record of records) this.#gathered.push({ registry, name, record })
  }

  flush(): void {
    const gathered = this.#gathered
    this.#gathered = []
    for (const same of Map.groupBy(gathered, ({ registry, name }) => JSON.stringify([registry, name])).values()) {
      const [first] = same
      if (first !== undefined) this.#ledger.record(first.registry, first.name, same.map(({ record }) => record))
    }
  }
}
