/** What a mirror gave out, and to whom, by its decision log. */
import { openDecisionLog, type DecisionLogStore } from '../compose-log.ts'
import { whoFetched, type Fetcher } from '../domain/fetched.ts'
import { specOf, splitSpec, type PackageRef } from '../domain/package-ref.ts'
import { configOf, type LedgerOptions } from './ledger.ts'
import { compare, type Subjects } from './what-if.ts'

/** Every version somebody was given. @throws ConfigurationError where there is no log */
export const fetchedVersions = (options: LedgerOptions): Promise<readonly PackageRef[]> =>
  withDecisionLog(options, async (log) => {
    const found = new Map<string, PackageRef>()
    for await (const { package: name, version } of log.each({ kinds: ['served', 'warned'] }))
      if (name !== null && version !== null) found.set(specOf({ name, version }), { name, version })
    return [...found.values()]
  })

/** Who was given any of these versions. @throws ConfigurationError where there is no log */
export const fetchersOf = (specs: readonly string[], options: LedgerOptions): Promise<readonly Fetcher[]> =>
  withDecisionLog(options, (log) => {
    const byName = Map.groupBy(specs.map(splitSpec), ({ name }) => name)
    return whoFetched(log, [...byName].map(([name, refs]) => {
      const versions = new Set(refs.map(({ version }) => version))
      return { name, holds: (version) => versions.has(version) }
    }))
  })

export const withRefs = ({ refs, notCovered }: Subjects, more: readonly PackageRef[]): Subjects => ({
  refs: [...new Map([...refs, ...more].map((ref) => [specOf(ref), ref])).values()].toSorted((a, b) => compare(a.name, b.name) || compare(a.version, b.version)),
  notCovered,
})

async function withDecisionLog<Result>(options: LedgerOptions, use: (log: DecisionLogStore) => Promise<Result>): Promise<Result> {
  const { log } = openDecisionLog(configOf(options), { readOnly: true, warn: (message) => { console.error(message) } })
  try {
    return await use(log)
  } finally {
    await log.close()
  }
}
