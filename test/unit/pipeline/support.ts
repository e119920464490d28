/** Small fakes of the ports: a package, what an uplink says of it, and memories that can be looked into. */
import { createHash } from 'node:crypto'
import { Unavailable } from '../../../plugin/domain/errors.ts'
import type { Evidence, ProvenanceFacts, PublishFacts, SignatureFacts } from '../../../plugin/domain/evidence.ts'
import type { Contents, ForeignDependency } from '../../../plugin/domain/history.ts'
import { sriOf } from '../../../plugin/domain/integrity.ts'
import type { JsonObject } from '../../../plugin/domain/json.ts'
import { specOf, tarballFileName, type PackageRef } from '../../../plugin/domain/package-ref.ts'
import { parsePackument, type VersionManifest } from '../../../plugin/domain/packument.ts'
import {
  IntegrityMismatch,
  TarballRefused,
  type Anchored,
  type AttestationResult,
  type AttestationTask,
  type ByteStore,
  type FactStore,
  type InstallManifest,
  type Ledger,
  type Policy,
  type Sighting,
  type SignatureTask,
  type StoredFact,
  type StoredTarball,
  type TarballInspector,
  type TrustMaterial,
  type TrustRenewal,
  type Upstream,
  type UpstreamPackument,
  type Verifier,
  type VersionRecord,
} from '../../../plugin/domain/ports.ts'
import { reason, type Reason, type ReasonCode } from '../../../plugin/domain/reason.ts'
import { isServed, type Verdict } from '../../../plugin/domain/verdict.ts'
import { openPackage, type PackageContext } from '../../../plugin/pipeline/context.ts'
import { Identities } from '../../../plugin/store/identities.ts'
import { LedgerDatabase } from '../../../plugin/store/ledger-database.ts'
import { StoredRecalls } from '../../../plugin/store/recalls.ts'

export const REGISTRY = 'https://registry.example'
export const NAME = 'widget'
export const NOW = new Date('2026-06-01T00:00:00Z')
export const DAY = 86_400_000
export const later = (milliseconds: number, from = NOW): Date => new Date(from.getTime() + milliseconds)

/** sha512 of the tarball that a version promises, hex. */
export const digestOf = (version: string): string => createHash('sha512').update(version).digest('hex')
export const integrityOf = (version: string): string => sriOf(digestOf(version))
export const SIGNATURES = [{ keyid: 'SHA256:k', sig: 'c2ln' }] as const
export const SLSA = 'https://slsa.dev/provenance/v1'
export const ANNOUNCED = { url: `${REGISTRY}/-/npm/v1/attestations/x`, provenance: { predicateType: SLSA } } as const
export const address = (version: string): string => `${REGISTRY}/${NAME}/-/${tarballFileName({ name: NAME, version })}`

export interface Draft {
  readonly entry?: JsonObject
  readonly dist?: JsonObject
}

/** An entry of `versions`, signed and attested, with changes; a change to undefined takes the field out. */
export function entryOf(version: string, { entry = {}, dist = {} }: Draft = {}): JsonObject {
  const standard = { integrity: integrityOf(version), tarball: address(version), signatures: SIGNATURES, attestations: ANNOUNCED }
  return { name: NAME, version, dist: { ...standard, ...dist }, ...entry }
}

export function documentOf(versions: Readonly<Record<string, Draft>>, more: JsonObject = {}, changes: Partial<UpstreamPackument> = {}): UpstreamPackument {
  const entries = Object.fromEntries(Object.entries(versions).map(([version, draft]) => [version, entryOf(version, draft)]))
  const raw = { name: NAME, versions: entries, 'dist-tags': { latest: Object.keys(versions).at(-1) ?? '' }, time: {}, ...more }
  const digest = createHash('sha256').update(JSON.stringify(raw)).digest('hex')
  return { uplink: 'main', packument: parsePackument(raw, NAME), digest, size: 1000, confirmedAt: NOW, stale: false, ...changes }
}

export const trustOf = (changes: Partial<TrustMaterial> = {}): TrustMaterial => ({
  trustedRoot: {},
  registryKeys: [],
  source: { trustedRoot: 'a test', registryKeys: 'a test' },
  asOf: undefined,
  revision: 'r1',
  anchors: new Set(['key', 'ca']),
  ...changes,
})

export const signed: Evidence<SignatureFacts> = { state: 'verified', facts: { keyid: 'SHA256:k', keyExpires: null } }
export const published: Evidence<PublishFacts> = {
  state: 'verified',
  facts: { keyid: 'SHA256:k', registry: REGISTRY, loggedAt: '2026-01-01T00:00:00.000Z' },
}
export const attested: Evidence<ProvenanceFacts> = {
  state: 'verified',
  facts: { predicateType: SLSA, buildType: 'b', identity: {} as never, loggedAt: '2026-01-02T00:00:00.000Z', logIndex: '1' },
}
export const ABSENT = { state: 'absent' } as const
export const CLAIMED = { state: 'claimed' } as const
export const failed = (state: 'invalid' | 'unknown-key' | 'unavailable', code: ReasonCode): Evidence<never> => ({
  state,
  reasons: [reason(code, `${code} in a test`)],
})
export const BOTH: AttestationResult = { publishAttestation: published, provenance: attested }

/** State of a piece of evidence, and its first code where it has one. */
export const short = (evidence: Evidence<unknown> | undefined): string | undefined =>
  evidence === undefined
    ? undefined
    : 'reasons' in evidence
      ? `${evidence.state} ${evidence.reasons[0].code}`
      : `${evidence.state}${evidence.state === 'verified' && evidence.withdrawn === true ? ' withdrawn' : ''}`

export const codes = (reasons: readonly Reason[]): readonly ReasonCode[] => reasons.map(({ code }) => code)

export class MemoryLedger {
  readonly written: VersionRecord[] = []
  readonly known = new Map<string, VersionRecord>()
  readonly sightings = new Map<string, Sighting>()
  readonly sighted: (readonly string[])[] = []
  readonly everSeen = new Set<string>()
  signing = false
  /** As after a reset. */
  forget(): void {
    this.known.clear()
    this.written.length = 0
    this.signing = false
  }
  owner: string | undefined
  reset = 0
  readonly port = this as unknown as Ledger

  sight(_registry: string, _name: string, versions: readonly string[]): void {
    this.sighted.push(versions)
    for (const version of versions) this.everSeen.add(version)
  }
  sighting(_registry: string, _name: string, version: string): Sighting | undefined {
    return this.sightings.get(version)
  }
  /** Unset: when the packument came. */
  found: Date | undefined
  readonly identities = new Identities(new LedgerDatabase(':memory:'))
  readonly recalls = new StoredRecalls(new LedgerDatabase(':memory:'))
  firstSeen(): Date | undefined {
    return this.found
  }
  versions(): readonly string[] {
    return [...this.everSeen]
  }
  /** As the real one: another object once something was written, and the same until then. */
  records(): ReadonlyMap<string, VersionRecord> {
    const before = this.#given
    const isSame = before.size === this.known.size && [...this.known].every(([version, record]) => before.get(version) === record)
    if (!isSame) this.#given = new Map(this.known)
    return this.#given
  }
  #given: ReadonlyMap<string, VersionRecord> = new Map()
  record(_registry: string, _name: string, records: readonly VersionRecord[]): void {
    this.written.push(...records)
    for (const record of records) this.known.set(record.version, record)
  }
  signs(): boolean {
    return this.signing
  }
  setSigns(): void {
    this.signing = true
  }
  origin(): string | undefined {
    return this.owner
  }
  setOrigin(_name: string, registry: string): string {
    this.owner ??= registry
    return this.owner
  }
  lastReset(): number {
    return this.reset
  }
}

export class MemoryFacts implements FactStore {
  /** What other mirrors added. */
  look?: NonNullable<FactStore['look']>
  readonly stored = new Map<string, StoredFact>()
  adds = 0
  load(): Promise<ReadonlyMap<string, StoredFact>> {
    return Promise.resolve(new Map(this.stored))
  }
  add(_scope: string, facts: ReadonlyMap<string, StoredFact>): Promise<void> {
    this.adds++
    for (const [key, fact] of facts) this.stored.set(key, fact)
    return Promise.resolve()
  }
  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** A tarball as the pipeline knows it: whoever sends it reads it. */
export const unread = (tarball: Omit<StoredTarball, 'read'>): StoredTarball => ({
  ...tarball,
  read: () => { throw new Error('nobody sends it') },
})

/** Tarballs are told apart by their text: the bytes of version 1.0.0 are `1.0.0`. */
export class MemoryBytes implements ByteStore {
  readonly documents = new Map<string, Uint8Array>()
  readonly tarballs = new Map<string, StoredTarball>()
  put(bytes: Uint8Array): Promise<string> {
    const digest = createHash('sha256').update(bytes).digest('hex')
    this.documents.set(digest, bytes)
    return Promise.resolve(digest)
  }
  get(sha256: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.documents.get(sha256))
  }
  tarball(sha512: string): Promise<StoredTarball | undefined> {
    return Promise.resolve(this.tarballs.get(sha512))
  }
  ready(sha512: string): StoredTarball | undefined {
    return this.tarballs.get(sha512)
  }
  async ingest(source: AsyncIterable<Uint8Array>, sha512: string): Promise<StoredTarball> {
    const hash = createHash('sha512')
    let size = 0
    for await (const chunk of source) {
      hash.update(chunk)
      size += chunk.length
    }
    const actual = hash.digest('hex')
    if (actual !== sha512) throw new IntegrityMismatch(sha512, actual)
    const tarball = unread({ sha512, path: `/bytes/${sha512}`, size })
    this.tarballs.set(sha512, tarball)
    return tarball
  }
  close(): Promise<void> {
    return Promise.resolve()
  }
}

type Answer = Uint8Array | 'absent' | Error

export class FakeUpstream {
  readonly name = 'main'
  readonly registry = REGISTRY
  attestationsMode: Upstream['attestationsMode'] = 'announced'
  document: UpstreamPackument | 'absent' = 'absent'
  /** Happens while a tarball is being asked for. */
  onTarball: () => void = () => undefined
  /** By spec; unset is 404. */
  readonly evidence = new Map<string, Answer>()
  /** By address; unset are the right bytes of the version in its name. */
  readonly tarballs = new Map<string, Answer>()
  readonly asked: string[] = []
  readonly port = this as unknown as Upstream

  packument(): Promise<UpstreamPackument | 'absent'> {
    return Promise.resolve(this.document)
  }
  attestations(ref: PackageRef): Promise<Uint8Array | 'absent'> {
    this.asked.push(specOf(ref))
    const answer = this.evidence.get(specOf(ref)) ?? 'absent'
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
  }
  tarball(url: string): Promise<AsyncIterable<Uint8Array> | 'absent'> {
    this.asked.push(url)
    this.onTarball()
    if (!this.allowsTarball(url)) return Promise.reject(new TarballRefused(url))
    const answer = this.tarballs.get(url) ?? Buffer.from(/-(\d.*)\.tgz$/.exec(url)?.[1] ?? '')
    if (answer instanceof Error) return Promise.reject(answer)
    return Promise.resolve(answer === 'absent' ? answer : once(answer))
  }
  allowsTarball(url: string): boolean {
    return url.startsWith(`${REGISTRY}/`)
  }
  close(): Promise<void> {
    return Promise.resolve()
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes)
}

/** Finds everything genuine until told otherwise. */
export class FakeVerifier implements Verifier {
  signature: (task: SignatureTask) => Evidence<SignatureFacts> = () => signed
  attestation: (task: AttestationTask) => AttestationResult | Promise<AttestationResult> = () => BOTH
  readonly signatureTasks: SignatureTask[] = []
  readonly attestationTasks: AttestationTask[] = []

  signatures(_name: string, tasks: readonly SignatureTask[]): Promise<readonly Anchored<Evidence<SignatureFacts>>[]> {
    this.signatureTasks.push(...tasks)
    return Promise.resolve(tasks.map((task) => ({ result: this.signature(task), anchors: ['key'] })))
  }
  async attestations(task: AttestationTask): Promise<Anchored<AttestationResult>> {
    this.attestationTasks.push(task)
    return { result: await this.attestation(task), anchors: ['ca'] }
  }
  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** A tarball is what its packument says, until `inside` or `refusal` says otherwise. */
export class FakeInspector implements TarballInspector {
  inside: InstallManifest = {}
  refusal: Error | undefined
  inspected = 0
  inspect(): Promise<InstallManifest> {
    this.inspected++
    return this.refusal === undefined ? Promise.resolve(this.inside) : Promise.reject(this.refusal)
  }
  compare(_claimed: VersionManifest, actual: InstallManifest): readonly Reason[] {
    return typeof actual.fault === 'string' ? [reason('manifest-mismatch', actual.fault)] : []
  }
  sha1(path: string): Promise<string> {
    return Promise.resolve(createHash('sha1').update(path).digest('hex'))
  }
  contents(actual: InstallManifest): Contents {
    return { repository: typeof actual.repository === 'string' ? actual.repository : undefined }
  }
  foreignDependencies(): readonly ForeignDependency[] {
    return []
  }
}

/** Refuses what has a fault or is invalid, cannot decide on what is unavailable, and serves the rest. */
export const plainPolicy = (changes: Partial<Policy> = {}): Policy => ({
  revision: 'p1',
  preset: 'recommended',
  mode: 'enforce',
  listing: 'claimed',
  withheld: 'hidden',
  pinnedIntegrities: () => new Map(),
  needs: () => ({ signature: true, publishAttestation: true, provenance: true }),
  pinLevel: () => 'off',
  evaluate: ({ faults, signature, publishAttestation, provenance }, stage): Verdict => {
    const evidence = [signature, publishAttestation, provenance]
    const reasons = [...faults, ...evidence.flatMap((one) => ('reasons' in one ? one.reasons : []))]
    const undecided = evidence.some(({ state }) => state === 'unavailable' || (state === 'claimed' && stage !== 'listing'))
    const outcome = faults.length > 0 || evidence.some(({ state }) => state === 'invalid') ? 'deny' : undecided ? 'unavailable' : 'allow'
    return { outcome, rule: 'all', reasons: isServed({ outcome, rule: '', reasons }) ? [] : reasons }
  },
  ...changes,
})

/** One package with everything around it. */
export class World {
  readonly upstream = new FakeUpstream()
  readonly verifier = new FakeVerifier()
  readonly ledger = new MemoryLedger()
  readonly facts = new MemoryFacts()
  readonly bytes = new MemoryBytes()
  readonly inspector = new FakeInspector()
  trust = trustOf()
  renewal: TrustRenewal | undefined

  get deps(): { verifier: Verifier; ledger: Ledger; bytes: ByteStore; inspector: TarballInspector; signsAlways: () => boolean } {
    return { verifier: this.verifier, ledger: this.ledger.port, bytes: this.bytes, inspector: this.inspector, signsAlways: () => false }
  }

  /** As the next request would see the package. */
  open(document: UpstreamPackument = documentOf({ '1.0.0': {} })): Promise<PackageContext> {
    return openPackage(this.upstream.port, document, this.trust, { facts: this.facts, ledger: this.ledger.port, renewal: this.renewal })
  }

  /** The registry answers with attestations, which the verifier judges. */
  attest(version = '1.0.0', document: Answer = DOCUMENT): void {
    this.upstream.evidence.set(`${NAME}@${version}`, document)
  }
}

export const DOCUMENT = Buffer.from('{"attestations":[]}')
export const manifestOf = (context: PackageContext, version = '1.0.0'): VersionManifest => {
  const manifest = context.document.packument.versions.get(version)
  if (manifest === undefined) throw new Error(`no ${version} in this test`)
  return manifest
}
export const unavailable = (code: 'evidence-unavailable' | 'trust-material-stale' = 'evidence-unavailable'): Unavailable =>
  new Unavailable(code, 'in a test')
export const recordOf = (changes: Partial<VersionRecord> = {}): VersionRecord => ({
  version: '1.0.0',
  integrity: integrityOf('1.0.0'),
  recordedAt: NOW,
  because: 'signature',
  signatures: [],
  attestations: undefined,
  had: { publishAttestation: false, provenance: false },
  ...changes,
})
