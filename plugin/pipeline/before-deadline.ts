import { Unavailable } from '../domain/errors.ts'
import type { AttestationResult, Policy } from '../domain/ports.ts'
import { verifiedAttestations, type AttestationDeps } from './attestations.ts'
import type { PackageContext } from './context.ts'
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
  let late = false
  const work = Promise.all(
    wantedFirst(context, policy).map((manifest) =>
      deps.limit(async () => {
        if (late && (policy.listing !== 'verified' || othersFollow)) return
        verified.set(manifest.version, await verifiedAttestations(context, manifest, deps))
      }, context.upstream.name).catch(unlessBusy),
    ),
  )
  const finished = await Promise.race([work.then(() => true), deps.deadline().then(() => false)])
  if (finished) return verified
  late = true
  const inTime = new Map(verified)
  work.then(() => context.facts.save()).then(onLate, deps.onBackgroundError)
  return inTime
}

/** Too many wait already: what is not verified now stays on its claim, and the gate will verify it. */
const unlessBusy = (error: unknown): void => { if (!(error instanceof Unavailable)) throw error }
