/** All versions of a package with what policy may look at: what a listing is judged from, under any policy. */
import { LRUCache } from 'lru-cache'
import type { Candidate } from '../domain/evidence.ts'
import type { Packument } from '../domain/packument.ts'
import type { Policy, VersionRecord } from '../domain/ports.ts'
import { inTurns, mapInTurns, nextTurn } from '../domain/turns.ts'
import { knownAttestations } from './attestations.ts'
import { attestationsBeforeDeadline } from './before-deadline.ts'
import { candidateOf } from './candidate.ts'
import type { PackageContext } from './context.ts'
import type { PipelineDeps } from './deps.ts'
import { withHistory } from './history.ts'
import { mayWait } from './later-signatures.ts'
import { askedAgain } from './listing.ts'
import type { RecentEvidence } from './recent-evidence.ts'
import { renewalEnds } from './renewal.ts'
import { isSettled, wantedFirst } from './selection.ts'
import { signaturesOf } from './signatures.ts'
import type { Suspects } from './suspects.ts'

export interface Candidates {
  readonly all: readonly Candidate[]
  /** When anything of it stops counting. */
  readonly ends: readonly Date[]
}

interface Memories {
  readonly suspects: Suspects
  readonly recent: RecentEvidence
  /** Called when evidence that was late is here. */
  readonly onLate: () => void
}

const ABSENT = { state: 'absent' } as const

/** Verifies what has to be verified before an answer, and puts together what is known of each version. */
export async function candidatesOf(context: PackageContext, policy: Policy, deps: PipelineDeps, { suspects, recent, onLate }: Memories): Promise<Candidates> {
  const { upstream, document: { packument } } = context
  const now = deps.clock.now()
  const manifests = [...packument.versions.values()]
  const signatures = await signaturesOf(context, manifests, deps.verifier, deps.ledger, { mayWait: await mayWait(context, policy, deps) })
  const attestations = await attestationsBeforeDeadline(context, policy, deps, { othersFollow: deps.behind !== undefined, onLate })
  // The gate compares with what came before, and asks nobody about others: what was found wrong here is known there.
  recent.noteAll(context, attestations, now)
  const suspicions = await mapInTurns(await inTurns(manifests, (manifest) => [manifest, suspects.of(upstream.registry, packument.name, manifest, now)] as const))
  const alone = await inTurns(manifests, (manifest) => {
    const known = attestations.get(manifest.version) ?? knownAttestations(context, manifest)
    const parts = {
      signature: signatures.get(manifest.version) ?? ABSENT,
      attestations: isSettled(known) ? known : (recent.of(context, manifest, now)?.result ?? known),
      byteFaults: suspicions.get(manifest)?.reasons ?? [],
    }
    return candidateOf(context, manifest, parts, deps)
  })
  const all = await withHistory(alone, { context, ledger: deps.ledger })
  await context.facts.save()
  await nextTurn()
  const suspected = [...suspicions.values()].flatMap((suspicion) => suspicion?.until ?? [])
  return { all, ends: [...suspected, ...askedAgain(context, all, now), ...renewalEnds(all, context, now)] }
}

interface Entry extends Candidates {
  readonly basis: string
  readonly packument: Packument
  readonly records: ReadonlyMap<string, VersionRecord>
  readonly since: Date
}

/** Bytes that a candidate takes, about; what it shares with others apart. */
const PER_CANDIDATE = 1536
const DEFAULT_MEMORY = 64 * 1024 ** 2

/**
 * Candidates by package, for the next policy: they stand while everything else does that a listing rests on. What is learned of a package
 * ends them, as does a record in the ledger; and they are of no use to a policy that has more asked for.
 */
export class KnownCandidates {
  readonly #entries: LRUCache<string, Entry>
  #learned = 0

  /** `memory` in bytes. */
  constructor(memory = DEFAULT_MEMORY) {
    this.#entries = new LRUCache({ maxSize: memory, sizeCalculation: ({ all }) => (all.length + 1) * PER_CANDIDATE })
  }

  /** Counts what was learned, so that candidates begun before do not stay. */
  get learned(): number {
    return this.#learned
  }

  /** @param basis of a listing (basis.ts), the policy apart */
  async get(context: PackageContext, basis: string, policy: Policy, now: Date): Promise<Candidates | undefined> {
    const { packument } = context.document
    const entry = this.#entries.get(packument.name)
    if (entry?.basis !== basis || entry.packument !== packument || entry.records !== context.records) return undefined
    if (now < entry.since || entry.ends.some((end) => end <= now)) return undefined
    return (await wantedFirst(context, policy)).length === 0 ? entry : undefined
  }

  keep({ document: { packument } }: PackageContext, { all, ends }: Candidates, begun: Omit<Entry, 'all' | 'ends' | 'packument'> & { readonly learned: number }): void {
    const { basis, records, since, learned } = begun
    if (learned === this.#learned) this.#entries.set(packument.name, { all, ends, packument, basis, records, since })
  }

  /** Something was learned of this package that they do not show yet. */
  forget(name: string): void {
    this.#entries.delete(name)
    this.#learned++
  }
}
