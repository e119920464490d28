import { describeBuilder, inForce, isOpen } from '../domain/pins.ts'
import type { Ledger, LedgerReset, VersionRecord } from '../domain/ports.ts'
import { PUBLISHED_HERE } from '../domain/ports.ts'
import { printable } from './terminal.ts'

/** What `ledger show` prints; times are ISO 8601. */
export interface RememberedPackage {
  readonly package: string
  /** The registry that owns the name; null while nothing of it was verified or served. */
  readonly origin: string | null
  readonly registries: readonly RememberedRegistry[]
  readonly resets: readonly { readonly at: string; readonly version: string | null; readonly reason: string }[]
}

export interface RememberedRegistry {
  readonly registry: string
  /** Whether a signature of this registry has ever verified: a missing one then counts. */
  readonly signs: boolean
  /** Who built the package so far, as certified; see `pins show`. */
  readonly builtBy: readonly string[]
  readonly versions: readonly RememberedVersion[]
}

export interface RememberedVersion {
  readonly version: string
  readonly firstSeen: string | null
  /** The last answer without the version; null when every answer had it. */
  readonly lastAbsent: string | null
  /** Null while nothing was verified or served: then the version was only seen. */
  readonly record: RememberedRecord | null
}

export interface RememberedRecord {
  readonly integrity: string
  /** What vouched for the integrity first. */
  readonly because: VersionRecord['because']
  readonly recordedAt: string
  readonly signatureKeyIds: readonly string[]
  /** sha256, hex, of the attestations document kept. */
  readonly attestations: string | null
  readonly had: VersionRecord['had']
}

/** Everything remembered of a package, or of one version of it. */
export function remembered(ledger: Ledger, name: string, version?: string): RememberedPackage {
  return {
    package: name,
    origin: ledger.origin(name) ?? null,
    registries: ledger.registriesOf(name, version).map((registry) => ({
      registry,
      signs: ledger.signs(registry),
      builtBy: [...new Set(inForce(ledger.identities.pins(registry, name), undefined).filter(isOpen).map(describeBuilder))],
      versions: versionsOf(ledger, registry, name, version),
    })),
    resets: ledger
      .resets(name)
      .filter((reset) => version === undefined || reset.version === undefined || reset.version === version)
      .map(({ at, version: which, reason }) => ({ at: at.toISOString(), version: which ?? null, reason })),
  }
}

function versionsOf(ledger: Ledger, registry: string, name: string, only: string | undefined): readonly RememberedVersion[] {
  const records = ledger.records(registry, name)
  const all = only === undefined ? [...new Set([...ledger.versions(registry, name), ...records.keys()])] : [only]
  return all.map((version) => {
    const sighting = ledger.sighting(registry, name, version)
    const record = records.get(version)
    return {
      version,
      firstSeen: sighting?.firstSeen.toISOString() ?? null,
      lastAbsent: sighting?.lastAbsent?.toISOString() ?? null,
      record: record === undefined ? null : recordOf(record),
    }
  })
}

const recordOf = ({ integrity, because, recordedAt, signatures, attestations, had }: VersionRecord): RememberedRecord => ({
  integrity,
  because,
  recordedAt: recordedAt.toISOString(),
  signatureKeyIds: signatures.map(({ keyid }) => keyid),
  attestations: attestations ?? null,
  had,
})

const VOUCHED = { signature: 'a registry signature', attestation: 'an attestation', bytes: 'its bytes alone, served' } as const

export function ledgerText({ package: name, origin, registries, resets }: RememberedPackage): readonly string[] {
  return [
    ...(origin === null ? [] : [`${name} ${origin === PUBLISHED_HERE ? 'was published here' : `belongs to ${origin}`}`]),
    ...registries.flatMap(({ registry, signs, builtBy, versions }) => [
      `${name} from ${registry}${signs ? ' (which signs)' : ''}`,
      ...builtBy.map((builder) => `  built by ${printable(builder)}`),
      ...versions.flatMap((version) => [`  ${printable(version.version)}`, ...versionText(version).map((line) => `    ${line}`)]),
    ]),
    ...(registries.length === 0 ? [`nothing is remembered of ${name} now`] : []),
    ...resets.map(({ at, version, reason }) => `reset ${at}  ${version ?? 'all versions'}: ${printable(reason)}`),
  ]
}

function versionText({ firstSeen, lastAbsent, record }: RememberedVersion): readonly string[] {
  const seen = firstSeen === null ? [] : [`first seen     ${firstSeen}${lastAbsent === null ? '' : `, not there ${lastAbsent}`}`]
  if (record === null) return [...seen, 'integrity      none: nothing of it was verified or served']
  return [
    ...seen,
    `integrity      ${record.integrity}`,
    `vouched for by ${VOUCHED[record.because]}, ${record.recordedAt}`,
    `signatures     ${record.signatureKeyIds.length === 0 ? 'none' : record.signatureKeyIds.map(printable).join(', ')}`,
    `attestations   ${record.attestations === null ? 'none' : `${kinds(record.had)} (sha256 ${record.attestations})`}`,
  ]
}

const kinds = ({ publishAttestation, provenance }: VersionRecord['had']): string =>
  [publishAttestation ? 'publish attestation' : '', provenance ? 'provenance' : ''].filter((kind) => kind !== '').join(', ')

/** A reset as a line of the decision log. */
export const resetLine = ({ name, version, reason, at }: LedgerReset, registries: readonly string[]): Readonly<Record<string, unknown>> => ({
  decision: 'reset',
  package: name,
  version: version ?? null,
  registries,
  reason,
  at: at.toISOString(),
})
