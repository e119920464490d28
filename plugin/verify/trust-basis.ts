import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ConfigurationError } from '../domain/errors.ts'
import { isObject, ownObject, ownString, type Json } from '../domain/json.ts'
import type { PinnedKeys, RegistryKey, TrustMaterial } from '../domain/ports.ts'
import { parseStrictJson } from '../domain/strict-json.ts'
import type { KeptTrust } from './kept-trust.ts'
import { parseRegistryKeys } from './registry-keys.ts'
import { buildTrustMaterial, keysTargetOf, readJson, seededTrust, type TrustParts } from './trust-material.ts'
import { parseTrustedRoot } from './trusted-root.ts'
import type { TufRepository } from './tuf-cycle.ts'

export interface TrustConfiguration {
  readonly uplinks: readonly { readonly name: string; readonly registry: string; readonly registryKeysFile: string | undefined }[]
  readonly trustedRootFile: string | undefined
  /** A private TUF repository; undefined for the public-good one. */
  readonly tuf: { readonly mirror: string; readonly rootFile: string } | undefined
  readonly offline: boolean
  /** Further instances. */
  readonly instances?: readonly InstanceConfiguration[] | undefined
}

export interface InstanceConfiguration extends Pick<TrustConfiguration, 'trustedRootFile' | 'tuf'> {
  readonly name: string
  readonly vouchesFor: InstanceBasis['vouchesFor']
  readonly exclusive: boolean
}

interface Part<Value> {
  readonly value: Value
  /** Where it came from, for people. */
  readonly source: string
}

export interface TrustedUplink {
  readonly name: string
  readonly registry: string
  /** Keys from the operator's file; else those of TUF are used. */
  readonly fileKeys: Part<readonly RegistryKey[]> | undefined
}

/** What is trusted before any question: the operator's files, and what @sigstore/tuf ships of the public-good instance. */
export interface TrustBasis {
  readonly uplinks: readonly TrustedUplink[]
  readonly fileRoot: Part<Json> | undefined
  readonly repository: TufRepository
  readonly isPrivate: boolean
  readonly offline: boolean
  readonly instances: readonly InstanceBasis[]
}

/** A further Sigstore instance. */
export interface InstanceBasis {
  readonly name: string
  /** Of its root alone: its one uplink has the instance's name, and no keys. */
  readonly basis: TrustBasis
  /** Whether it may vouch for a package of an uplink, or of what is published here (`PUBLISHED_HERE`). */
  readonly vouchesFor: (uplink: string, name: string) => boolean
  /** Where it vouches, the default instance does not. */
  readonly exclusive: boolean
}

/**
 * Reads the operator's files.
 * @throws ConfigurationError when one cannot be read or used
 */
export function readTrustBasis({ uplinks, trustedRootFile, tuf, offline, instances = [] }: TrustConfiguration): TrustBasis {
  if (tuf !== undefined) assertTufRoot(tuf.rootFile)
  return {
    uplinks: uplinks.map(({ name, registry, registryKeysFile: file }) => ({
      name,
      registry,
      fileKeys: file === undefined ? undefined : { value: parseRegistryKeys(readJson(file), file), source: file },
    })),
    fileRoot:
      trustedRootFile === undefined
        ? undefined
        : { value: parseTrustedRoot(readJson(trustedRootFile), trustedRootFile), source: trustedRootFile },
    repository: tuf ?? {},
    isPrivate: tuf !== undefined,
    offline,
    instances: instances.map((instance) => ({ ...instance, basis: instanceBasis(instance, offline) })),
  }
}

function instanceBasis({ name, trustedRootFile, tuf }: InstanceConfiguration, offline: boolean): TrustBasis {
  const basis = readTrustBasis({ uplinks: [], trustedRootFile, tuf, offline })
  return { ...basis, uplinks: [{ name, registry: NO_REGISTRY, fileKeys: { value: [], source: 'none' } }] }
}

const NO_REGISTRY = 'https://no-registry.invalid'

const ROOT_TARGET = 'trusted_root.json'

/** The targets that this configuration takes from TUF; none when files say everything. */
export const wantedTargets = ({ uplinks, fileRoot }: TrustBasis): readonly string[] => [
  ...(fileRoot === undefined ? [ROOT_TARGET] : []),
  ...new Set(uplinks.filter(({ fileKeys }) => fileKeys === undefined).map(({ registry }) => keysTargetOf(registry))),
]

export type Pins = (registry: string) => PinnedKeys | undefined
const NO_PINS: Pins = () => undefined

/**
 * Trust material by uplink, of the basis, of what a TUF repository answered last, and of pinned keys where nothing else has any. An
 * uplink is missing while there is no root for it.
 * @throws ConfigurationError, Error when what TUF answered cannot be used
 */
export function assembleTrust(basis: TrustBasis, kept?: KeptTrust, pins: Pins = NO_PINS): ReadonlyMap<string, TrustMaterial> {
  const root = rootPart(basis, kept)
  if (root === undefined) return new Map()
  return new Map(
    basis.uplinks.map((uplink) => {
      const { source, ...keys } = keysOf(basis, uplink, kept, pins)
      const fromTuf = kept !== undefined && (basis.fileRoot === undefined || uplink.fileKeys === undefined)
      const material = buildTrustMaterial({
        trustedRoot: root.value,
        ...keys,
        source: { trustedRoot: root.source, registryKeys: source },
        asOf: fromTuf ? kept.asOf : undefined,
      })
      return [uplink.name, material] as const
    }),
  )
}

/** Keys of an uplink's registry. */
export interface UplinkKeys extends Pick<TrustMaterial, 'registryKeys' | 'keysArePinned'> {
  /** Where they came from, for people. */
  readonly source: string
}

export function keysOf(basis: TrustBasis, uplink: TrustedUplink, kept: KeptTrust | undefined, pins: Pins): UplinkKeys {
  const { value, source } = keysPart(basis, uplink, kept)
  const pinned = mayPin(basis, uplink, kept) ? pins(uplink.registry) : undefined
  if (pinned === undefined) return { registryKeys: value, source }
  return { registryKeys: parseRegistryKeys(pinned.document, `keys of ${uplink.registry}`), source: pinnedText(uplink, pinned), keysArePinned: true }
}

/**
 * Whether the uplink's own keys may be pinned: TUF was asked, by us or by who made the seeds, and never had any for this
 * registry. Keys that TUF took back are not asked of the registry they were taken from.
 */
export function mayPin(basis: TrustBasis, uplink: TrustedUplink, kept: KeptTrust | undefined): boolean {
  const name = keysTargetOf(uplink.registry)
  if (uplink.fileKeys !== undefined || kept?.everHad.has(name) === true) return false
  if (!basis.isPrivate && seeded(uplink.registry).registryKeys.length > 0) return false
  if (basis.isPrivate && !basis.offline && kept?.targets.has(name) !== true) return false
  return keysPart(basis, uplink, kept).value.length === 0
}

function rootPart(basis: TrustBasis, kept: KeptTrust | undefined): Part<Json> | undefined {
  if (basis.fileRoot !== undefined) return basis.fileRoot
  const fetched = kept?.targets.get(ROOT_TARGET)
  if (fetched !== undefined) return { value: parseTrustedRoot(read(fetched), ROOT_TARGET), source: `${instanceOf(basis)} over TUF` }
  // To fall back on the seeds would bring back what TUF took away.
  if (kept?.targets.has(ROOT_TARGET) === true) throw new Error(`${instanceOf(basis)} has no ${ROOT_TARGET} over TUF`)
  if (basis.isPrivate) return undefined
  const [first] = basis.uplinks
  if (first === undefined) return undefined
  const { trustedRoot, source } = seeded(first.registry)
  return { value: trustedRoot, source: source.trustedRoot }
}

function keysPart(basis: TrustBasis, { registry, fileKeys }: TrustedUplink, kept: KeptTrust | undefined): Part<readonly RegistryKey[]> {
  if (fileKeys !== undefined) return fileKeys
  const name = keysTargetOf(registry)
  const text = kept?.targets.get(name)
  if (text !== undefined) return { value: parseRegistryKeys(read(text), name), source: `${name} of ${instanceOf(basis)} over TUF` }
  if (kept?.targets.has(name) === true) return { value: [], source: `none: ${instanceOf(basis)} has no ${name}` }
  if (basis.isPrivate) return { value: [], source: `none: ${name} was not fetched yet` }
  const { registryKeys, source } = seeded(registry)
  return { value: registryKeys, source: source.registryKeys }
}

const seeds = new Map<string, TrustParts>()
function seeded(registry: string): TrustParts {
  const parts = seeds.get(registry) ?? seededTrust(registry)
  seeds.set(registry, parts)
  return parts
}

const read = (text: string): Json => parseStrictJson(Buffer.from(text))

const instanceOf = ({ repository }: TrustBasis): string =>
  repository.mirror === undefined ? 'public-good Sigstore' : `the Sigstore of ${repository.mirror}`

const pinnedText = ({ registry }: TrustedUplink, { at }: PinnedKeys): string =>
  `${registry} itself, pinned on first use at ${at.toISOString()}; nobody else vouches for them`

/** Another root given beforehand is another repository: what was kept of the first says nothing about it. */
export function repositoryId({ repository: { mirror, rootFile } }: TrustBasis): string {
  if (mirror === undefined || rootFile === undefined) return 'public-good'
  return createHash('sha256').update(mirror).update('\n').update(readFileSync(rootFile)).digest('hex').slice(0, 16)
}

/** What tuf-js would find out at the first refresh only, and tell in its own words. */
function assertTufRoot(file: string): void {
  const document = readJson(file)
  const signed = isObject(document) ? (ownObject(document, 'signed') ?? {}) : {}
  if (ownString(signed, '_type') === 'root') return
  const remedy = 'Give the root.json that the TUF repository began with, or a later one'
  throw new ConfigurationError(file, [{ path: 'signed._type', message: 'is not the root of a TUF repository', remedy }])
}
