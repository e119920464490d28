/** Which identity an operator means: the same for a command line and for the dashboard. */
import type { PinDecision } from './identity-memory.ts'
import { isDropped, type BuiltBy } from './pins.ts'
import type { Ledger } from './ports.ts'

export interface PinWish {
  readonly name: string
  /** Certified id of the repository, or its address. */
  readonly to: string
  /** Path of the workflow, where not all of the repository's are meant. */
  readonly workflow?: string | undefined
}

/**
 * - `nothing-pending`, `nothing-pinned`: there is nothing to decide on;
 * - `not-pending`, `not-pinned`: what is named is none of `known`;
 * - `ambiguous`: it is several of them.
 */
export type PinFault = 'nothing-pending' | 'not-pending' | 'nothing-pinned' | 'not-pinned' | 'ambiguous'

export interface PinChoice {
  readonly chosen: readonly { readonly registry: string; readonly identity: BuiltBy }[]
  readonly fault?: undefined
}
export interface NoPinChoice {
  readonly fault: PinFault
  /** What could have been meant, or was, all of it. */
  readonly known: readonly BuiltBy[]
}

type Memory = Pick<Ledger, 'identities' | 'registriesOf'>

export function choosePins(decision: PinDecision['decision'], ledger: Memory, wish: PinWish): PinChoice | NoPinChoice {
  return decision === 'approve' ? pendingMeant(ledger, wish) : pinsMeant(ledger, wish)
}

function pendingMeant({ identities }: Memory, wish: PinWish): PinChoice | NoPinChoice {
  const changes = identities.changes(wish.name)
  if (changes.length === 0) return { fault: 'nothing-pending', known: [] }
  return oneOf(changes.map(({ registry, to }) => ({ registry, identity: to })), wish, 'not-pending')
}

function pinsMeant(ledger: Memory, wish: PinWish): PinChoice | NoPinChoice {
  const pins = ledger.registriesOf(wish.name).flatMap((registry) => ledger.identities.pins(registry, wish.name).map((identity) => ({ registry, identity })))
  if (pins.length === 0) return { fault: 'nothing-pinned', known: [] }
  return oneOf(pins.filter(({ identity }) => !isDropped(identity)), wish, 'not-pinned')
}

function oneOf(all: PinChoice['chosen'], wish: PinWish, none: PinFault): PinChoice | NoPinChoice {
  const chosen = all.filter(({ identity }) => isMeant(identity, wish))
  if (chosen.length === 0) return { fault: none, known: all.map(({ identity }) => identity) }
  // One address may have been several repositories', and one number several issuers': then it says too little.
  const repositories = new Set(chosen.map(({ identity: { issuer, sourceRepositoryId, sourceRepository } }) => JSON.stringify([issuer, sourceRepositoryId ?? sourceRepository])))
  return repositories.size > 1 ? { fault: 'ambiguous', known: chosen.map(({ identity }) => identity) } : { chosen }
}

const isMeant = (by: BuiltBy, { to, workflow }: PinWish): boolean =>
  (by.sourceRepositoryId === to || by.sourceRepository === to.replace(/\/$/, '')) && (workflow === undefined || by.workflow === workflow)
