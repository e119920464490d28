/** The wiring of archives for mirrors behind an air gap: what one mirror exports, and another verifies and takes. */
import { mkdtempSync, rmSync } from 'node:fs'
import { cp, readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { admit, assertNotOlder, plan, reducedTo, type NotAdmitted } from './archive/admit.ts'
import { collect, withTuf, type LeftOut } from './archive/collect.ts'
import { ARCHIVE_TYPE, ArchiveError, type ArchiveManifest } from './archive/manifest.ts'
import { readArchive, type StagedArchive } from './archive/read.ts'
import { withStage } from './archive/stage.ts'
import { ArchiveUpstreams, type PlannedPackage } from './archive/upstream.ts'
import { writeArchive } from './archive/write.ts'
import type { StructuredLogger } from './audit/decisions.ts'
import { open, prepare, type Engine, type Prepared, type Replacements } from './compose.ts'
import type { VerdaccioConfiguration } from './config/configuration.ts'
import { ConfigurationError } from './domain/errors.ts'
import { isObject } from './domain/json.ts'
import type { PackageRef } from './domain/package-ref.ts'
import { readPrivateKey, signEnvelope, type EnvelopeSigner } from './keys/dsse.ts'
import { readImportKeys } from './keys/import-keys.ts'
import { KeyRing } from './keys/key-ring.ts'
import { copyLedger } from './store/ledger-copy.ts'
import { VERSION } from './version.ts'

export { ArchiveError } from './archive/manifest.ts'
export { ImportRunning } from './archive/stage.ts'
export type { NotAdmitted } from './archive/admit.ts'
export type { LeftOut } from './archive/collect.ts'

export interface ExportOptions {
  readonly wanted: readonly PackageRef[]
  readonly output: string
  /** A private key in PEM; default: the mirror's own for archives. */
  readonly key?: string | undefined
  readonly now: Date
  readonly onVersion?: (ref: PackageRef) => void
}

export interface ExportReport {
  /** Bytes of the archive. */
  readonly size: number
  readonly serial: number
  readonly keyid: string
  readonly packages: number
  readonly versions: number
  readonly leftOut: readonly LeftOut[]
}

/**
 * Writes an archive of versions, each of which this mirror verifies and would serve.
 * @throws ConfigurationError when there is nothing to write, or no key to sign with
 */
export async function exportArchive(engine: Engine, { wanted, output, key, now, onVersion }: ExportOptions): Promise<ExportReport> {
  const { pipeline, upstreams, ledger, trust, configuration } = engine
  const signer: EnvelopeSigner = key === undefined ? new KeyRing({ dir: configuration.keysDir, purpose: 'archive', clock: { now: () => now }, warn: () => undefined }) : readPrivateKey(key)
  const stage = mkdtempSync(`${path.resolve(output)}.parts-`)
  try {
    const found = await collect(wanted, { pipeline, upstreams, ledger, trust, instances: engine.trustKeeper.namedRoots, stage, ...(onVersion === undefined ? {} : { onVersion }) })
    const versions = found.packages.reduce((sum, one) => sum + one.versions.length, 0)
    const tuf = await keptTuf(configuration.cache.dir)
    const { packages, blobs, leftOut, ...rest } = tuf === undefined ? found : await withTuf(found, tuf)
    // Of a clock, so that archives are in order without anything that has to be remembered.
    const serial = now.getTime()
    if (versions === 0) return { size: 0, serial, keyid: '', packages: 0, versions: 0, leftOut }
    const manifest: ArchiveManifest = {
      format: 1,
      tool: `verdaccio-provenance/${VERSION}`,
      created: now.toISOString(),
      serial,
      packages: [...packages],
      trust: rest.trust,
      ...(rest.instances.length === 0 ? {} : { instances: rest.instances }),
      tuf: rest.tuf,
      blobs: blobs.map(({ sha256, size }) => ({ sha256, size })),
    }
    const envelope = signEnvelope(signer, ARCHIVE_TYPE, Buffer.from(JSON.stringify(manifest)))
    const [{ keyid }] = envelope.signatures as unknown as readonly [{ readonly keyid: string }]
    return { size: await writeArchive(path.resolve(output), envelope, blobs, now), serial, keyid, packages: packages.length, versions, leftOut }
  } finally {
    rmSync(stage, { recursive: true, force: true })
  }
}

async function keptTuf(cache: string): Promise<string | undefined> {
  const dir = path.join(cache, 'tuf')
  const [file] = (await readdir(dir).catch(() => [])).filter((name) => /^kept-[\w.-]+\.json$/.test(name)).sort()
  return file === undefined ? undefined : path.join(dir, file)
}

export interface ImportOptions {
  readonly file: string
  readonly logger: StructuredLogger
  readonly replacements?: Replacements
  /** Told twice of each version: when it was judged, and when it is in. */
  readonly onVersion?: (ref: PackageRef) => void
}

export interface ImportReport {
  readonly keyid: string
  readonly created: string
  readonly serial: number
  readonly imported: readonly PackageRef[]
  readonly notAdmitted: readonly NotAdmitted[]
  /** What a person should know, and nothing that decided anything. */
  readonly notes: readonly string[]
}

const SILENT: Replacements = { decisions: { record: () => undefined } }

/**
 * Takes an archive into a mirror's own store, also while the mirror runs. The manifest is verified by the configured keys, every byte by
 * the manifest, and every version, once more, by this mirror's own trust and policy: on a copy of its memory first, so that an archive
 * which is refused leaves nothing. Then bytes and records are taken, and what makes them visible last; stopped in between, it can be
 * run again.
 * @throws ArchiveError; ConfigurationError; ImportRunning
 */
export async function importArchive(core: VerdaccioConfiguration, { file, logger, replacements = {}, onVersion }: ImportOptions): Promise<ImportReport> {
  const prepared = prepare(core)
  const { cache, importKeyFiles, file: config } = prepared.configuration
  const keys = readImportKeys(importKeyFiles)
  if (keys.length === 0) {
    const remedy = 'List files of public keys there: `verdaccio-provenance keys public archive` prints one at the mirror that exports.'
    throw new ConfigurationError(config, [{ path: 'middlewares.provenance.import.keys', message: 'names no key, so no archive is believed', remedy }])
  }
  return withStage(cache.dir, async (stage) => {
    const accept = (manifest: ArchiveManifest): void => { assertRoom(manifest, cache.disk) }
    const staged = await readArchive(file, { keys, stage, accept })
    const taking = { ...SILENT, ...replacements }
    const first = await rehearse(prepared, staged, { stage, logger, taking, onVersion })
    const notes = await take(prepared, staged, first, { logger, taking, onVersion })
    const { created, serial } = staged.manifest
    const imported = [...first.admitted].flatMap(([{ archived: { name } }, versions]) => versions.map((version) => ({ name, version })))
    return { keyid: staged.keyid, created, serial, imported, notAdmitted: first.notAdmitted, notes }
  })
}

type Admission = Awaited<ReturnType<typeof admit>>

interface Surroundings {
  readonly logger: StructuredLogger
  readonly taking: Replacements
  readonly onVersion: ImportOptions['onVersion']
}

/** What this mirror would say of each version, found out on a copy of what it remembers. */
async function rehearse(prepared: Prepared, staged: StagedArchive, { stage, logger, taking, onVersion }: Surroundings & { readonly stage: string }): Promise<Admission> {
  const { configuration } = prepared
  const cache = path.join(stage, 'cache')
  const database = path.join(stage, 'provenance.db')
  copyLedger(configuration.database, database)
  await cp(path.join(configuration.cache.dir, 'tuf'), path.join(cache, 'tuf'), { recursive: true }).catch(() => undefined)
  // Nothing is found out about an archive that others would be told.
  const shared = { ...configuration.shared, ledger: undefined, facts: path.join(stage, 'provenance-facts.db'), factsAreShared: false }
  const copy = { ...prepared, configuration: { ...configuration, database, shared, cache: { ...configuration.cache, dir: cache } } }
  return withArchive(copy, staged, { logger, taking }, (engine, planned) => admit(planned, engine.pipeline, onVersion))
}

async function take(prepared: Prepared, staged: StagedArchive, { admitted }: Admission, { logger, taking, onVersion }: Surroundings): Promise<readonly string[]> {
  return withArchive(prepared, staged, { logger, taking }, async (engine, planned) => {
    // Against what is here, not its copy: another may have brought something newer meanwhile.
    await assertNotOlder(planned, async ({ archived: { name, registry }, uplink }) =>
      latest([engine.ledger.imports.get(registry, name)?.confirmedAt, (await engine.clients.get(uplink)?.held(name))?.confirmedAt]))
    const found = new Map(planned.map((one) => [one.archived.name, one]))
    const wanted = [...admitted].flatMap(([{ archived }, versions]) => {
      const here = found.get(archived.name)
      return here === undefined ? [] : [{ ...here, archived: { ...here.archived, versions: here.archived.versions.filter(({ version }) => versions.includes(version)) } }]
    })
    const { notAdmitted } = await admit(wanted, engine.pipeline, onVersion)
    const [changed] = notAdmitted
    if (changed !== undefined) throw new ArchiveError(`${changed.ref.name}@${changed.ref.version} was admitted and is not any more: ${changed.reasons[0]?.message ?? ''}`)
    for (const one of wanted) await publish(engine, staged, one)
    return trustNotes(engine, staged)
  })
}

/** Opens a mirror that has the archive in the place of its uplinks. */
async function withArchive<Result>(
  prepared: Prepared,
  staged: StagedArchive,
  { logger, taking }: Pick<Surroundings, 'logger' | 'taking'>,
  use: (engine: Engine, planned: readonly PlannedPackage[]) => Promise<Result>,
): Promise<Result> {
  const now = taking.clock?.now() ?? new Date()
  const { uplinksFor } = prepared.configuration
  let planned: readonly PlannedPackage[] | Error = []
  const archive: Replacements['archive'] = (clients) => {
    try {
      planned = plan(staged.manifest, { uplinks: clients, uplinksFor, now })
    } catch (error) {
      // Told when there is something to close: in here the stores are half open.
      planned = error as Error
    }
    return new ArchiveUpstreams(staged, planned instanceof Error ? [] : planned, clients)
  }
  const engine = await open(prepared, logger, { ...taking, asksOnly: true, archive })
  try {
    if (planned instanceof Error) throw planned
    return await use(engine, planned)
  } finally {
    await engine.close()
  }
}

async function publish({ clients, upstreams, ledger }: Engine, { manifest, keyid, file }: StagedArchive, { archived, uplink }: PlannedPackage): Promise<void> {
  const { name, registry, packument, versions } = archived
  const client = clients.get(uplink)
  const found = await upstreams.find(name)
  if (client === undefined || found === 'absent') throw new ArchiveError(`it lost ${name}`)
  const confirmedAt = new Date(archived.confirmedAt)
  const before = client.isOffline ? await client.held(name) : undefined
  const keep = new Set([...versions.map(({ version }) => version), ...(before?.packument.versions.keys() ?? [])])
  const bytes = client.isOffline ? Buffer.from(JSON.stringify(reducedTo(found.document.packument, keep))) : await readFile(file(packument))
  ledger.imports.note(registry, name, { confirmedAt, serial: manifest.serial, keyid })
  await client.adopt(name, bytes, confirmedAt)
}

function assertRoom({ packages, blobs }: ArchiveManifest, disk: number): void {
  const tarballs = new Set(packages.flatMap(({ versions }) => versions.map(({ tarball }) => tarball)))
  const size = blobs.reduce((sum, blob) => sum + (tarballs.has(blob.sha256) ? blob.size : 0), 0)
  if (size > disk) throw new ArchiveError(`its tarballs have ${String(size)} bytes, more than the cache may take (cache.disk, ${String(disk)})`)
}

/** Where the exporting mirror's trust differs from this one's: a key there may be one to fetch here, by another way than this archive. */
async function trustNotes({ configuration, trust, trustKeeper }: Engine, { manifest, file }: StagedArchive): Promise<readonly string[]> {
  const notes: string[] = []
  for (const theirs of manifest.trust) {
    const uplink = configuration.uplinks.find(({ registry }) => registry === theirs.registry)
    const ours = uplink === undefined ? undefined : trust.get(uplink.name)
    if (ours === undefined) continue
    const unknown = keyidsIn(await readFile(file(theirs.registryKeys))).filter((keyid) => !ours.registryKeys.some((key) => key.keyid === keyid))
    for (const keyid of unknown) notes.push(`the mirror that exported trusts a key of ${theirs.registry} that this one does not know: ${keyid}`)
    if ((await readFile(file(theirs.trustedRoot))).toString() !== JSON.stringify(ours.trustedRoot)) notes.push(`its Sigstore root for ${theirs.registry} is not the one trusted here`)
  }
  for (const { name, trustedRoot } of manifest.instances ?? []) {
    const ours = trustKeeper.namedRoots.find((one) => one.name === name)
    const theirs = (await readFile(file(trustedRoot))).toString()
    if (ours === undefined) notes.push(`the mirror that exported knows a Sigstore instance that this one does not: ${name}`)
    else if (theirs !== JSON.stringify(ours.trustedRoot)) notes.push(`its root of the Sigstore instance ${name} is not the one trusted here`)
  }
  return notes
}

/** A note decides nothing: what is no list of keys has none to speak of, and fails no import that is done. */
function keyidsIn(bytes: Buffer): readonly string[] {
  try {
    const keys: unknown = JSON.parse(bytes.toString())
    return Array.isArray(keys) ? (keys as readonly unknown[]).flatMap((key) => (isObject(key) && typeof key.keyid === 'string' ? [key.keyid] : [])) : []
  } catch {
    return []
  }
}

const latest = (times: readonly (Date | undefined)[]): Date | undefined =>
  times.reduce<Date | undefined>((found, time) => (found === undefined || (time !== undefined && time > found) ? time : found), undefined)
