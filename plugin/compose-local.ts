/** The wiring of what is published here: a pipeline of its own over Verdaccio's storage, by the same policy and memories. */
import { whatIf } from './compose-what-if.ts'
import { PUBLISHED_HERE, type Maintainers, type PublishedEvidence, type TrustRenewal, type Upstreams } from './domain/ports.ts'
import type { VerdaccioStorage } from './http/access.ts'
import { LocalRegistry } from './http/local-registry.ts'
import type { Signer } from './http/local-signatures.ts'
import type { LocalPackages } from './http/local.ts'
import { Pipeline, type PipelineDeps } from './pipeline/pipeline.ts'
import { judgePublication } from './pipeline/publish.ts'
import { publicGoodOf, type TrustBasis } from './verify/index.ts'

export interface LocalParts {
  readonly evidence: PublishedEvidence
  readonly maintainers: Maintainers
  readonly signer: Signer
  readonly trustBasis: TrustBasis
  /** The same upstreams, while it is known what all mirrors of a shared ledger know; all the time where not given. */
  readonly whileKnown?: (upstreams: Upstreams) => Upstreams
  /** Bytes that listings may take in memory. */
  readonly listingMemory: number
}

export type OpenLocal = (storage: VerdaccioStorage, unjudged: (run: () => void) => void) => LocalPackages

/** Everything but the storage, which Verdaccio hands out late. */
export function localPackages(deps: PipelineDeps, { evidence, maintainers, signer, trustBasis, whileKnown = (all) => all, listingMemory }: LocalParts): OpenLocal {
  const renewal: TrustRenewal | undefined = deps.renewal && {
    isRenewing: (_uplink, anchor, revision) => deps.renewal?.isRenewing(PUBLISHED_HERE, anchor, revision) ?? false,
    nextRenewal: (_uplink, revision) => deps.renewal?.nextRenewal(PUBLISHED_HERE, revision),
  }
  const isPublicGood = publicGoodOf(trustBasis)
  const { ledger, clock } = deps
  return (storage, unjudged) => {
    const registry = new LocalRegistry({ storage, unjudged, ledger, evidence, maintainers, clock })
    const parts: PipelineDeps = {
      ...deps,
      upstreams: whileKnown({
        all: [registry],
        find: async (name) => {
          const document = await registry.packument(name)
          return document === 'absent' ? 'absent' : { upstream: registry, document }
        },
      }),
      trustOf: (_uplink, name) => deps.trustOf(PUBLISHED_HERE, name),
      renewal,
      signsAlways: () => false,
      limit: (task) => task(),
      listingMemory,
      behind: undefined,
    }
    return { registry, pipeline: new Pipeline(parts), whatIf: (policy) => whatIf(parts, policy), judge: (publication) => judgePublication(publication, { ...parts, isPublicGood }), evidence, maintainers, ledger, clock, signer }
  }
}
