import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import seeds from '@sigstore/tuf/seeds.json' with { type: 'json' }
import { ConfigurationError, messageOf } from '../domain/errors.ts'
import { isObject, own, ownObject, ownString, type Json, type JsonObject } from '../domain/json.ts'
import type { RegistryKey, TrustedInstance, TrustMaterial } from '../domain/ports.ts'
import { anchorOfKey, parseRegistryKeys } from './registry-keys.ts'
import { parseStrictJson } from '../domain/strict-json.ts'
import { anchorsOfInstance, parseTrustedRoot } from './trusted-root.ts'

export interface TrustOptions {
  /** Whose keys: the registry's address, from which the name of its keys target is made. */
  readonly registry: string
  /** Path of a trusted_root.json; default: the public-good root in the seeds of @sigstore/tuf. */
  readonly trustedRootFile?: string | undefined
  /** Path of keys, as `/-/npm/v1/keys` answers or as the TUF target; default: what the seeds have for the registry. */
  readonly registryKeysFile?: string | undefined
}

export interface TrustParts extends Pick<TrustMaterial, 'instance' | 'others' | 'elsewhere'> {
  /** As `parseTrustedRoot` returns it. */
  readonly trustedRoot: Json
  /** As `parseRegistryKeys` returns them. */
  readonly registryKeys: readonly RegistryKey[]
  readonly source: TrustMaterial['source']
  readonly asOf?: Date | undefined
  readonly keysArePinned?: true
}

/**
 * Trust material without the network, from the operator's files or from the seeds that ship with @sigstore/tuf.
 * `asOf` is undefined: seeds hold a root and targets but neither timestamp nor snapshot, and a file's date proves nothing.
 * @throws ConfigurationError when a file cannot be read or used
 */
export function loadTrustMaterial(options: TrustOptions): TrustMaterial {
  const { registry, trustedRootFile, registryKeysFile } = options
  const seeded = seededTrust(registry)
  return buildTrustMaterial({
    trustedRoot:
      trustedRootFile === undefined ? seeded.trustedRoot : parseTrustedRoot(readJson(trustedRootFile), trustedRootFile),
    registryKeys:
      registryKeysFile === undefined ? seeded.registryKeys : parseRegistryKeys(readJson(registryKeysFile), registryKeysFile),
    source: {
      trustedRoot: trustedRootFile ?? seeded.source.trustedRoot,
      registryKeys: registryKeysFile ?? seeded.source.registryKeys,
    },
  })
}

/** Trust material of checked parts, with its revision and anchors. Also for what a TUF client or a pinned key brings. */
export function buildTrustMaterial({ trustedRoot, instance, others, elsewhere, registryKeys, source, asOf, keysArePinned }: TrustParts): TrustMaterial {
  const keyAnchors = registryKeys.map(anchorOfKey)
  const named = { ...(instance === undefined ? {} : { instance }), ...(others === undefined ? {} : { others }), ...(elsewhere === undefined ? {} : { elsewhere }) }
  const instances = instancesOf({ trustedRoot, ...named })
  const isPlain = Object.keys(named).length === 0
  return {
    trustedRoot,
    ...named,
    registryKeys,
    source,
    asOf,
    // Where it came from and how fresh it is decide no verification.
    revision: createHash('sha256')
      .update(JSON.stringify([isPlain ? trustedRoot : [instances.map(rooted), (elsewhere ?? []).map(rooted)], [...keyAnchors].sort()]))
      .digest('hex'),
    anchors: new Set([...instances.flatMap((one) => Object.values(anchorsOfInstance(one)).flat()), ...keyAnchors]),
    ...(keysArePinned === undefined ? {} : { keysArePinned }),
  }
}

/** All that may vouch, each by itself. */
export const instancesOf = ({ instance, trustedRoot, others = [] }: TrustedInstance & Pick<TrustMaterial, 'others'>): readonly TrustedInstance[] =>
  [{ ...(instance === undefined ? {} : { instance }), trustedRoot }, ...others]

const rooted = ({ instance, trustedRoot }: TrustedInstance): Json => [instance ?? null, trustedRoot]

/** The name of a registry's keys in a Sigstore TUF repository: `<host>/keys.json`. */
export const keysTargetOf = (registry: string): string => `${new URL(registry).host}/keys.json`

/** What @sigstore/tuf ships; no keys for a registry it does not know, and `source` says so. */
export function seededTrust(registry: string): TrustParts {
  const seed = seedOf()
  const targets = ownObject(seed, 'targets') ?? {}
  const name = keysTargetOf(registry)
  const keys = ownString(targets, encodeURIComponent(name))
  const shipped = `seeds of @sigstore/tuf (TUF root version ${rootVersionOf(seed)})`
  return {
    trustedRoot: parseTrustedRoot(
      decoded(ownString(targets, 'trusted_root.json')),
      'trusted_root.json in the seeds of @sigstore/tuf',
    ),
    registryKeys: keys === undefined ? [] : parseRegistryKeys(decoded(keys), `${name} in the seeds of @sigstore/tuf`),
    source: {
      trustedRoot: `public-good Sigstore, ${shipped}`,
      registryKeys: keys === undefined ? `none: the ${shipped} have no ${name}` : `${name}, ${shipped}`,
    },
  }
}

/** The seeds are keyed by TUF mirror; the one with a trusted root is the public-good instance. */
function seedOf(): JsonObject {
  const found = Object.values(seeds as Json as JsonObject).find(
    (seed): seed is JsonObject =>
      isObject(seed) && ownString(ownObject(seed, 'targets') ?? {}, 'trusted_root.json') !== undefined,
  )
  if (found === undefined) throw new TypeError('the seeds of @sigstore/tuf hold no trusted root')
  return found
}

/** The version of the TUF root that @sigstore/tuf ships. */
export const seededRootVersion = (): number => Number(rootVersionOf(seedOf()))

function rootVersionOf(seed: JsonObject): string {
  const root = decoded(ownString(seed, 'root.json'))
  const version = isObject(root) ? own(ownObject(root, 'signed') ?? {}, 'version') : undefined
  return typeof version === 'number' ? String(version) : 'unknown'
}

const decoded = (base64: string | undefined): Json => parseStrictJson(Buffer.from(base64 ?? '', 'base64'))

export function readJson(file: string): Json {
  try {
    return parseStrictJson(readFileSync(file))
  } catch (cause) {
    const problem = {
      path: '',
      message: `cannot be read: ${messageOf(cause)}`,
      remedy: 'Name a JSON file that this process may read.',
    }
    throw new ConfigurationError(file, [problem], { cause })
  }
}
