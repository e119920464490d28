/** The stores of a mirror, and what the killed writer writes to them: both sides of the test know it. */
import { hash } from 'node:crypto'
import path from 'node:path'
import type { Ledger, StoredFact, VersionRecord } from '../../plugin/domain/ports.ts'
import { FileByteStore } from '../../plugin/store/bytes.ts'
import { FactCache } from '../../plugin/store/facts.ts'
import { SqliteLedger } from '../../plugin/store/ledger.ts'
import { parseDocument } from '../../plugin/upstream/document.ts'
import { PackumentThreads } from '../../plugin/threads/pool.ts'
import { PackumentCache, type Known } from '../../plugin/upstream/packument-cache.ts'

export const REGISTRY_URL = 'https://registry.example'
export const NAME = 'widget'
export const KEY = 'uplink widget'
export const WHEN = { first: new Date('2026-01-01T00:00:00.000Z'), confirmed: new Date('2026-02-02T00:00:00.000Z') } as const
export const DOCUMENT = Buffer.from(JSON.stringify({ attestations: ['x'.repeat(2000)] }))
export const TARBALL = Buffer.from('genuine bytes '.repeat(5000))
export const OTHER_TARBALL = Buffer.from('other bytes '.repeat(5000))
export const sha512Of = (bytes: Uint8Array): string => hash('sha512', bytes)

export async function openStores(dir: string) {
  const ledger = new SqliteLedger({ file: path.join(dir, 'ledger.db') })
  const bytes = await FileByteStore.open({ dir: path.join(dir, 'cache') })
  const facts = new FactCache({ storage: path.join(dir, 'facts.db') })
  const packuments = await PackumentCache.open({ dir: path.join(dir, 'cache', 'packuments'), reader: new PackumentThreads() })
  return { ledger, bytes, facts, packuments }
}

export const recordOf = (version: string): VersionRecord => ({
  version,
  integrity: `sha512-${version}`,
  recordedAt: WHEN.first,
  because: 'signature',
  signatures: [{ keyid: 'key', sig: version }],
  attestations: undefined,
  had: { publishAttestation: false, provenance: false },
})

interface LedgerStep {
  readonly label: string
  readonly write: (ledger: Ledger) => void
  /** Whether a ledger remembers it. */
  readonly isThere: (ledger: Ledger) => boolean
}

const recorded = (...versions: string[]): LedgerStep => ({
  label: versions.join(' '),
  write: (ledger) => { ledger.record(REGISTRY_URL, NAME, versions.map(recordOf)) },
  isThere: (ledger) => versions.every((version) => ledger.records(REGISTRY_URL, NAME).get(version)?.integrity === recordOf(version).integrity),
})

/** Written by one call: all of it, or nothing. */
export const BATCH = ['3.0.0', '3.1.0', '3.2.0'] as const

export const LEDGER_STEPS: readonly LedgerStep[] = [
  recorded('1.0.0'),
  {
    label: 'sighting',
    write: (ledger) => {
      ledger.sight(REGISTRY_URL, NAME, ['1.0.0'], WHEN.first)
      ledger.sight(REGISTRY_URL, NAME, ['1.0.0', '2.0.0'], WHEN.confirmed)
      // A record brings what was gathered to disk.
      ledger.record(REGISTRY_URL, NAME, [recordOf('1.0.0')])
    },
    isThere: (ledger) => ledger.sighting(REGISTRY_URL, NAME, '2.0.0')?.lastAbsent?.getTime() === WHEN.first.getTime(),
  },
  recorded(...BATCH),
  { label: 'signs', write: (ledger) => { ledger.setSigns(REGISTRY_URL) }, isThere: (ledger) => ledger.signs(REGISTRY_URL) },
  {
    label: 'origin',
    write: (ledger) => { ledger.setOrigin(NAME, REGISTRY_URL) },
    isThere: (ledger) => ledger.origin(NAME) === REGISTRY_URL,
  },
  {
    label: 'reset',
    write: (ledger) => {
      ledger.record(REGISTRY_URL, 'gone', [recordOf('1.0.0')])
      ledger.reset({ name: 'gone', version: undefined, reason: 'a test', at: WHEN.first })
    },
    isThere: (ledger) => ledger.records(REGISTRY_URL, 'gone').size === 0 && ledger.resets('gone').length === 1,
  },
]

export const factsOf = (key: string): ReadonlyMap<string, StoredFact> => new Map([[key, { anchors: ['anchor'], value: key.repeat(500) }]])

function answerOf(version: string, confirmedAt: Date): { readonly known: Known; readonly wire: Buffer } {
  const wire = Buffer.from(JSON.stringify({ name: NAME, versions: { [version]: { name: NAME, version, dist: {} } }, 'dist-tags': {}, pad: 'x'.repeat(5000) }))
  const digest = hash('sha256', wire)
  const head = { key: KEY, etag: `"${version}"`, lastModified: undefined, digest, encoding: 'identity' } as const
  const known = { head, wireDigest: digest, packument: parseDocument(wire, NAME), size: wire.byteLength, confirmedAt, failing: false }
  return { known, wire }
}

/** One answer, and the one that took its place. */
export const PACKUMENTS = [answerOf('1.0.0', WHEN.first), answerOf('2.0.0', WHEN.first)] as const
