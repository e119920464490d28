import type { TrustPolicy } from './compile.ts'
import type { EffectiveRequire } from './presets.ts'
import type { EffectiveRule } from './rules.ts'
import type { Waiver } from './waiver.ts'
import { show } from './words.ts'

/** Lines for a terminal: what is in force, rule by rule, and what the preset leaves out. */
export function describePolicy(policy: TrustPolicy): readonly string[] {
  const { preset, mode, listing, withheld, onUnavailable, revision, rules, waivers } = policy
  return [
    `policy ${revision}: preset ${preset}, mode ${mode}${mode === 'monitor' ? ' (refuses nothing but wrong bytes)' : ''}`,
    `packuments list ${listing === 'claimed' ? 'versions whose evidence is claimed where it is not verified yet; all of it is verified before the tarball is served' : 'verified versions only'}`,
    ...(withheld === 'marked' ? ['refused versions stay in the packument, deprecated with the reason; their tarballs are refused'] : []),
    `where the upstream does not answer for evidence: ${onUnavailable === 'deny' ? '503, nothing is served on a guess' : 'served with a warning where it is ifPresent'}`,
    ...rules.flatMap((rule, index) => [`${index + 1}. ${rule.name}`, `   ${describeRule(rule)}`]),
    ...waivers.map(describeWaiver),
  ]
}

const describeWaiver = ({ package: spec, waives, integrity, reason, approvedBy, expires }: Waiver): string =>
  `waiver for ${spec}${integrity === undefined ? '' : ' (these bytes only)'} until ${expires.toISOString().slice(0, 10)}: ${waives.join(', ')}; ${show(reason)}; approved by ${show(approvedBy)}`

const OF = { upstream: '', local: ' published here', any: ', also published here' } as const

function describeRule({ packages, origin, verdict, require, where, onFailure }: EffectiveRule): string {
  const of = `${packages.join(' ')}${OF[origin]}`
  if (verdict !== undefined) return `${of}: ${verdict.outcome}, ${verdict.reason}`
  const { anyOf, ...asked } = require
  const siblings = origin === 'local' ? withoutUplinks(asked) : asked
  const alternatives = anyOf === undefined ? '' : `; and one of: ${anyOf.map(describeRequire).join(' | ')}`
  const condition = where === undefined ? '' : `; and where ${where}`
  return `${of}: ${describeRequire(siblings)}${alternatives}${condition}${onFailure === 'warn' ? '; else a warning' : ''}`
}

/** What a registry says of its versions asks nothing where the registry is this mirror (docs/policy.md). */
const withoutUplinks = ({ registrySignature: _signature, publishAttestation: _attestation, ...others }: Omit<EffectiveRequire, 'anyOf'>): Readonly<Record<string, unknown>> => others

/** Unsigned hints that nobody asked for go without saying; what is switched off of the evidence does not. */
const SILENT: ReadonlySet<string> = new Set(['stagedPublish', 'trustedPublisher'])

const describeRequire = (require: Readonly<Record<string, unknown>>): string =>
  Object.entries(require)
    .filter(([key, value]) => value !== undefined && !(SILENT.has(key) && value === 'ignore'))
    .map(([key, value]) => `${key} ${typeof value === 'object' && value !== null ? describeObject(key, value) : String(value)}`)
    .join(', ')

function describeObject(key: string, value: object): string {
  if (key === 'provenance') return describeIdentity(value)
  if ('level' in value && 'onFailure' in value) return `${String(value.level)}${value.onFailure === 'warn' ? ' (warns)' : ''}`
  return Object.entries(value)
    .map(([window, length]) => `${window} ${String(length)}`)
    .join(' ')
}

const describeIdentity = (identity: object): string =>
  `by ${Object.entries(identity)
    .map(([key, value]) => `${key} ${Array.isArray(value) ? value.join(' or ') : String(value)}`)
    .join(', ')}`
