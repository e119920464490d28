import type { Request, Response } from 'express'
import type { JsonObject } from '../domain/json.ts'
import type { PackageRef } from '../domain/package-ref.ts'
import type { RegistryKey } from '../domain/ports.ts'
import type { Pipeline } from '../pipeline/pipeline.ts'
import { issueSummary, type IssueDeps, type Issued } from '../vsa/issue.ts'
import { verifiedPart } from './evidence.ts'
import { Body, send } from './respond.ts'

export interface VsaDeps {
  readonly vsa: IssueDeps & {
    /** The keys that sign summaries, oldest first; the first one is made when there is none. */
    readonly keys: () => readonly RegistryKey[]
  }
}

const JSON_TYPE = 'application/json'

/** The bytes that `/-/provenance/v1/attestations/` answers with for an attestations document. */
export const servedAttestations = (document: Uint8Array): Buffer => new Body(verifiedPart(document), JSON_TYPE).identity

/** A summary of a version from where it is. @throws Unavailable */
export function summaryFor(
  ref: PackageRef,
  { pipeline, document, base }: { readonly pipeline: Pick<Pipeline, 'tarball'>; readonly document: () => Promise<Uint8Array | undefined>; readonly base: string | undefined },
  { vsa }: VsaDeps,
): Promise<Issued> {
  const attestations = async (): Promise<Buffer | undefined> => {
    const found = await document()
    return found && servedAttestations(found)
  }
  return issueSummary(ref, { pipeline, attestations, base }, vsa)
}

/** Each answer is signed anew, so nobody keeps one. */
export const sendSummary = (request: Request, response: Response, envelope: JsonObject): Promise<void> =>
  send(request, response, new Body(envelope, JSON_TYPE), { cacheControl: 'no-store' })

/** `/-/provenance/v1/keys`: what verifies the summaries. These keys vouch for no package, so npm's list of keys does not have them. */
export const vsaKeysRoute =
  ({ vsa }: VsaDeps) =>
  async (request: Request, response: Response): Promise<void> => {
    const keys = vsa.keys().map(({ keyid, spki, keytype, scheme, expires }) => ({ purpose: 'vsa', keyid, keytype, scheme, key: spki, expires }))
    await send(request, response, new Body({ keys }, JSON_TYPE), { cacheControl: 'no-cache' })
  }
