import type { DecisionWriter } from '../domain/decision.ts'
import { pinRecord } from '../domain/decision-record.ts'
import type { ConfigurationError } from '../domain/errors.ts'
import { buildersOf, decisionDocument, type BuildersDocument } from '../domain/identity-document.ts'
import type { PinDecision } from '../domain/identity-memory.ts'
import { choosePins, type NoPinChoice } from '../domain/pin-choice.ts'
import { describeBuilder, type BuiltBy } from '../domain/pins.ts'
import type { Ledger } from '../domain/ports.ts'
import { commandAsker } from './command-asker.ts'
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
export async function listPins(name: string | undefined, options: ListOptions): Promise<readonly string[]> {
  const known = await withLedger(options, (ledger) => packagesOf(ledger, name).map((one) => builders(ledger, one)))
  const shown = options.pending === true ? known.filter(({ pending }) => pending.length > 0) : known
  if (options.json === true) return [jsonText(shown, 2)]
  if (shown.length > 0) return shown.flatMap((one) => buildersText(one, { onlyPending: options.pending === true }))
  return [options.pending === true ? 'no change waits for approval' : 'nobody is pinned: no version with provenance was verified that is old enough']
}

/**
 * `pins show`: everything about one package; the lines to print.
 * @throws ConfigurationError when nothing is known of it, or there is no ledger
 */
export async function showPins(name: string, options: LedgerOptions): Promise<readonly string[]> {
  const known = await withLedger(options, (ledger, file) => {
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
export function approvePin(name: string, options: DecideOptions, log?: DecisionWriter): Promise<readonly string[]> {
  return decided('approve', name, options, log)
}

/**
 * `pins drop`: has a pin count no longer, and none be made of that repository again; the lines to print, the decision last.
 * @throws ConfigurationError when there is no such pin, or several repositories are meant
 */
export function dropPin(name: string, options: DecideOptions, log?: DecisionWriter): Promise<readonly string[]> {
  return decided('drop', name, options, log)
}

async function decided(decision: PinDecision['decision'], name: string, options: DecideOptions, log: DecisionWriter | undefined): Promise<readonly string[]> {
  const { reason, by } = said(options, decision)
  const decisions = await withLedger(options, (ledger, file) => {
    const choice = choosePins(decision, ledger, { ...options, name })
    if (choice.fault !== undefined) throw mistake(choice, name, options.to, file)
    const chosen = choice.chosen.map((one): PinDecision => ({ ...one, name, decision, reason, by, at: new Date() }))
    for (const one of chosen) ledger.identities.decide(one)
    return chosen
  })
  for (const one of decisions) log?.add(pinRecord(one, commandAsker()))
  // Decision lines, as the mirror's own are: one JSON object each.
  const lines = decisions.map((one) => jsonText({ ...decisionDocument(one), decision: `pin-${one.decision}`, package: name }))
  const words = decisions.map(({ decision, identity }) => `${decision === 'approve' ? 'approved' : 'dropped'} for ${name}: ${describe(identity)}; a running mirror sees it with its next request`)
  return options.json === true ? lines : [...words, ...lines]
}

function mistake({ fault, known }: NoPinChoice, name: string, to: string, file: string): ConfigurationError {
  const these = known.map(describe).join('; ')
  switch (fault) {
    case 'nothing-pending':
      return usage(file, `no change of "${name}" waits for approval`, 'See `pins list --pending`.')
    case 'not-pending':
      return usage(to, `is not what waits for "${name}"`, `These do: ${these}.`)
    case 'nothing-pinned':
      return unknown(file, name)
    case 'not-pinned':
      return usage(to, `is no pin of "${name}"`, `These are: ${these}.`)
    case 'ambiguous':
      return usage(to, 'is more than one repository', `Name one by its id: ${these}.`)
  }
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
