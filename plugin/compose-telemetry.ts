/** What is measured and traced of the parts, put around them. */
import { createTracing } from './audit/tracing.ts'
import type { Configuration } from './config/configuration.ts'
import type { Evidence } from './domain/evidence.ts'
import { noMeasures, type Measures, type Question, type VerificationKind, type VerificationResult, type Verified } from './domain/measures.ts'
import type { ByteStore, DecisionLog, FactStore, Verifier } from './domain/ports.ts'
import type { RequestTracing, Tracing } from './domain/tracing.ts'
import type { AccessLines } from './http/access-lines.ts'
import { uplinkAsked } from './http/limits/asked.ts'
import type { Observation } from './http/observed.ts'
import { VERSION } from './version.ts'

export interface Telemetry {
  readonly measures: Measures
  readonly tracing: RequestTracing
  readonly observation: Observation
  /** What clients of uplinks tell. */
  readonly uplinks: { readonly asked: (question: Question) => void; readonly tracing: Tracing }
}

export function telemetryOf({ propagatesTraces }: Pick<Configuration, 'propagatesTraces'>, lines?: AccessLines): Telemetry {
  const measures = noMeasures()
  const tracing = createTracing({ version: VERSION, propagate: propagatesTraces })
  return { measures, tracing, observation: { requests: measures.requests, tracing, lines }, uplinks: { asked: (question) => { noteQuestion(question, measures) }, tracing } }
}

function noteQuestion(question: Question, { questions }: Measures): void {
  questions.note(question)
  if (question.outcome !== 'skipped') uplinkAsked()
}

/** The same verifier, with how long it takes and what comes of it. */
export function measuredVerifier(verifier: Verifier, { measures: { verifications }, tracing }: Telemetry): Verifier {
  const note = (what: Verified, { state }: Evidence<unknown>): void => { verifications.results.add(`${what} ${RESULTS[state]}`) }
  const timed = async <Result>(kind: VerificationKind, what: readonly Verified[], name: string, verify: () => Promise<Result>): Promise<Result> => {
    const began = performance.now()
    try {
      return await tracing.traced({ name: `verify ${kind}`, attributes: () => ({ 'provenance.package': name }) }, verify)
    } catch (error) {
      for (const one of what) verifications.results.add(`${one} undecided`)
      throw error
    } finally {
      verifications.seconds[kind].observe((performance.now() - began) / 1000)
    }
  }
  return {
    signatures: async (name, tasks, trust) => {
      const results = await timed('signatures', ['signature'], name, () => verifier.signatures(name, tasks, trust))
      for (const { result } of results) note('signature', result)
      return results
    },
    attestations: async (task, trust) => {
      const anchored = await timed('attestations', ['publish-attestation', 'provenance'], task.ref.name, () => verifier.attestations(task, trust))
      note('publish-attestation', anchored.result.publishAttestation)
      note('provenance', anchored.result.provenance)
      return anchored
    },
    close: () => verifier.close(),
  }
}

/** `claimed` is never a result of a verification. A key that is not known may be one of tomorrow. */
const RESULTS: Readonly<Record<Evidence<unknown>['state'], VerificationResult>> = {
  verified: 'verified', invalid: 'invalid', absent: 'absent', claimed: 'undecided', 'unknown-key': 'undecided', unavailable: 'undecided',
}

/** The same log, counted; a trace shows what was decided in it. */
export const measuredDecisions = (log: DecisionLog, { measures: { decisions }, tracing }: Telemetry): DecisionLog => ({
  record: (decision) => {
    decisions.note(decision)
    const { kind, ref, verdict } = decision
    // Of what a packument leaves out there are many, and the span is the packument's.
    if (kind !== 'withheld')
      tracing.note(() => ({
        'provenance.package': ref.name,
        'provenance.version': ref.version,
        'provenance.outcome': verdict.outcome,
        'provenance.rule': verdict.rule,
        'provenance.reasons': verdict.reasons.map(({ code }) => code).join(' ') || undefined,
      }))
    log.record(decision)
  },
})

export const tracedFacts = (facts: FactStore, { tracing }: Telemetry): FactStore => ({
  load: (scope) => tracing.traced({ name: 'store facts load', attributes: () => ({}) }, () => facts.load(scope)),
  ...(facts.look !== undefined && { look: (scope) => tracing.traced({ name: 'store facts look', attributes: () => ({}) }, () => facts.look?.(scope) ?? Promise.resolve(undefined)) }),
  add: (scope, added) => tracing.traced({ name: 'store facts add', attributes: () => ({ 'provenance.facts': added.size }) }, () => facts.add(scope, added)),
  close: () => facts.close(),
})

export const measuredBytes = (bytes: ByteStore, { measures: { caches: { tarballs } }, tracing }: Telemetry): ByteStore => ({
  put: (document) => tracing.traced({ name: 'store document put', attributes: () => ({ 'provenance.bytes': document.byteLength }) }, () => bytes.put(document)),
  get: (sha256) => bytes.get(sha256),
  tarball: async (sha512) => {
    const found = await tracing.traced({ name: 'store tarball get', attributes: () => ({}) }, () => bytes.tarball(sha512))
    tarballs[found === undefined ? 'miss' : 'disk']++
    return found
  },
  ready: (sha512) => bytes.ready(sha512),
  ingest: (source, sha512, from) => tracing.traced({ name: 'store tarball ingest', attributes: () => ({}) }, () => bytes.ingest(source, sha512, from)),
  close: () => bytes.close(),
})
