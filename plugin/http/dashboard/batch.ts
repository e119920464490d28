/** Judges many versions for one answer. */
import type { Request, Response } from 'express'
import pLimit from 'p-limit'
import { Unavailable } from '../../domain/errors.ts'
import type { JsonObject } from '../../domain/json.ts'
import type { Policy } from '../../domain/ports.ts'
import type { Reason } from '../../domain/reason.ts'
import type { Verdict } from '../../domain/verdict.ts'
import { nearestAllowed } from '../../enforce/nearest.ts'
import type { Pipeline } from '../../pipeline/pipeline.ts'
import { isRefusal, permitted, userOf, type VerdaccioAuth } from '../access.ts'
import { verdictDocument } from '../explain.ts'
import { explainUrl } from '../packuments.ts'
import { withdrawnReason } from '../../domain/withdrawn.ts'

/** `wanted` is a version, or a range or tag where it is not `exact`. */
export interface Asked {
  readonly name: string
  readonly wanted: string
  readonly exact: boolean
}

export interface Judges {
  readonly inForce: Pipeline
  /** By the policy that is tried out. */
  readonly tried: Judge | undefined
}

export interface Judge {
  readonly pipeline: Pipeline
  readonly policy: Policy
}

export interface BatchOptions {
  readonly judges: (name: string) => Judges
  /** The one in force when the question came: a reload in the middle must not judge one half of an answer. */
  readonly policy: Policy
  /** Uplinks are asked for what is not known. */
  readonly asks: boolean
  readonly request: Request
  readonly response: Response
  readonly auth: VerdaccioAuth
  readonly base: string
  readonly meant: (wanted: string, versions: readonly string[], tags: ReadonlyMap<string, string>) => string | undefined
}

const AT_ONCE = 16

/** One result for each version, in the order in which they are asked about; those of one package are judged one after the other. */
export async function judgeBatch(asked: readonly Asked[], options: BatchOptions): Promise<readonly JsonObject[]> {
  const limit = pLimit(AT_ONCE)
  const results = new Map<Asked, JsonObject>()
  const packages = Map.groupBy(asked, ({ name }) => name)
  await Promise.all(
    [...packages].map(([name, versions]) =>
      limit(async () => {
        // Nobody waits any more.
        if (options.response.closed) return
        const refused = await accessRefusal(name, options)
        for (const one of versions) results.set(one, refused === undefined ? await resultOf(one, options) : { package: name, version: one.wanted, status: refused, verdict: { ...NOTHING, outcome: 'forbidden' } })
      }),
    ),
  )
  return asked.flatMap((one): readonly JsonObject[] => {
    const result = results.get(one)
    return result === undefined ? [] : [result]
  })
}

/** 401 or 403, where whoever asks may not know of a package; whether there is one makes no difference. */
async function accessRefusal(packageName: string, { auth, request }: BatchOptions): Promise<number | undefined> {
  try {
    await permitted(auth, 'access', { packageName }, userOf(request))
    return undefined
  } catch (error) {
    if (!isRefusal(error)) throw error
    return Number((error as { readonly status?: unknown }).status)
  }
}

/** Of what nobody judged. */
const NOTHING = { outcome: 'absent', rule: null, reasons: [] }

type Said =
  | { readonly state: 'judged'; readonly version: string; readonly document: JsonObject; readonly outcome: Verdict['outcome']; readonly integrity: string | undefined }
  | { readonly state: 'absent'; readonly version: string }

async function resultOf({ name, wanted, exact }: Asked, options: BatchOptions): Promise<JsonObject> {
  const { inForce, tried } = options.judges(name)
  const { policy } = options
  const before = await said({ pipeline: inForce, policy }, { name, wanted, exact }, options)
  const after = tried === undefined || before.state === 'absent' ? before : await said(tried, { name, wanted: before.version, exact: true }, options)
  const { version } = after
  // Somebody who may have uplinks asked would perhaps be told more.
  const open = !options.asks && (after.state === 'absent' || after.outcome === 'unavailable') ? { asked: false } : {}
  if (after.state === 'absent') return { package: name, version, status: 404, verdict: NOTHING, ...open }
  const nearest = after.outcome === 'deny' ? await nearestOf(tried ?? { pipeline: inForce, policy }, name, version) : undefined
  return {
    package: name,
    version,
    verdict: after.document,
    ...(tried === undefined || before.state === 'absent' ? {} : { before: before.document }),
    ...(after.integrity === undefined ? {} : { integrity: after.integrity }),
    ...(nearest === undefined ? {} : { nearestAllowed: nearest }),
    ...open,
    explain: explainUrl(options.base, name, version),
  }
}

async function said({ pipeline, policy }: Judge, { name, wanted, exact }: Asked, { meant }: BatchOptions): Promise<Said> {
  let version = wanted
  try {
    if (!exact) {
      const listing = await pipeline.listing(name, policy)
      const found = listing === 'absent' ? undefined : meant(wanted, [...listing.packument.versions.keys()], listing.packument.distTags)
      if (found === undefined) return { state: 'absent', version }
      version = found
    }
    const judgement = await pipeline.judge({ name, version }, policy)
    if (judgement !== 'absent') {
      const { verdict, candidate } = judgement
      return { state: 'judged', version, document: verdictDocument(verdict), outcome: verdict.outcome, integrity: candidate.integrity.state === 'ok' ? candidate.integrity.sri : undefined }
    }
    return pipeline.knew({ name, version }) ? undecided(version, 'deny', withdrawnReason({ name, version })) : { state: 'absent', version }
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    return undecided(version, 'unavailable', error.reason)
  }
}

const undecided = (version: string, outcome: 'deny' | 'unavailable', { code, message }: Reason): Said => ({
  state: 'judged',
  version,
  document: { outcome, rule: null, reasons: [{ code, message }] },
  outcome,
  integrity: undefined,
})

async function nearestOf({ pipeline, policy }: Judge, name: string, version: string): Promise<string | undefined> {
  try {
    const listing = await pipeline.listing(name, policy)
    return listing === 'absent' ? undefined : nearestAllowed(version, listing.verdicts)
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    return undefined
  }
}
