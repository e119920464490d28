import type { RegistrySignature } from '../domain/packument.ts'
import type { VersionRecord } from '../domain/ports.ts'
import { date, integer, optionalText, text, type Row } from './sqlite.ts'

/** A row of the ledger's `record` table. */
export function recordOf(row: Row): VersionRecord {
  return {
    version: text(row, 'version'),
    integrity: text(row, 'integrity'),
    recordedAt: date(row, 'recorded_at'),
    because: text(row, 'because') as VersionRecord['because'],
    signatures: JSON.parse(text(row, 'signatures')) as readonly RegistrySignature[],
    attestations: optionalText(row, 'attestations'),
    had: {
      publishAttestation: integer(row, 'had_publish_attestation') === 1,
      provenance: integer(row, 'had_provenance') === 1,
    },
  }
}

export const columnsOf = (record: VersionRecord): readonly (string | number | null)[] => [
  record.version,
  record.integrity,
  record.recordedAt.getTime(),
  record.because,
  JSON.stringify(record.signatures.map(({ keyid, sig }) => ({ keyid, sig }))),
  record.attestations ?? null,
  Number(record.had.publishAttestation),
  Number(record.had.provenance),
]

/**
 * What is known of a version once more evidence for the same bytes came. Nothing is taken away: evidence once verified cannot
 * vanish because a later answer lacks it.
 */
export function merged(known: VersionRecord, added: VersionRecord): VersionRecord {
  return {
    ...known,
    signatures: [...known.signatures, ...added.signatures.filter((signature) => !known.signatures.some(sameAs(signature)))],
    attestations: fuller(known, added).attestations ?? known.attestations ?? added.attestations,
    had: {
      publishAttestation: known.had.publishAttestation || added.had.publishAttestation,
      provenance: known.had.provenance || added.had.provenance,
    },
  }
}

const sameAs =
  (a: RegistrySignature) =>
  (b: RegistrySignature): boolean =>
    a.keyid === b.keyid && a.sig === b.sig

/** Whose document says more; provenance counts most, and at a tie the first one stays. */
const fuller = (known: VersionRecord, added: VersionRecord): VersionRecord => (weight(added) > weight(known) ? added : known)
const weight = ({ attestations, had }: VersionRecord): number =>
  attestations === undefined ? 0 : 1 + Number(had.publishAttestation) + 2 * Number(had.provenance)
