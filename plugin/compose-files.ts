/** The wiring of parts that do without the rest of a mirror, or beside one that runs: the ledger, and the keys, of each purpose their own. */
import { existsSync } from 'node:fs'
import { noBytes } from './compose-rehearsal.ts'
import { openMemory } from './compose-replicas.ts'
import { readConfiguration, type Configuration, type VerdaccioConfiguration } from './config/configuration.ts'
import { ConfigurationError, messageOf } from './domain/errors.ts'
import type { Clock, RegistryKey } from './domain/ports.ts'
import type { VsaDeps } from './http/vsa.ts'
import { readImportKeys } from './keys/import-keys.ts'
import { PURPOSES, readKeyFile, type Purpose } from './keys/key-file.ts'
import { asRegistryKeys, KeyRing, rotateKeys, type Rotation } from './keys/key-ring.ts'
import type { TrustPolicy } from './policy/index.ts'
import type { DurableLedger } from './store/replicated-ledger.ts'
import { VERSION } from './version.ts'

export { pemOf } from './keys/dsse.ts'
export type { Purpose } from './keys/key-file.ts'

const SYSTEM_CLOCK: Clock = { now: () => new Date() }

export interface OpenLedger {
  readonly ledger: DurableLedger
  /** Its name for people. */
  readonly file: string
  readonly close: () => Promise<void>
}

const COMMAND_MEMORY = 32 * 1024 ** 2

/**
 * The ledger of a configuration without the rest of a mirror, also while one runs on the same file.
 * @throws ConfigurationError when there is none, or the shared one cannot be reached: an empty one made here would say that nothing was ever seen
 */
export async function openLedger(core: VerdaccioConfiguration): Promise<OpenLedger> {
  const configuration = readConfiguration(core, process.env)
  const { database: file, file: config, shared } = configuration
  if (shared.ledger !== undefined || existsSync(file)) {
    const nobody = (): void => undefined
    const memory = await openMemory(configuration, { bytes: noBytes, memory: COMMAND_MEMORY, onError: nobody, warn: nobody, isCommand: true, policy: () => '', onLearned: nobody, onPolicy: nobody })
    return { ledger: memory.ledger, file: shared.ledger === undefined ? file : 'the shared ledger', close: () => memory.close() }
  }
  const problem = { path: 'middlewares.provenance.store', message: `there is no ledger at ${file}`, remedy: 'Name the configuration of a mirror that has run.' }
  throw new ConfigurationError(config, [problem])
}

export { environmentVariable } from './environment.ts'

export interface OpenKeys {
  readonly ring: KeyRing
  rotate(now: Date, how: Rotation): void
}

/**
 * The keys of a configuration for one purpose, without the rest of a mirror, also while one runs.
 * @throws ConfigurationError
 */
export function openKeys(core: VerdaccioConfiguration, purpose: Purpose = 'registry'): OpenKeys {
  const { keysDir: dir } = readConfiguration(core, process.env)
  const ring = new KeyRing({ dir, purpose, clock: SYSTEM_CLOCK, warn: () => undefined })
  return { ring, rotate: (now, how) => void rotateKeys(dir, now, how, purpose) }
}

/** @throws ConfigurationError when a key that this mirror signs with, or takes archives by, is there and cannot be used */
export function assertKeys({ keysDir, importKeyFiles }: Pick<Configuration, 'keysDir' | 'importKeyFiles'>): void {
  for (const purpose of Object.keys(PURPOSES) as readonly Purpose[]) readKeyFile(keysDir, purpose)
  readImportKeys(importKeyFiles)
}

export interface VsaSurroundings {
  readonly policy: () => TrustPolicy
  readonly clock: Clock
  readonly warn: (message: string) => void
}

/** What signs verification summaries. */
export function vsaOf({ keysDir: dir, publicUrls }: Pick<Configuration, 'keysDir' | 'publicUrls'>, { policy, clock, warn }: VsaSurroundings): VsaDeps['vsa'] {
  const ring = new KeyRing({ dir, purpose: 'vsa', clock, warn })
  const keys = (): readonly RegistryKey[] => {
    try {
      // Verifiers fetch the keys before they fetch a summary.
      return asRegistryKeys(ring.keys.length === 0 ? [ring.current] : ring.keys)
    } catch (error) {
      warn(`the keys of verification summaries cannot be listed: ${messageOf(error)}`)
      return []
    }
  }
  return { policy, clock, signer: ring, keys, tool: VERSION, verifier: () => verifierId(publicUrls, ring) }
}

/** A mirror that has no address of its own is named by its key (RFC 6920). */
function verifierId([url]: readonly URL[], ring: KeyRing): string {
  if (url !== undefined) return url.href.replace(/\/$/, '')
  return `ni:///sha-256;${Buffer.from(ring.current.keyid.replace(/^SHA256:/, ''), 'base64').toString('base64url')}`
}
