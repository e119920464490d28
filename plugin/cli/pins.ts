import { buildersOf, decisionDocument, type BuildersDocument } from '../domain/identity-document.ts'
import type { PinDecision } from '../domain/identity-memory.ts'
import { describeBuilder, isDropped, type BuiltBy } from '../domain/pins.ts'
import type { Ledger } from '../domain/ports.ts'
import { usage, withLedger, type LedgerOptions } from './ledger.ts'
import { buildersText } from './pins-text.ts'
import { jsonText, printable } from './terminal.ts'

export interface ListOptions extends LedgerOptions {
  readonly pending?: boolean
}
export interface DecideOptions extends LedgerOptions {
  /** Certified id of the repository, or its address. */
  readonly to: string
  readonly reason: string
  readonly approvedBy?: string
  /** Path of the workflow, where not all of the repository's are meant. */
  readonly workflow?: string
}

/** `pins list`: who built which package, or only what waits for approval; the lines to print. */
export function listPins(name: string | undefined, options: ListOptions): readonly string[] {
  const known = withLedger(options, (ledger) => packagesOf(ledger, name).map((one) => builders(ledger, one)))
  const shown = options.pending === true ? known.filter(({ pending }) => pending.length > 0) : known
  if (options.json === true) return [jsonText(shown, 2)]
  if (shown.length > 0) return shown.flatMap((one) => buildersText(one, { onlyPending: options.pending === true }))
  return [options.pending === true ? 'no change waits for approval' : 'nobody is pinned: no version with provenance was verified that is old enough']
}

/**
 * `pins show`: everything about one package; the lines to print.
 * @throws ConfigurationError when nothing is known of it, or there is no ledger
 */
export function showPins(name: string, options: LedgerOptions): readonly string[] {
  const known = withLedger(options, (ledger, file) => {
    const found = builders(ledger, name)
    if (found.pins.length === 0 && found.pending.length === 0 && found.decisions.length === 0) throw unknown(file, name)
    return found
  })
  return options.json === true ? [jsonText(known, 2)] : buildersText(known)
}

/**
 * `pins approve`: makes who waits a pin, for good; the lines to print, the decision last.
 * @throws ConfigurationError when nothing that waits is meant, or several are, or nobody answers for it
 */
export function approvePin(name: string, options: DecideOptions): readonly string[] {
  const { reason, by } = said(options, 'approve')
  return decided(name, options, (ledger, file) => {
    const changes = ledger.identities.changes(name)
    const meant = changes.filter(({ to }) => isMeant(to, options))
    if (changes.length === 0) throw usage(file, `no change of "${name}" waits for approval`, 'See `pins list --pending`.')
    if (meant.length === 0) throw usage(options.to, `is not what waits for "${name}"`, `These do: ${changes.map(({ to }) => describe(to)).join('; ')}.`)
    assertOne(meant.map(({ to }) => to), options)
    return meant.map(({ registry, to }) => ({ registry, name, decision: 'approve', identity: to, reason, by, at: new Date() }))
  })
}

/**
 * `pins drop`: has a pin count no longer, and none be made of that repository again; the lines to print, the decision last.
 * @throws ConfigurationError when there is no such pin, or several repositories are meant
 */
export function dropPin(name: string, options: DecideOptions): readonly string[] {
  const { reason, by } = said(options, 'drop')
  return decided(name, options, (ledger, file) => {
    const pins = ledger.registriesOf(name).flatMap((registry) => ledger.identities.pins(registry, name).map((pin) => ({ registry, pin })))
    if (pins.length === 0) throw unknown(file, name)
    const standing = pins.filter(({ pin }) => !isDropped(pin))
    const meant = standing.filter(({ pin }) => isMeant(pin, options))
    if (meant.length === 0) throw usage(options.to, `is no pin of "${name}"`, `These are: ${standing.map(({ pin }) => describe(pin)).join('; ')}.`)
    assertOne(meant.map(({ pin }) => pin), options)
    return meant.map(({ registry, pin }) => ({ registry, name, decision: 'drop', identity: pin, reason, by, at: new Date() }))
  })
}

function decided(name: string, options: LedgerOptions, choose: (ledger: Ledger, file: string) => readonly PinDecision[]): readonly string[] {
  const decisions = withLedger(options, (ledger, file) => {
    const chosen = choose(ledger, file)
    for (const one of chosen) ledger.identities.decide(one)
    return chosen
  })
  // Decision lines, as the mirror's own are: one JSON object each.
  const lines = decisions.map((one) => jsonText({ ...decisionDocument(one), decision: `pin-${one.decision}`, package: name }))
  const words = decisions.map(({ decision, identity }) => `${decision === 'approve' ? 'approved' : 'dropped'} for ${name}: ${describe(identity)}; a running mirror sees it with its next request`)
  return options.json === true ? lines : [...words, ...lines]
}

const isMeant = (by: BuiltBy, { to, workflow }: DecideOptions): boolean =>
  (by.sourceRepositoryId === to || by.sourceRepository === to.replace(/\/$/, '')) && (workflow === undefined || by.workflow === workflow)

/** One address may have been several repositories', and one number several issuers': then it says too little. */
function assertOne(meant: readonly BuiltBy[], { to }: DecideOptions): void {
  const repositories = new Set(meant.map(({ issuer, sourceRepositoryId, sourceRepository }) => JSON.stringify([issuer, sourceRepositoryId ?? sourceRepository])))
  if (repositories.size > 1) throw usage(to, 'is more than one repository', `Name one by its id: ${meant.map(describe).join('; ')}.`)
}

function said({ reason, approvedBy }: DecideOptions, decision: PinDecision['decision']): { readonly reason: string; readonly by: string | undefined } {
  const [why, who] = [reason.trim(), approvedBy?.trim() ?? '']
  if (why === '') throw usage('--reason', 'says nothing', 'Say in a few words why: it is logged and kept.')
  if (decision === 'approve' && who === '') throw usage('--approved-by', 'names nobody', 'Name who answers for it: it is logged and kept.')
  return { reason: why, by: who === '' ? undefined : who }
}

const describe = (by: BuiltBy): string => printable(`${describeBuilder(by)}${by.workflow === undefined ? '' : `, ${by.workflow}`}`)

const builders = (ledger: Ledger, name: string): BuildersDocument => buildersOf(ledger.identities, ledger.registriesOf(name), name)

function packagesOf(ledger: Ledger, name: string | undefined): readonly string[] {
  const names = [...new Set(ledger.identities.packages().map(([, one]) => one))]
  return name === undefined ? names : names.filter((one) => one === name)
}

const unknown = (file: string, name: string) =>
  usage(file, `nobody is pinned for the package "${name}"`, 'Check the spelling, and that this is the configuration the mirror runs with.')
