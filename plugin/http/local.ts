import type { NextFunction, Request, Response } from 'express'
import { isOneSha512 } from '../domain/integrity.ts'
import type { Clock, KeptDocument, Ledger, Maintainers, Policy, PublishedEvidence } from '../domain/ports.ts'
import type { PackageRef } from '../domain/package-ref.ts'
import { isServed } from '../domain/verdict.ts'
import type { RewriteOptions } from '../enforce/rewrite.ts'
import type { Listing } from '../pipeline/listing.ts'
import type { Pipeline } from '../pipeline/pipeline.ts'
import type { JudgedPublication, Publication } from '../pipeline/publish.ts'
import { isRefusal, permitted, userOf, type AccessOptions } from './access.ts'
import type { LocalRegistry } from './local-registry.ts'
import type { Signer } from './local-signatures.ts'
import { onlyVersions, type StoredManifest } from './second-line.ts'

/** Packages published here: as another registry, with a pipeline of its own. */
export interface LocalPackages {
  readonly registry: LocalRegistry
  readonly pipeline: Pipeline
  /** Judges by a policy that is only tried out, and learns nothing. */
  readonly whatIf: (policy: Policy) => Pipeline
  readonly judge: (publication: Publication) => Promise<JudgedPublication>
  readonly evidence: PublishedEvidence
  readonly maintainers: Maintainers
  readonly ledger: Ledger
  readonly clock: Clock
  readonly signer: Signer
}

type Handler = (request: Request, response: Response, next: NextFunction) => Promise<void>

/**
 * `npm unpublish` and `npm deprecate` ask with `?write=true` and send back what they got, changed; the core then deletes what is
 * not in it. So whoever may publish is shown all that is stored, by the core, and nobody else.
 */
export const forWriters =
  ({ auth, unfiltered }: Pick<AccessOptions, 'auth'> & { readonly unfiltered: (run: () => void) => void }, isHere: (request: Request) => boolean): Handler =>
  async (request, _response, next) => {
    const { package: packageName = '', version } = request.params
    const asks = isHere(request) && request.query.write === 'true' && version === undefined
    if (asks && (await mayPublish({ auth, packageName, user: userOf(request) }))) unfiltered(() => { next('router') })
    else next()
  }

/** What an answer says beside the packument: this mirror's own signatures, and attestations that clients can verify. */
export const localAnswers =
  ({ signer, evidence }: Pick<LocalPackages, 'signer' | 'evidence'>) =>
  ({ packument: { name, versions, time } }: Listing): Pick<RewriteOptions, 'restored' | 'announces'> => {
    const published = [...versions.values()].map(({ version, dist: { integrity } }) => ({ version, integrity, time: dateOf(time.get(version)) }))
    const signatures = signer.signatures(name, published)
    return {
      restored: new Map([...signatures].map(([version, signature]) => [version, { signatures: [signature] }])),
      announces: ({ version, dist: { integrity } }) => keptOf(evidence, { name, version }, integrity)?.publicGood === true,
    }
  }

/** The attestations kept of a version as it is stored. */
export async function localAttestations({ registry, evidence }: Pick<LocalPackages, 'registry' | 'evidence'>, ref: PackageRef): Promise<KeptDocument | undefined> {
  const document = await registry.packument(ref.name)
  return document === 'absent' ? undefined : keptOf(evidence, ref, document.packument.versions.get(ref.version)?.dist.integrity)
}

const keptOf = (evidence: PublishedEvidence, ref: PackageRef, integrity: string | undefined): KeptDocument | undefined =>
  isOneSha512(integrity) ? evidence.evidenceOf({ ...ref, integrity }) : undefined

/** A stored manifest without the versions that are refused: what the core shows of it, in the web UI and in searches. */
export async function withoutRefused(manifest: StoredManifest, { pipeline }: Pick<LocalPackages, 'pipeline'>): Promise<StoredManifest> {
  const listing = await pipeline.listing(manifest.name)
  const listed = (version: string): boolean => {
    const verdict = listing === 'absent' ? undefined : listing.verdicts.get(version)
    return verdict !== undefined && isServed(verdict)
  }
  return onlyVersions(manifest, ([version]) => listed(version))
}

async function mayPublish(asked: { readonly auth: AccessOptions['auth']; readonly packageName: string; readonly user: unknown }): Promise<boolean> {
  try {
    await permitted(asked.auth, 'publish', { packageName: asked.packageName }, asked.user)
    return true
  } catch (error) {
    if (isRefusal(error)) return false
    throw error
  }
}

function dateOf(text: string | undefined): Date | undefined {
  const time = new Date(text ?? NaN)
  return Number.isNaN(time.getTime()) ? undefined : time
}
