import { Unavailable } from '../domain/errors.ts'
import type { AttestationResult, Policy } from '../domain/ports.ts'
import { verifiedAttestations, type AttestationDeps } from './attestations.ts'
import type { PackageContext } from './context.ts'
import { GatheredRecords } from './gathered-records.ts'
import { wantedFirst } from './selection.ts'

export interface DeadlineDeps extends AttestationDeps {
  readonly limit: <Result>(task: () => Promise<Result>, uplink: string) => Promise<Result>
  readonly deadline: () => Promise<void>
  readonly onBackgroundError: (error: unknown) => void
}

/**
 * Provenance of the versions an install is likely to pick, as far as the deadline allows. What is late goes on: `onLate` is called
 * when it has ended, and what it found is saved.
 */
export async function attestationsBeforeDeadline(
  context: PackageContext,
  policy: Policy,
  deps: DeadlineDeps,
  { othersFollow, onLate }: { readonly othersFollow: boolean; readonly onLate: () => void },
): Promise<ReadonlyMap<string, AttestationResult>> {
  const verified = new Map<string, AttestationResult>()
  const records = new GatheredRecords(deps.ledger)
  const gathering = { ...deps, ledger: records }
  let late = false
  const wanted = await wantedFirst(context, policy)
  const work = Promise.all(
    wanted.map((manifest) =>
      deps.limit(async () => {
        if (late && (policy.listing !== 'verified' || othersFollow)) return
        verified.set(manifest.version, await verifiedAttestations(context, manifest, gathering))
      }, context.upstream.name).catch(unlessBusy),
    ),
  )
  // What an answer rests on is remembered before it is given.
  const flush = (): void => { records.flush() }
  const finished = await Promise.race([work.then(() => true), deps.deadline().then(() => false)]).finally(flush)
  if (finished) return verified
  late = true
  const inTime = new Map(verified)
  work.finally(flush).then(() => context.facts.save()).then(onLate, deps.onBackgroundError)
  return inTime
}

/** Too many wait already: what is not verified now stays on its claim, and the gate will verify it. */
const unlessBusy = (error: unknown): void => { if (!(error instanceof Unavailable)) throw error }
