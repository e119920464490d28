import { messageOf } from '../domain/errors.ts'
import type { Dist, Packument } from '../domain/packument.ts'
import type { RegistryClient } from './registry-client.ts'

/** What a registry leaves out, of what npm's has: a package of ours to look at, a field, or the endpoint behind a field. */
export type Lack = 'packages' | 'time' | 'dist.integrity' | 'dist.tarball' | 'attestations'

/** Which evidence an uplink publishes, found by asking. */
export interface Probe {
  /** It answered, whatever it said. */
  readonly reachable: boolean
  readonly keys: boolean
  readonly signatures: boolean
  readonly attestations: boolean
  /** `packages`: it has none of those that were asked for, so that nothing else is known of it. `attestations`: announced, and not to be had. */
  readonly lacks: readonly Lack[]
  /** What went wrong, when something did; the rest is then what was found until there. */
  readonly error?: string
}

/** Small packages that npm's registry has, signed and with provenance. */
const WELL_KNOWN = ['semver', 'sigstore'] as const

/** Never rejects: what is found is for people to read at start, and a start must not fail over it. */
export async function probe(client: RegistryClient, names: readonly string[] = WELL_KNOWN): Promise<Probe> {
  const found = { reachable: false, keys: false, signatures: false, attestations: false }
  const lacks = new Set<Lack>()
  let looked = 0
  const ended = (error?: unknown): Probe => ({
    ...found,
    lacks: found.reachable && looked === 0 ? ['packages'] : [...lacks],
    ...(error === undefined ? {} : { error: messageOf(error) }),
  })
  try {
    found.keys = (await client.keys()) !== 'absent'
    found.reachable = true
    for (const name of names) {
      const answer = await client.packument(name)
      if (answer === 'absent') continue
      looked++
      const { packument } = answer
      found.signatures ||= someVersion(packument, ({ signatures }) => Array.isArray(signatures)) !== undefined
      for (const lack of missingIn(packument)) lacks.add(lack)
      const announced = someVersion(packument, ({ attestations }) => attestations !== undefined)
      if (announced === undefined) continue
      found.attestations = true
      if (client.attestationsMode !== 'none' && (await client.attestations({ name, version: announced })) === 'absent') lacks.add('attestations')
    }
    return ended()
  } catch (error) {
    return ended(error)
  }
}

const someVersion = (packument: Packument, has: (dist: Dist) => boolean): string | undefined =>
  [...packument.versions.values()].findLast(({ dist }) => has(dist))?.version

/** Of the latest version: old ones may lack what a registry has long had. */
function missingIn({ versions, distTags, time }: Packument): readonly Lack[] {
  const version = distTags.get('latest') ?? [...versions.keys()].at(-1) ?? ''
  const dist = versions.get(version)?.dist
  if (dist === undefined) return []
  return [
    ...(time.has(version) ? [] : ['time' as const]),
    ...(dist.integrity === undefined ? ['dist.integrity' as const] : []),
    ...(dist.tarball === undefined ? ['dist.tarball' as const] : []),
  ]
}
