/** The wiring of the decision log: also without the rest of a mirror, and beside one that runs. */
import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { LoggedDecisions, type StructuredLogger } from './audit/decisions.ts'
import { DecisionLogStore } from './audit/decision-log.ts'
import { both, RecordedDecisions } from './audit/recorded.ts'
import { verificationKeyOf } from './audit/checkpoint.ts'
import { readConfiguration, type Configuration, type VerdaccioConfiguration } from './config/configuration.ts'
import { ConfigurationError } from './domain/errors.ts'
import type { Clock, DecisionLog } from './domain/ports.ts'
import { readKeyFile } from './keys/key-file.ts'
import { readPublicKey, type VerificationKey } from './keys/dsse.ts'

export { verifyLog, type LogReport } from './audit/verify.ts'
export { fileSource, storeSource } from './audit/verify-source.ts'
export { readPublicKey }
export type { DecisionLogStore, VerificationKey }

const SYSTEM_CLOCK: Clock = { now: () => new Date() }

export interface LogSurroundings {
  readonly clock: Clock
  readonly warn: (message: string) => void
  /** Nothing of what is asked here is a decision of the mirror. */
  readonly readOnly: boolean
}

export function decisionLogOf({ decisions, keysDir }: Pick<Configuration, 'decisions' | 'keysDir'>, { clock, warn, readOnly }: LogSurroundings): DecisionLogStore {
  const { store, isFile, name, jsonl, keep, maxRows, environment } = decisions
  return new DecisionLogStore({ store, log: name ?? (isFile ? 'mirror' : hostname()), keysDir, jsonl, keep, maxRows, environment, clock, warn, readOnly })
}

/** Lines in Verdaccio's own log, or what a test has in its place; and entries of the decision log. */
export function decisionSinks(log: DecisionLogStore, { logger, clock }: { readonly logger: StructuredLogger; readonly clock: Clock }, replaced: DecisionLog | undefined): DecisionLog {
  const recorded = new RecordedDecisions(log, { now: () => clock.now() })
  log.giveBefore(() => { recorded.write() }, () => { recorded.close() })
  return both(replaced ?? new LoggedDecisions(logger), recorded)
}

export interface OpenedLog {
  readonly log: DecisionLogStore
  /** What is asked, for people. */
  readonly title: string
  /** The public keys that this mirror signs its log with, or did. */
  readonly keys: readonly VerificationKey[]
}

/**
 * The decision log of a configuration without the rest of a mirror, also while one runs on the same file.
 * @throws ConfigurationError when there is none: an empty one made here would say that nothing was ever decided
 */
export function openDecisionLog(core: VerdaccioConfiguration, { warn, readOnly }: Pick<LogSurroundings, 'warn' | 'readOnly'>): OpenedLog {
  const configuration = readConfiguration(core, process.env)
  const { store, isFile } = configuration.decisions
  if (readOnly && isFile && !existsSync(store)) {
    const problem = { path: 'middlewares.provenance.decisions.store', message: `there is no decision log at ${store}`, remedy: 'Name the configuration of a mirror that has run.' }
    throw new ConfigurationError(configuration.file, [problem])
  }
  const keys = (readKeyFile(configuration.keysDir, 'log')?.keys ?? []).map(verificationKeyOf)
  // A command's own log lines belong to nobody's JSON Lines but the mirror's: it writes them when it sees the entries.
  const decisions = { ...configuration.decisions, jsonl: undefined }
  return { log: decisionLogOf({ ...configuration, decisions }, { clock: SYSTEM_CLOCK, warn, readOnly }), title: isFile ? store : 'the database of decisions', keys }
}
