import type { TrustPolicy } from './compile.ts'
import type { EffectiveRule } from './rules.ts'
import type { BranchDocument } from './schema.ts'
import type { Waiver } from './waiver.ts'

/** Lines for a terminal: what is in force, rule by rule, and what the preset leaves out. */
export function describePolicy(policy: TrustPolicy): readonly string[] {
  const { preset, mode, listing, onUnavailable, revision, rules, missing, waivers } = policy
  return [
    `policy ${revision}: preset ${preset}, mode ${mode}${mode === 'monitor' ? ' (refuses nothing but wrong bytes)' : ''}`,
    `lists ${listing === 'claimed' ? 'what is claimed, and verifies before the tarball is served' : 'only what is verified'}`,
    `evidence that cannot be had: ${onUnavailable === 'deny' ? 'not served' : 'served with a warning where it is ifPresent'}`,
    ...rules.flatMap((rule, index) => [`${index + 1}. ${rule.name}`, `   ${describeRule(rule)}`]),
    ...waivers.map(describeWaiver),
    ...missing.map((part) => `not enforced by this version: ${part}`),
  ]
}

const describeWaiver = ({ package: spec, waives, integrity, reason, approvedBy, expires }: Waiver): string =>
  `waiver for ${spec}${integrity === undefined ? '' : ' (these bytes only)'} until ${expires.toISOString().slice(0, 10)}: ${waives.join(', ')}; ${reason}; approved by ${approvedBy}`

function describeRule({ packages, origin, verdict, require, where, onFailure }: EffectiveRule): string {
  const of = `${packages.join(' ')}${origin === 'any' ? ', local ones too' : ''}`
  if (verdict !== undefined) return `${of}: ${verdict.outcome}, ${verdict.reason}`
  const { anyOf, ...siblings } = require
  const alternatives = anyOf === undefined ? '' : `; and one of: ${anyOf.map(describeRequire).join(' | ')}`
  const condition = where === undefined ? '' : `; and where ${where}`
  return `${of}: ${describeRequire(siblings)}${alternatives}${condition}${onFailure === 'warn' ? '; else a warning' : ''}`
}

const describeRequire = (require: BranchDocument): string =>
  Object.entries(require)
    .map(([key, value]) => `${key} ${typeof value === 'object' ? describeIdentity(value) : String(value)}`)
    .join(', ')

const describeIdentity = (identity: object): string =>
  `by ${Object.entries(identity)
    .map(([key, value]) => `${key} ${Array.isArray(value) ? value.join(' or ') : String(value)}`)
    .join(', ')}`
