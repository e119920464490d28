/** `where`: a condition in CEL over small fixed objects, in a part of the language that can neither loop nor backtrack. */
import { Environment, type ASTNode } from '@marcbachmann/cel-js'
import type { Candidate, Evidence } from '../domain/evidence.ts'
import type { EvidenceNeeds } from '../domain/ports.ts'
import { contextOf, FIELDS, VARIABLES } from './condition-variables.ts'
import { deny, undecided, type Check, type Finding, type Situation } from './finding.ts'
import { Mistake } from './mistake.ts'
import { nearestWord } from './nearest.ts'
import { parseVersion } from './package-pattern.ts'
import { conditionUnmet, pending, type EvidenceKind } from './words.ts'

/** A condition, compiled. Part of a rule beside its requirements: it can only refuse. */
export interface Condition {
  readonly check: Check
  /** Evidence the condition reads, which is therefore looked at. */
  readonly reads: EvidenceNeeds
  /** The next moment at which the age of the release can change what the condition says. */
  changesAt(candidate: Candidate, now: Date): Date | undefined
}

const MAX_TEXT = 1024
const LIMITS = { maxAstNodes: 150, maxDepth: 16, maxListElements: 32, maxMapEntries: 0, maxCallArguments: 4 }
const DAY = 86_400_000
/** `package` is a word that CEL reserves, so the parser gets it as a name of the same length, outside of texts. */
const ALIAS = 'Package'

const ENVIRONMENT = new Environment({ limits: LIMITS })
for (const [name, schema] of VARIABLES) ENVIRONMENT.registerVariable({ name: name === 'package' ? ALIAS : name, schema })

const FUNCTIONS = ['startsWith', 'endsWith', 'contains', 'lowerAscii', 'upperAscii']
const MACROS = ['exists', 'all', 'exists_one']
/** No arithmetic, maps and indexing: a policy compares, and whoever needs more should not hide it in one line. */
const OPERATORS = ['value', 'id', '.', 'rcall', 'list', '?:', '||', '&&', '!_', '-_', '!=', '==', 'in', '<', '<=', '>', '>=']

/**
 * Reads and type-checks a condition.
 * @throws Mistake
 */
export function compileCondition(text: string): Condition {
  if (text.trim() === '') throw new Mistake('is empty', `Write a condition, such as package.name.startsWith("@acme/")`)
  if (text.length > MAX_TEXT) throw new Mistake(`is longer than ${MAX_TEXT} characters`, 'Split it into several rules')
  const { run, ast } = checked(withAlias(text))
  const read = readsOf(ast)
  const kinds = kindsOf(read)
  const days = literalDays(ast)
  return {
    check: (candidate, situation) =>
      openEvidence(kinds, candidate, situation) ?? (holds(run, candidate, read, situation.now) ? [] : [deny(conditionUnmet(text))]),
    reads: {
      signature: kinds.includes('signature'),
      publishAttestation: kinds.includes('publishAttestation'),
      provenance: kinds.includes('provenance'),
    },
    changesAt: (candidate, now) => (read.has('release.ageDays') ? nextChange(days, candidate, now) : undefined),
  }
}

interface Checked {
  readonly run: (context: Readonly<Record<string, unknown>>) => unknown
  readonly ast: ASTNode
}

function checked(text: string): Checked {
  try {
    const run = ENVIRONMENT.parse(text)
    // Before the type check, which rewrites macros into what they stand for.
    refuseTheRest(run.ast, [])
    const { valid, type, error } = run.check()
    if (!valid) throw error ?? new Error('is not valid')
    if (type !== 'bool') throw new Mistake(`is ${type ?? 'something'}, and must be true or false`, 'Compare it with something')
    return { run, ast: run.ast }
  } catch (error) {
    throw error instanceof Mistake ? error : mistakeOf(error)
  }
}

function mistakeOf(error: unknown): Mistake {
  const summary = error instanceof Error && 'summary' in error ? String(error.summary) : 'cannot be read'
  const range = error instanceof Error && 'range' in error ? (error.range as { readonly start?: number } | undefined) : undefined
  const place = range?.start === undefined ? '' : ` at character ${range.start + 1}`
  return new Mistake(`is not a condition: ${summary.replaceAll(ALIAS, 'package')}${place}`, remedyFor(summary))
}

function remedyFor(summary: string): string {
  const [, word] = /(?:Unknown variable|No such key): (\w+)/.exec(summary) ?? []
  const near = word === undefined ? undefined : nearestWord(word, [...VARIABLES.keys(), ...FIELDS.map((field) => field.split('.')[1] ?? '')])
  return near === undefined ? `Known: ${FIELDS.join(', ')}` : `Did you mean "${near}"?`
}

const RAW_OR_QUOTED =
  /[rR](?:"""[\s\S]*?"""|'''[\s\S]*?'''|"[^"\n]*"|'[^'\n]*')|"""(?:\\[\s\S]|[^\\])*?"""|'''(?:\\[\s\S]|[^\\])*?'''|"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*'|\/\/[^\n]*|\w+/g

const withAlias = (text: string): string => {
  if (/\bPackage\b/.test(text.replace(RAW_OR_QUOTED, (piece) => (/^\w+$/.test(piece) ? piece : ''))))
    throw new Mistake('is not a condition: Unknown variable: Package', 'Did you mean "package"?')
  return text.replace(RAW_OR_QUOTED, (piece) => (piece === 'package' ? ALIAS : piece))
}

/** Only what is listed above: what a library brings in its next version is not part of the policy language by that. */
function refuseTheRest(node: ASTNode, bound: readonly string[]): void {
  if (!OPERATORS.includes(node.op))
    throw new Mistake(
      `uses ${node.op === 'call' ? `${node.args[0]}()` : node.op}, which conditions do not have`,
      `Compare fields with ==, !=, <, <=, >, >=, in and ${FUNCTIONS.join(', ')}, and join with &&, || and !`,
    )
  if (node.op === 'id') {
    if (!bound.includes(node.args)) throw new Mistake(`uses "${node.args.replace(ALIAS, 'package')}" as a whole`, `Name a field of it: ${FIELDS.join(', ')}`)
    return
  }
  if (node.op === '.' && node.args[0].op === 'id' && !bound.includes(node.args[0].args)) return
  if (node.op === 'rcall') return refuseCall(node, bound)
  for (const child of childrenOf(node)) refuseTheRest(child, bound)
}

function refuseCall(node: ASTNode & { readonly op: 'rcall' }, bound: readonly string[]): void {
  const [name, receiver, callArguments] = node.args
  if (!MACROS.includes(name)) {
    // `matches` above all: a regular expression that backtracks would hang on what an attacker names a branch.
    if (!FUNCTIONS.includes(name)) throw new Mistake(`uses ${name}(), which conditions do not have`, `Use one of ${[...FUNCTIONS, ...MACROS].join(', ')}`)
    for (const child of [receiver, ...callArguments]) refuseTheRest(child, bound)
    return
  }
  if (bound.length > 0) throw new Mistake(`has ${name}() inside another`, 'Write them side by side: lists inside lists multiply')
  const [variable, ...rest] = callArguments
  if (variable?.op !== 'id' || VARIABLES.has(variable.args) || variable.args === ALIAS)
    throw new Mistake(`needs a new name as first argument of ${name}()`, `Write ["a", "b"].${name}(x, package.name.startsWith(x))`)
  refuseTheRest(receiver, bound)
  for (const child of rest) refuseTheRest(child, [variable.args])
}

const isNode = (value: unknown): value is ASTNode => typeof value === 'object' && value !== null && 'op' in value && 'args' in value
const childrenOf = (node: ASTNode): readonly ASTNode[] => [node.args].flat(3).filter(isNode)

/** `identity.trigger` and the like, as they stand. */
function readsOf(node: ASTNode): ReadonlySet<string> {
  const own = node.op === '.' && node.args[0].op === 'id' ? [`${node.args[0].args.replace(ALIAS, 'package')}.${node.args[1]}`] : []
  return new Set([...own, ...childrenOf(node).flatMap((child) => [...readsOf(child)])])
}

function kindsOf(read: ReadonlySet<string>): readonly EvidenceKind[] {
  const readsIdentity = [...read].some((field) => field.startsWith('identity.'))
  return (['signature', 'publishAttestation', 'provenance'] as const).filter(
    (kind) => read.has(`evidence.${kind}`) || (kind === 'provenance' && readsIdentity),
  )
}

/**
 * What is not verified yet, or could not be had, decides nothing: neither a condition that asks for it nor one that asks for
 * its absence.
 */
function openEvidence(kinds: readonly EvidenceKind[], candidate: Candidate, situation: Situation): readonly Finding[] | undefined {
  const open = kinds.map((kind) => [kind, candidate[kind] as Evidence<unknown>] as const)
  const missing = open.flatMap(([, evidence]) => (evidence.state === 'unavailable' ? evidence.reasons.map(undecided) : []))
  if (missing.length > 0) return missing
  const claimed = open.filter(([, { state }]) => state === 'claimed')
  if (claimed.length === 0) return undefined
  return situation.stage === 'listing' && situation.listing === 'claimed' ? [] : claimed.map(([kind]) => undecided(pending(kind)))
}

/** An error is no answer, and only `true` is yes. */
function holds(run: Checked['run'], candidate: Candidate, read: ReadonlySet<string>, now: Date): boolean {
  try {
    const { package: ours, ...others } = contextOf(candidate, now, read)
    return run({ [ALIAS]: ours, ...others }) === true
  } catch {
    return false
  }
}

/** Without arithmetic, the age is compared with numbers that stand in the text, or with those of the version. */
function literalDays(node: ASTNode): readonly number[] {
  const own = node.op === 'value' && (typeof node.args === 'bigint' || typeof node.args === 'number') ? [Math.floor(Number(node.args))] : []
  return [...own, ...childrenOf(node).flatMap(literalDays)]
}

function nextChange(days: readonly number[], { ref, notBefore }: Candidate, now: Date): Date | undefined {
  const { major = 0, minor = 0, patch = 0 } = parseVersion(ref.version) ?? {}
  const numbers = [...days, major, minor, patch].filter(Number.isSafeInteger)
  const moments = [0, ...numbers.flatMap((day) => [day, day + 1])]
    .map((day) => notBefore.getTime() + day * DAY)
    .filter((moment) => moment > now.getTime() && moment <= 8.64e15)
  return moments.length === 0 ? undefined : new Date(Math.min(...moments))
}
