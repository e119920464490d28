import type { Problem } from '../domain/errors.ts'
import type { JsonObject } from '../domain/json.ts'
import type { TrustPolicy } from './compile.ts'
import type { EffectiveRule } from './rules.ts'
import type { Waiver } from './waiver.ts'
import { show } from './words.ts'

/** A policy as it is in force, defaults filled in, for programs: `policy show --json` and `/-/provenance/v1/policy`. */
export const policyDocument = (policy: TrustPolicy): JsonObject => ({
  revision: policy.revision,
  preset: policy.preset,
  mode: policy.mode,
  listing: policy.listing,
  withheld: policy.withheld,
  onUnavailable: policy.onUnavailable,
  rules: policy.rules.map(ruleDocument),
  waivers: policy.waivers.map(waiverDocument),
  warnings: policy.warnings.map(problemDocument),
})

export const problemDocument = ({ file, line, path, message, remedy }: Problem): JsonObject => ({
  file: file ?? null,
  line: line ?? null,
  path,
  message,
  remedy,
})

/** What people wrote is shown without e-mail addresses. */
const waiverDocument = ({ id, package: spec, integrity, waives, reason, approvedBy, expires }: Waiver): JsonObject => ({
  id,
  package: spec,
  ...(integrity === undefined ? {} : { integrity }),
  waives,
  reason: show(reason),
  approvedBy: show(approvedBy),
  expires: expires.toISOString(),
})

function ruleDocument({ name, packages, origin, scope, verdict, require, where, onFailure }: EffectiveRule): JsonObject {
  const of = { name, packages, origin, ...(scope.length === 0 ? {} : { mayOnlySpeakOf: scope }) }
  if (verdict !== undefined) return { ...of, verdict: verdict.outcome, reason: show(verdict.reason) }
  return { ...of, require: JSON.parse(JSON.stringify(require)) as JsonObject, ...(where === undefined ? {} : { where }), onFailure }
}
