import type { KeyObject } from 'node:crypto'
import { X509Certificate } from '@sigstore/core'
import { TrustedRoot, type CertificateAuthority, type TransparencyLogInstance } from '@sigstore/protobuf-specs'
import { toTrustMaterial, Verifier } from '@sigstore/verify'
import type { RegistryKey, TrustedInstance, TrustMaterial } from '../domain/ports.ts'
import { withAnchors } from './anchor-certificate.ts'
import { EvidenceFault } from './fault.ts'
import { anchorOfKey, publicKeyOf } from './registry-keys.ts'
import { anchorsOfInstance } from './trusted-root.ts'

/** A key of the registry, ready to verify with. */
export interface UsableKey {
  readonly key: KeyObject
  readonly entry: RegistryKey
  readonly anchor: string
}

/** A transparency or CT log of the trusted root. */
export interface TrustedLog {
  readonly keyId: Buffer
  readonly start: Date
  readonly end: Date | undefined
  readonly anchor: string
}

/** A CA or timestamp authority of the trusted root. */
export interface TrustedAuthority {
  readonly chain: readonly X509Certificate[]
  readonly anchor: string
}

/** Whom a Sigstore instance consists of: enough to recognise what rests on it, not to verify it. */
export interface KnownInstance {
  readonly instance: string | undefined
  readonly tlogs: readonly TrustedLog[]
  readonly ctlogs: readonly TrustedLog[]
  readonly authorities: readonly TrustedAuthority[]
  readonly timestampAuthorities: readonly TrustedAuthority[]
}

/** One Sigstore instance, and the registry's keys. */
export interface CompiledInstance extends KnownInstance {
  readonly verifier: Verifier
  readonly attestationKeys: ReadonlyMap<string, UsableKey>
}

/** Trust material with its keys and certificates parsed: made once per revision, it verifies any number of bundles. */
export interface CompiledTrust extends CompiledInstance {
  /** Further instances that may vouch. */
  readonly others: readonly CompiledInstance[]
  /** Those that may not. */
  readonly elsewhere: readonly KnownInstance[]
  /** What evidence rests on that did not verify: all of it, since any addition might make it verify. */
  readonly everything: string
}

/** The anchor of evidence that did not verify; it changes with any change of the material. */
export const everythingOf = (trust: Pick<TrustMaterial, 'revision'>): string => `revision:${trust.revision}`

export type PlainTrust = Pick<TrustMaterial, 'instance' | 'trustedRoot' | 'others' | 'elsewhere' | 'registryKeys' | 'revision'>

export function compileTrust(trust: PlainTrust): CompiledTrust {
  const attestationKeys = keysFor('attestations', trust.registryKeys)
  return {
    ...compileInstance(trust, attestationKeys),
    others: (trust.others ?? []).map((other) => compileInstance(other, attestationKeys)),
    elsewhere: (trust.elsewhere ?? []).map((other) => knownInstance(other, TrustedRoot.fromJSON(other.trustedRoot))),
    everything: everythingOf(trust),
  }
}

function compileInstance(trusted: TrustedInstance, attestationKeys: CompiledInstance['attestationKeys']): CompiledInstance {
  const root = TrustedRoot.fromJSON(trusted.trustedRoot)
  return {
    ...knownInstance(trusted, root),
    // One entry of a log, one SCT, one signed time: what a Sigstore client must ask for (client-spec, 4).
    verifier: new Verifier(withAnchors(toTrustMaterial(root, keyFinder(attestationKeys))), {
      tlogThreshold: 1,
      ctlogThreshold: 1,
      timestampThreshold: 1,
    }),
    attestationKeys,
  }
}

function knownInstance(trusted: TrustedInstance, root: TrustedRoot): KnownInstance {
  const anchors = anchorsOfInstance(trusted)
  return {
    instance: trusted.instance,
    tlogs: logsOf(root.tlogs, anchors.tlog),
    ctlogs: logsOf(root.ctlogs, anchors.ctlog),
    authorities: authoritiesOf(root.certificateAuthorities, anchors.ca),
    timestampAuthorities: authoritiesOf(root.timestampAuthorities, anchors.tsa),
  }
}

/** The keys of one usage by id. A key of a type this mirror does not know is not among them: it can vouch for nothing here. */
export function keysFor(usage: RegistryKey['usages'][number], keys: readonly RegistryKey[]): ReadonlyMap<string, UsableKey> {
  const usable = new Map<string, UsableKey>()
  for (const entry of keys) {
    const key = entry.usages.includes(usage) ? publicKeyOf(entry) : undefined
    if (key !== undefined) usable.set(entry.keyid, { key, entry, anchor: anchorOfKey(entry) })
  }
  return usable
}

const keyFinder =
  (keys: ReadonlyMap<string, UsableKey>) =>
  (hint: string): { publicKey: KeyObject; validFor: (date: Date) => boolean } => {
    const found = keys.get(hint)
    if (found === undefined)
      throw new EvidenceFault(
        'signature-key-unknown',
        'the publish attestation is signed with a key that is not trusted here',
        { keyid: hint },
        { state: 'unknown-key' },
      )
    const { starts, expires } = found.entry
    return {
      publicKey: found.key,
      validFor: (date) => (starts === null || new Date(starts) <= date) && (expires === null || date <= new Date(expires)),
    }
  }

const logsOf = (logs: readonly TransparencyLogInstance[], anchors: readonly string[]): readonly TrustedLog[] =>
  logs.map((log, index) => ({
    keyId: (log.checkpointKeyId ?? log.logId)?.keyId ?? Buffer.alloc(0),
    start: log.publicKey?.validFor?.start ?? new Date(NaN),
    end: log.publicKey?.validFor?.end,
    anchor: at(anchors, index),
  }))

const authoritiesOf = (authorities: readonly CertificateAuthority[], anchors: readonly string[]): readonly TrustedAuthority[] =>
  authorities.map((authority, index) => ({
    chain: (authority.certChain?.certificates ?? []).map(({ rawBytes }) => X509Certificate.parse(Buffer.from(rawBytes))),
    anchor: at(anchors, index),
  }))

function at(anchors: readonly string[], index: number): string {
  const anchor = anchors[index]
  if (anchor === undefined) throw new RangeError('the trusted root has an entry without an anchor')
  return anchor
}
