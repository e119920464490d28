/** Where people can look at what a certificate names. Every link is made of certified text, and only of what reads as an https address. */
import { workflowPath } from '../domain/workflow-path.ts'
import type { ExplainedBuilder } from './explained.ts'

export interface BuildLinks {
  readonly commit: string | undefined
  readonly ref: string | undefined
  /** The workflow's text, as of the commit. */
  readonly workflow: string | undefined
  readonly run: string | undefined
}

export const workflowOf = (builder: ExplainedBuilder): string | undefined =>
  workflowPath({
    ...builder,
    issuer: builder.issuer ?? '',
    sourceOwner: undefined,
    buildSigner: undefined,
    visibility: undefined,
    environment: undefined,
  })

export function linksOf(builder: ExplainedBuilder): BuildLinks {
  const { sourceRepository, sourceDigest, sourceRef, run } = builder
  const base = sourceRepository !== undefined && isAddress(sourceRepository) ? `${sourceRepository}${isGitLab(builder) ? '/-' : ''}` : undefined
  const path = workflowOf(builder)
  const short = sourceRef?.replace(/^refs\/(?:tags|heads)\//, '')
  return {
    commit: base === undefined || sourceDigest === undefined ? undefined : `${base}/commit/${sourceDigest}`,
    ref: base === undefined || short === undefined ? undefined : `${base}/tree/${short}`,
    workflow: base === undefined || sourceDigest === undefined || path === undefined ? undefined : `${base}/blob/${sourceDigest}/${path}`,
    run: run !== undefined && isAddress(run) ? run : undefined,
  }
}

/** The public log only: a private Sigstore numbers its entries too, and nothing in the evidence says where its log is shown. */
export const logLink = (index: string): string => `https://search.sigstore.dev/?logIndex=${encodeURIComponent(index)}`

const isAddress = (text: string): boolean => /^https:\/\/\S+$/.test(text) && URL.canParse(text)

/** GitLab puts `/-/` between a project and what it shows of it, and says so in the address of the job. */
const isGitLab = ({ run, issuer }: ExplainedBuilder): boolean => run?.includes('/-/') === true || issuer === 'https://gitlab.com'
