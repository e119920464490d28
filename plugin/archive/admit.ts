import type { JsonObject } from '../domain/json.ts'
import { specOf, tarballFileName, type PackageRef } from '../domain/package-ref.ts'
import type { Packument } from '../domain/packument.ts'
import { isForgery, type Reason } from '../domain/reason.ts'
import { repairTags } from '../enforce/dist-tags.ts'
import { parseVersion } from '../enforce/versions.ts'
import type { Pipeline } from '../pipeline/pipeline.ts'
import { ArchiveError, type ArchiveManifest } from './manifest.ts'
import type { ConfiguredUplink, PlannedPackage } from './upstream.ts'

/** A clock may be wrong by so much. */
const AHEAD_MS = 10 * 60 * 1000

export interface PlanDeps {
  readonly uplinks: ReadonlyMap<string, ConfiguredUplink>
  readonly uplinksFor: (name: string) => readonly string[]
  readonly now: Date
}

/**
 * Whose package each is here: an uplink that this mirror's configuration asks for it, and that stands for the same registry.
 * @throws ArchiveError when a package is nobody's here, or says that it is from the future
 */
export function plan({ packages }: ArchiveManifest, { uplinks, uplinksFor, now }: PlanDeps): readonly PlannedPackage[] {
  return packages.map((archived) => {
    const { name, registry, confirmedAt } = archived
    if (Date.parse(confirmedAt) > now.getTime() + AHEAD_MS) throw new ArchiveError(`it says that ${name} was confirmed at ${confirmedAt}, which is not yet: look at the clocks of both mirrors`)
    const uplink = uplinksFor(name).find((one) => uplinks.get(one)?.registry === registry)
    if (uplink === undefined) throw new ArchiveError(`it has ${name} of ${registry}, and no uplink of this mirror that serves this name stands for that registry`)
    return { archived, uplink }
  })
}

/** When what is here of a package was confirmed; undefined when nothing is. */
export type KnownSince = (planned: PlannedPackage) => Promise<Date | undefined>

/** What is here must not give way to what was before it. @throws ArchiveError that names the packages */
export async function assertNotOlder(planned: readonly PlannedPackage[], knownSince: KnownSince): Promise<void> {
  const older: string[] = []
  for (const one of planned) {
    const known = await knownSince(one)
    if (known !== undefined && known.getTime() > Date.parse(one.archived.confirmedAt)) older.push(`${one.archived.name} (of ${one.archived.confirmedAt}, here ${known.toISOString()})`)
  }
  if (older.length > 0) throw new ArchiveError(`it is older than what this mirror has of ${older.slice(0, 5).join(', ')}${older.length > 5 ? ` and ${String(older.length - 5)} more` : ''}`)
}

/** A version that is not imported. */
export interface NotAdmitted {
  readonly ref: PackageRef
  readonly state: 'refused' | 'unavailable'
  readonly reasons: readonly Reason[]
}

export interface Admission {
  readonly admitted: ReadonlyMap<PlannedPackage, readonly string[]>
  readonly notAdmitted: readonly NotAdmitted[]
}

/**
 * Judges every version of an archive as the mirror would if its uplink had answered so: evidence, bytes and manifest. What policy
 * refuses is not admitted; what is forged condemns all of the archive, since whoever made it had verified each version himself.
 * @throws ArchiveError
 */
export async function admit(planned: readonly PlannedPackage[], pipeline: Pick<Pipeline, 'tarball'>, onVersion: (ref: PackageRef) => void = () => undefined): Promise<Admission> {
  const admitted = new Map<PlannedPackage, readonly string[]>()
  const notAdmitted: NotAdmitted[] = []
  for (const one of planned) {
    const versions: string[] = []
    for (const { version, sha512 } of one.archived.versions) {
      const ref = { name: one.archived.name, version }
      const answer = await pipeline.tarball(ref.name, tarballFileName(ref))
      if (answer.kind === 'absent' || answer.kind === 'withdrawn' || answer.judgement.ref.version !== version) throw new ArchiveError(`its packument of ${ref.name} does not have ${version}`)
      const { verdict, candidate } = answer.judgement
      const forged = verdict.reasons.find(({ code }) => isForgery(code) && code !== 'integrity-missing')
      if (forged !== undefined) throw new ArchiveError(`${specOf(ref)} does not verify here: ${forged.message} (${forged.code})`)
      // One without any is not served, unless a waiver here pins the bytes.
      if (candidate.integrity.state === 'ok' && candidate.integrity.sha512 !== sha512) throw new ArchiveError(`its packument promises another tarball of ${specOf(ref)} than it holds`)
      if (answer.kind === 'served') versions.push(version)
      else notAdmitted.push({ ref, state: verdict.outcome === 'unavailable' ? 'unavailable' : 'refused', reasons: verdict.reasons })
      onVersion(ref)
    }
    if (versions.length > 0) admitted.set(one, versions)
  }
  return { admitted, notAdmitted }
}

/**
 * A packument with some of its versions, for an uplink that is never asked: a range must not resolve to what nobody brought. Tags move
 * as they do when versions are refused.
 */
export function reducedTo({ versions, distTags, time, raw }: Packument, keep: ReadonlySet<string>): JsonObject {
  const listed = new Set([...versions.keys()].filter((version) => keep.has(version)))
  const allowed = [...listed].flatMap((version) => parseVersion(version) ?? [])
  return {
    ...raw,
    'dist-tags': Object.fromEntries(repairTags(distTags, { listed, allowed, known: (version) => versions.has(version) })),
    versions: Object.fromEntries([...versions].flatMap(([version, manifest]) => (listed.has(version) ? [[version, manifest.raw] as const] : []))),
    time: Object.fromEntries([...time].filter(([key]) => listed.has(key) || key === 'created' || key === 'modified')),
  }
}
