import path from 'node:path'
import type { VerdaccioConfiguration } from '../config/configuration.ts'
import { takeOver } from '../config/take-over.ts'
import { readYaml } from '../config/yaml.ts'
import { openLedger, type DurableLedger } from '../compose.ts'
import { ConfigurationError } from '../domain/errors.ts'
import { splitSpec } from '../domain/package-ref.ts'
import type { DecisionWriter } from '../domain/decision.ts'
import { resetRecord } from '../domain/decision-record.ts'
import { decide, type Ledger, type LedgerReset } from '../domain/ports.ts'
import { commandAsker } from './command-asker.ts'
import { ledgerText, remembered, resetLine } from './ledger-text.ts'
import { jsonText } from './terminal.ts'

export interface LedgerOptions {
  readonly config?: string
  readonly json?: boolean
}

const DEFAULT_CONFIG = 'data/config.yaml'

/**
 * `ledger show`: what the mirror remembers of a package or one version, by registry; the lines to print.
 * @throws ConfigurationError when nothing is remembered of it, or there is no ledger
 */
export async function showLedger(spec: string, options: LedgerOptions): Promise<readonly string[]> {
  const { name, version } = parsed(spec)
  const known = await withLedger(options, (ledger, file) => {
    const found = remembered(ledger, name, version)
    // A package that was reset is known for that alone.
    if (found.registries.length === 0 && found.resets.length === 0) throw unknown(ledger, file, name, version)
    return found
  })
  return options.json === true ? [jsonText(known, 2)] : ledgerText(known)
}

/**
 * `ledger reset`: forgets a package or one version, for good, and keeps that it did and why; the lines to print, the decision last.
 * @throws ConfigurationError when nothing is remembered of it, there is no reason, or there is no ledger
 */
export async function resetLedger(spec: string, options: LedgerOptions & { readonly reason?: string }, log?: DecisionWriter): Promise<readonly string[]> {
  const { name, version } = parsed(spec)
  const reason = options.reason?.trim() ?? ''
  if (reason === '') throw usage('--reason', 'says nothing', 'Say in a few words why: it is logged and kept.')
  const what: LedgerReset = { name, version, reason, at: new Date() }
  const registries = await withLedger(options, (ledger, file) => {
    const forgotten = ledger.reset(what)
    if (forgotten.length === 0) throw unknown(ledger, file, name, version)
    return forgotten
  })
  log?.add(resetRecord(what, registries, commandAsker()))
  // The decision line, as the mirror's own are: one JSON object.
  const line = jsonText(resetLine(what, registries))
  return options.json === true ? [line] : [`forgot ${spec} (${registries.join(', ')}); a running mirror sees it with its next request`, line]
}

/** @throws ConfigurationError */
export const configOf = ({ config }: LedgerOptions): VerdaccioConfiguration => takeOver(readYaml(path.resolve(config ?? DEFAULT_CONFIG))).config

/** What `use` changes is known to all who share the ledger when this resolves. @throws ConfigurationError; Unavailable; what `use` throws */
export async function withLedger<Result>(options: LedgerOptions, use: (ledger: DurableLedger, file: string) => Result): Promise<Result> {
  const { ledger, file, close } = await openLedger(configOf(options))
  try {
    return await decide(ledger, () => use(ledger, file))
  } finally {
    await close()
  }
}

function parsed(spec: string): { readonly name: string; readonly version: string | undefined } {
  const { name, version } = splitSpec(spec)
  if (name === '' || version === '') throw usage(spec, 'is not a package', 'Name it as NAME or NAME@VERSION.')
  return { name, version }
}

function unknown(ledger: Ledger, file: string, name: string, version: string | undefined): ConfigurationError {
  const registries = version === undefined ? [] : ledger.registriesOf(name)
  if (registries.length === 0)
    return usage(file, `nothing is remembered of the package "${name}"`, 'Check the spelling, and that this is the configuration the mirror runs with.')
  const versions = registries.flatMap((registry) => ledger.versions(registry, name))
  return usage(file, `nothing is remembered of ${name}@${String(version)}`, `Versions seen: ${versions.slice(-10).join(', ')}.`)
}

export const usage = (where: string, message: string, remedy: string): ConfigurationError => new ConfigurationError(where, [{ path: '', message, remedy }])
