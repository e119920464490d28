import { existsSync } from 'node:fs'
import { presetPolicy, PRESETS, type Engine, type PresetName, type TrustPolicy } from '../compose.ts'
import { specOf } from '../domain/package-ref.ts'
import { isServed, type Verdict } from '../domain/verdict.ts'
import type { Fetcher } from '../domain/fetched.ts'
import { hasDecisionLog } from './decision-log.ts'
import { EXIT } from './exit-codes.ts'
import { fetchedVersions, fetchersOf, withRefs } from './fetched.ts'
import { safe, wrap, type Paint, paint as colours } from './layout.ts'
import { withOwnMirror, type OwnMirrorOptions } from './own-mirror.ts'
import { parsePolicyFile } from './policy-file.ts'
import { usage } from './usage.ts'
import { fetchersText } from './recall-text.ts'
import { jsonText } from './terminal.ts'
import { isJudgement, judgeAll, subjectsOf, type Outcome, type SubjectFiles, type Subjects } from './what-if.ts'

export interface DiffOptions extends OwnMirrorOptions, Pick<SubjectFiles, 'lockfile' | 'log'> {
  /** Over all that the decision log of the configuration decided on, refusals too; by itself where nothing else is named. */
  readonly decisions?: boolean
  /** Over what the mirror gave out, by its decision log; and who has what the new policy refuses. */
  readonly fetched?: boolean
  readonly json?: boolean
}

const DEFAULT_CONFIG = 'data/config.yaml'

/** What a policy makes of a version; `absent` where the registry has none. */
export type Said = 'allow' | 'warn' | 'monitored' | 'waived' | 'deny' | 'undecided' | 'absent'

export interface ChangedVerdict {
  readonly spec: string
  readonly old: Opinion
  readonly new: Opinion
}

export interface Opinion {
  readonly said: Said
  readonly served: boolean
  readonly rule: string | null
  readonly reasons: readonly { readonly code: string; readonly message: string }[]
}

export interface PolicyDiff {
  readonly old: string
  readonly new: string
  readonly versions: number
  readonly changes: readonly ChangedVerdict[]
  /** Of which neither can say anything now, or one cannot. */
  readonly undecided: readonly string[]
  readonly absent: readonly string[]
  readonly notCovered: readonly string[]
  /** Who was given what the old policy serves and the new one refuses; undefined where that was not asked. */
  readonly fetched?: readonly Fetcher[]
}

/**
 * `policy diff`: which verdicts change from one policy to another, over versions of lockfiles and of the decision log.
 * @returns the lines, and `refused` when the new policy refuses what the old one serves; else `undecided` when something could not be judged
 * @throws ConfigurationError, LockfileError
 */
export async function diffPolicies(before: string, after: string, options: DiffOptions): Promise<{ readonly code: number; readonly lines: readonly string[] }> {
  const [old, next] = [namedPolicy(before), namedPolicy(after)]
  const { lockfile = [], log, config = DEFAULT_CONFIG } = options
  const isNamed = lockfile.length > 0 || log !== undefined || options.fetched === true
  const decisions = options.decisions === true || (!isNamed && hasDecisionLog(config)) ? config : undefined
  if (!isNamed && decisions === undefined)
    throw usage('policy diff', 'has no versions to compare over', 'Give --lockfile FILE, --log FILE or --fetched, or --config FILE of a mirror that has a decision log.')
  const given = options.fetched === true ? await fetchedVersions(options) : []
  const subjects = withRefs(await subjectsOf({ lockfile, ...(log === undefined ? {} : { log }), decisions }), given)
  const compared = await withOwnMirror(options, (engine) => compareOver(engine, subjects, { old, new: next }))
  const diff = options.fetched === true ? { ...compared, fetched: await fetchersOf(compared.changes.filter(isStricterChange).map(({ spec }) => spec), options) } : compared
  const lines = options.json === true ? [jsonText(diff, 2)] : diffText(diff)
  return { code: isStricter(diff) ? EXIT.refused : diff.undecided.length > 0 ? EXIT.undecided : EXIT.fine, lines }
}

const isStricter = ({ changes }: PolicyDiff): boolean => changes.some(isStricterChange)
const isStricterChange = (change: ChangedVerdict): boolean => change.old.served && change.new.said === 'deny'

interface Named {
  readonly title: string
  readonly policy: TrustPolicy
}

function namedPolicy(what: string): Named {
  if (Object.hasOwn(PRESETS, what)) return { title: `the ${what} preset`, policy: presetPolicy(what as PresetName) }
  if (!existsSync(what)) throw usage('policy diff', `"${safe(what)}" is no preset, and no file of this name is there`, `Name a policy file, or one of ${Object.keys(PRESETS).join(', ')}.`)
  return { title: what, policy: parsePolicyFile(what) }
}

/** Each policy judges by itself, pins and waived integrities included; what one has verified the other need not ask for. */
export async function compareOver(engine: Engine, { refs, notCovered }: Subjects, policies: { readonly old: Named; readonly new: Named }): Promise<PolicyDiff> {
  const old = await judgeAll(engine, engine.whatIf(policies.old.policy), refs)
  const next = await judgeAll(engine, engine.whatIf(policies.new.policy), refs)
  const rows = refs.map((ref) => {
    const spec = specOf(ref)
    return { spec, old: opinionOf(old.get(spec) ?? 'absent'), new: opinionOf(next.get(spec) ?? 'absent') }
  })
  return {
    old: policies.old.title,
    new: policies.new.title,
    versions: rows.length,
    changes: rows.filter((row) => row.old.said !== row.new.said).toSorted((a, b) => gravity(a) - gravity(b)),
    undecided: rows.filter((row) => row.old.said === 'undecided' || row.new.said === 'undecided').map(({ spec }) => spec),
    absent: rows.filter((row) => row.old.said === 'absent' && row.new.said === 'absent').map(({ spec }) => spec),
    notCovered,
  }
}

/** Worst first: refused now, served now, the rest. */
const gravity = ({ old, new: next }: ChangedVerdict): number => (old.served && next.said === 'deny' ? 0 : old.said === 'deny' && next.served ? 1 : 2)

function opinionOf(outcome: Outcome): Opinion {
  if (outcome === 'absent') return { said: 'absent', served: false, rule: null, reasons: [] }
  if (!isJudgement(outcome)) return { said: 'undecided', served: false, rule: null, reasons: [outcome] }
  const { verdict } = outcome
  return { said: saidOf(verdict), served: isServed(verdict), rule: verdict.rule, reasons: verdict.reasons.map(({ code, message }) => ({ code, message })) }
}

function saidOf({ outcome, monitored, waiver }: Verdict): Said {
  if (outcome === 'unavailable') return 'undecided'
  if (outcome !== 'warn') return outcome
  return monitored === true ? 'monitored' : waiver === undefined ? 'warn' : 'waived'
}

const WORDS: Readonly<Record<Said, string>> = {
  allow: 'allowed',
  warn: 'warning',
  monitored: 'monitored',
  waived: 'waived',
  deny: 'REFUSED',
  undecided: 'undecided',
  absent: 'unknown',
}
const GROUPS = ['refused by the new policy, served by the old one', 'served by the new policy, refused by the old one', 'otherwise said differently'] as const

export function diffText(diff: PolicyDiff, paint: Paint = colours): readonly string[] {
  const { changes, versions, absent, undecided, notCovered } = diff
  const groups = GROUPS.map((title, index) => ({ title, index, rows: changes.filter((change) => gravity(change) === index) }))
  return [
    ...wrap(`old: ${diff.old}`),
    ...wrap(`new: ${diff.new}`),
    ...groups.filter(({ rows }) => rows.length > 0).flatMap(({ title, index, rows }) => ['', paint(index === 0 ? 'red' : 'bold', `${String(rows.length)} ${title}`), ...rows.flatMap(rowText)]),
    '',
    ...wrap(`${String(changes.length)} of ${String(versions)} versions change`),
    ...named(`${String(undecided.length)} could not be judged now`, undecided),
    ...named(`${String(absent.length)} not at the registry`, absent),
    ...named(`${String(notCovered.length)} from no registry, of which no policy speaks`, notCovered),
    ...(diff.fetched === undefined ? [] : ['', diff.fetched.length === 0 ? 'nobody fetched what the new policy refuses, by the decision log' : 'who fetched what the new policy refuses, by the decision log:', ...fetchersText(diff.fetched)]),
  ]
}

function rowText({ spec, old, new: next }: ChangedVerdict): readonly string[] {
  const why = next.reasons.length > 0 ? next : old
  return [
    `  ${safe(spec)}`,
    `    ${WORDS[old.said].padEnd(9)} -> ${WORDS[next.said]}${next.rule === null ? '' : `  (${safe(next.rule)})`}`,
    ...why.reasons.flatMap(({ code, message }) => wrap(`${code}: ${safe(message)}`, '      ')),
  ]
}

const SHOWN = 5
const named = (what: string, specs: readonly string[]): readonly string[] =>
  specs.length === 0 ? [] : wrap(`${what}: ${specs.slice(0, SHOWN).map(safe).join(', ')}${specs.length > SHOWN ? ', ...' : ''}`)
