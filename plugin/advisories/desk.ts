import pLimit from 'p-limit'
import { Unavailable } from '../domain/errors.ts'
import { own, type JsonObject } from '../domain/json.ts'
import { advisoriesIn } from './advisory.ts'
import type { Advisories } from './answer.ts'
import type { AskedPackage, AskedPackages } from './question.ts'

/** What is needed of uplinks and of the ledger. */
export interface AdvisorySources {
  /** Names of the uplinks a package may come from, in order. */
  readonly uplinksFor: (name: string) => readonly string[]
  /** The registry whose packages an uplink serves. */
  readonly registryOf: (uplink: string) => string | undefined
  /** The registry that owns a name, as the ledger knows it. */
  readonly origin: (name: string) => string | undefined
  /** Whether a name is the organisation's own to publish, whoever else has it. */
  readonly mayShadow: (name: string) => boolean
  /**
   * The uplink that has a package, found by asking as an install would.
   * @throws Unavailable
   */
  readonly find: (name: string) => Promise<string | undefined>
  /** @throws Unavailable */
  readonly ask: (uplink: string, versions: Readonly<Record<string, readonly string[]>>) => Promise<JsonObject | 'absent'>
}

export interface Found {
  readonly advisories: Advisories
  /** Uplinks that publish no advisories, with the number of their packages that nobody was asked about. */
  readonly silent: ReadonlyMap<string, number>
}

const LOOKUPS = 1000
const LOOKUPS_AT_ONCE = 16

/**
 * Asks each uplink for advisories about its own packages, and about no others: a name that belongs elsewhere is not told to it,
 * and what it says of one does not count.
 *
 * An uplink without advisories has none to give; one that does not answer leaves the question open, since whoever reads "no
 * vulnerabilities" has to be able to rely on it.
 * @throws Unavailable when an uplink did not answer, or when all that were asked have no advisories at all
 */
export async function advisoriesOf(asked: AskedPackages, sources: AdvisorySources): Promise<Found> {
  const byUplink = await owned(asked, sources)
  const answers = await Promise.all(
    [...byUplink].map(async ([uplink, packages]) => {
      const versions = Object.fromEntries([...packages].map(([name, of]) => [name, [...of.versions]]))
      return { uplink, packages, answer: await sources.ask(uplink, versions) }
    }),
  )
  const silent = new Map(answers.flatMap(({ uplink, packages, answer }) => (answer === 'absent' ? [[uplink, packages.size] as const] : [])))
  if (silent.size > 0 && silent.size === byUplink.size)
    throw new Unavailable('evidence-unavailable', `no uplink could be asked for advisories: ${[...silent.keys()].join(', ')} published none`)
  const advisories = answers.flatMap(({ packages, answer }) =>
    answer === 'absent' ? [] : [...packages.keys()].map((name) => [name, advisoriesIn(own(answer, name))] as const),
  )
  return { advisories: new Map(advisories), silent }
}

async function owned(asked: AskedPackages, sources: AdvisorySources): Promise<ReadonlyMap<string, AskedPackages>> {
  const known = [...asked].map(([name, of]) => ({ name, of, owner: ownerOf(name, of, sources) }))
  // One question of a client must not become tens of thousands to uplinks.
  if (known.filter(({ owner }) => owner === 'unknown').length > LOOKUPS)
    throw new Unavailable('evidence-unavailable', `more than ${String(LOOKUPS)} of the packages were never installed through this mirror`)
  const limit = pLimit(LOOKUPS_AT_ONCE)
  const found = await Promise.all(
    known.map(async ({ name, of, owner }) => ({ name, of, uplink: owner === 'unknown' ? await limit(() => sources.find(name)) : owner?.uplink })),
  )
  const byUplink = new Map<string, Map<string, AskedPackage>>()
  for (const { name, of, uplink } of found) {
    if (uplink === undefined) continue
    const packages = byUplink.get(uplink) ?? new Map<string, AskedPackage>()
    byUplink.set(uplink, packages.set(name, of))
  }
  return byUplink
}

/** The uplink a package is known or configured to come from; undefined when it is nobody's, or may be nobody's. */
function ownerOf(
  name: string,
  { mayBePrivate }: AskedPackage,
  { uplinksFor, registryOf, origin, mayShadow }: AdvisorySources,
): { readonly uplink: string | undefined } | 'unknown' | undefined {
  const route = uplinksFor(name)
  const registry = origin(name)
  if (registry !== undefined) return { uplink: route.find((uplink) => registryOf(uplink) === registry) }
  if (mayBePrivate || mayShadow(name) || route.length === 0) return undefined
  return route.length === 1 ? { uplink: route[0] } : 'unknown'
}
