import type { ReactNode } from 'react'
import { isObject, type Json } from '../../../plugin/domain/json.ts'
import type { RuleAnswer } from '../answers.ts'
import { Badge } from '../components/bits.tsx'
import { Link } from '../router.tsx'
import { count, shown } from '../text.ts'
import { kindWord, outcomeWord } from '../words.ts'

export const Rules = ({ rules }: { readonly rules: readonly RuleAnswer[] }): ReactNode => (
  <ol className="plain rules">
    {rules.map((rule, index) => <li key={`${String(index)} ${rule.name}`} className="rule"><Rule rule={rule} index={index} /></li>)}
  </ol>
)

const ORIGINS: Readonly<Record<string, string>> = { upstream: '', local: 'published here', any: 'also published here' }

function Rule({ rule, index }: { readonly rule: RuleAnswer; readonly index: number }): ReactNode {
  const { name, packages, origin, verdict, reason, require, where, onFailure } = rule
  const decided = verdict === undefined ? undefined : outcomeWord(verdict)
  return (
    <>
      <div className="card-head">
        <h3><span className="muted">{index + 1}.</span> {shown(name)}</h3>
        <Hits rule={rule} />
      </div>
      <div className="row" style={{ margin: '4px 0 8px' }}>
        {packages.map((pattern) => <code key={pattern} className="chip">{shown(pattern)}</code>)}
        {(ORIGINS[origin] ?? origin) === '' ? null : <span className="muted">{ORIGINS[origin] ?? shown(origin)}</span>}
        {onFailure === 'warn' ? <Badge tone="warn">only warns</Badge> : null}
      </div>
      {decided === undefined ? null : <p><Badge tone={decided.tone}>{decided.label}</Badge> {shown(reason)}</p>}
      {require === undefined ? null : <Requirements require={Object.entries(require)} />}
      {where === undefined ? null : <p style={{ marginTop: 6 }}><span className="muted">and where</span> <code>{shown(where)}</code></p>}
    </>
  )
}

/** What asks for nothing goes without saying; that evidence is ignored does not. */
const SILENT: ReadonlySet<string> = new Set(['stagedPublish', 'trustedPublisher'])

const Requirements = ({ require }: { readonly require: readonly (readonly [string, Json | undefined])[] }): ReactNode => (
  <dl className="requirements">
    {require.filter(([key, value]) => value !== undefined && !(SILENT.has(key) && value === 'ignore')).map(([key, value]) => (
      <div key={key} className={isWide(value) ? 'wide' : undefined}><dt>{LABELS.get(key) ?? shown(key)}</dt><dd><Value value={value} /></dd></div>
    ))}
  </dl>
)

/** An identity, or alternatives. */
const isWide = (value: Json | undefined): boolean => Array.isArray(value) || (isObject(value) && Object.values(value).some((one) => Array.isArray(one) || shown(one).length > 18))

const LABELS: ReadonlyMap<string, string> = new Map([
  ['registrySignature', 'Registry signature'],
  ['publishAttestation', 'Publish attestation'],
  ['provenance', 'Provenance'],
  ['minimumReleaseAge', 'Minimum release age'],
  ['dangerousTriggers', 'Dangerous triggers'],
  ['trustDowngrade', 'Trust downgrade'],
  ['identityPin', 'Identity pin'],
  ['manifestRepository', 'Manifest repository'],
  ['dependencySources', 'Dependency sources'],
  ['anyOf', 'And one of'],
])

const NAMES: ReadonlyMap<string, string> = new Map([['inLine', 'in line'], ['offLine', 'off line'], ['sourceRepository', 'repository'], ['sourceRepositoryId', 'repository id'], ['sourceOwnerId', 'owner id'], ['sourceRef', 'ref'], ['signerWorkflow', 'signed by']])

function Value({ value }: { readonly value: Json | undefined }): ReactNode {
  if (Array.isArray(value)) {
    const all = value as readonly Json[]
    if (!all.some(isObject)) return <>{all.map(shown).join(' or ')}</>
    return <ul className="plain stack-tight">{all.map((one) => <li key={JSON.stringify(one)}><Value value={one} /></li>)}</ul>
  }
  if (!isObject(value)) return <>{shown(value)}</>
  const { level, onFailure, ...rest } = value
  if (level !== undefined && onFailure !== undefined && Object.keys(rest).length === 0) return <>{shown(level)}{onFailure === 'warn' ? ', warns' : ''}</>
  return <>{Object.entries(value).map(([key, one]) => <div key={key}><span className="muted">{NAMES.get(key) ?? shown(key)}</span> <Value value={one} /></div>)}</>
}

const COUNTED = ['served', 'warned', 'refused', 'withheld', 'unavailable'] as const

function Hits({ rule: { name, hits } }: { readonly rule: RuleAnswer }): ReactNode {
  if (hits === null || hits === undefined) return null
  const found = COUNTED.filter((kind) => (hits[kind] ?? 0) > 0)
  if (found.length === 0) return <span className="muted">decided nothing yet</span>
  return (
    <span className="row">
      {found.map((kind) => {
        const { label, tone } = kindWord(kind)
        return <Link key={kind} to={`decisions?rule=${encodeURIComponent(name)}&kind=${kind}`}><Badge tone={tone}>{count(hits[kind] ?? 0)} {label.toLowerCase()}</Badge></Link>
      })}
    </span>
  )
}
