import { messageOf } from '../domain/errors.ts'
import type { Dist, Packument } from '../domain/packument.ts'
import type { RegistryClient } from './registry-client.ts'

/** Which evidence an uplink publishes, found by asking. */
export interface Probe {
  /** It answered, whatever it said. */
  readonly reachable: boolean
  readonly keys: boolean
  readonly signatures: boolean
  readonly attestations: boolean
  /** What went wrong, when something did; the rest is then what was found until there. */
  readonly error?: string
}

/** Small packages that npm's registry has, signed and with provenance. */
const WELL_KNOWN = ['semver', 'sigstore'] as const

/** Never rejects: what is found is for people to read at start, and a start must not fail over it. */
export async function probe(client: RegistryClient, names: readonly string[] = WELL_KNOWN): Promise<Probe> {
  const found = { reachable: false, keys: false, signatures: false, attestations: false }
  try {
    found.keys = (await client.keys()) !== 'absent'
    found.reachable = true
    for (const name of names) {
      const answer = await client.packument(name)
      if (answer === 'absent') continue
      found.signatures ||= someVersion(answer.packument, ({ signatures }) => Array.isArray(signatures))
      found.attestations ||= someVersion(answer.packument, ({ attestations }) => attestations !== undefined)
    }
    return found
  } catch (error) {
    return { ...found, error: messageOf(error) }
  }
}

const someVersion = (packument: Packument, has: (dist: Dist) => boolean): boolean =>
  [...packument.versions.values()].some(({ dist }) => has(dist))
