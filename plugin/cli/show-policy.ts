import { existsSync } from 'node:fs'
import { stringify } from 'yaml'
import { describePolicy, parsePolicy, policyDocument, presetDocument, presetPolicy, PRESETS, problemDocument, type PresetName, type TrustPolicy } from '../compose.ts'
import { ConfigurationError, describeProblem, type Problem } from '../domain/errors.ts'
import type { LoggedDecision } from './decision-log.ts'
import { EXIT } from './exit-codes.ts'
import { parsePolicyFile } from './policy-file.ts'
import { usage } from './usage.ts'
import { loggedUse, unusedWaivers, useText, type LoggedUse } from './waiver-log.ts'

export interface ShowOptions {
  readonly yaml?: boolean
  readonly json?: boolean
}

/**
 * `policy show`: what a preset, or the policy in a file, amounts to; the lines to print.
 * @throws ConfigurationError when there is no such preset or file, or the file is wrong
 */
export function showPolicy(what: string, { yaml = false, json = false }: ShowOptions = {}): readonly string[] {
  const preset = Object.hasOwn(PRESETS, what) ? (what as PresetName) : undefined
  if (preset === undefined && !existsSync(what))
    throw usage('policy show', `"${what}" is no preset, and no file of this name is there`, `Name a policy file, or one of ${Object.keys(PRESETS).join(', ')}.`)
  const policy = preset === undefined ? parsePolicyFile(what) : presetPolicy(preset)
  if (json) return [JSON.stringify(policyDocument(policy), undefined, 2)]
  if (yaml) return [stringify(preset === undefined ? writtenOut(what, policy) : presetDocument(preset), { lineWidth: 0 }).trimEnd()]
  return describePolicy(policy)
}

/** A policy as one file that includes and extends nothing; it is read again, so that what is printed means the same. */
function writtenOut(file: string, policy: TrustPolicy): unknown {
  const { mode, listing, withheld, onUnavailable, rules, waivers } = policy
  const document = {
    version: 1,
    mode,
    listing,
    withheld,
    onUnavailable,
    // A rule that decides by itself has no requirements of its own: what it is said to require are the defaults.
    defaults: rules.find(({ verdict }) => verdict !== undefined)?.require,
    rules: rules.map(({ scope: _scope, verdict, require, onFailure, ...rule }) => ({
      ...rule,
      ...(verdict === undefined ? { require, onFailure } : { verdict: verdict.outcome, reason: verdict.reason }),
    })),
    ...(waivers.length === 0 ? {} : { waivers: waivers.map(({ id: _id, scope: _scope, expires, ...waiver }) => ({ ...waiver, expires: expires.toISOString() })) }),
  }
  const plain: unknown = JSON.parse(JSON.stringify(document))
  if (meansTheSame(plain, policy, file)) return plain
  throw usage(file, 'cannot be written out as one file', 'Files it includes may speak of some packages only, which a file alone cannot say; leave out --yaml.')
}

function meansTheSame(document: unknown, { revision }: TrustPolicy, file: string): boolean {
  try {
    return parsePolicy(document, file).revision === revision
  } catch (error) {
    if (error instanceof ConfigurationError) return false
    throw error
  }
}

export interface LintResult {
  /** `fine` also with warnings, `usage` with mistakes. */
  readonly code: number
  readonly lines: readonly string[]
}

export interface LintOptions {
  readonly json?: boolean
  /** Of a mirror's log, to see which waivers it needed. */
  readonly decisions?: readonly LoggedDecision[] | undefined
}

function inTheLog(policy: TrustPolicy, decisions: LintOptions['decisions']): { readonly warnings: readonly Problem[]; readonly uses?: readonly LoggedUse[] } {
  if (decisions === undefined) return { warnings: [] }
  const uses = loggedUse(policy, decisions)
  return { warnings: unusedWaivers(uses, decisions), uses }
}

/**
 * `policy lint`: every mistake, else every doubt and what the policy amounts to.
 * @throws ConfigurationError with every mistake in the file, unless they are asked for as JSON; when there is no file
 */
export function lintPolicy(file: string, { json = false, decisions }: LintOptions = {}): LintResult {
  if (!json) {
    const policy = parsePolicyFile(file)
    const { warnings, uses } = inTheLog(policy, decisions)
    return { code: EXIT.fine, lines: [...[...policy.warnings, ...warnings].map(warningLine(file)), ...describePolicy(policy), ...(uses ?? []).map(useText)] }
  }
  try {
    const policy = parsePolicyFile(file)
    const { warnings, uses } = inTheLog(policy, decisions)
    const all = [...policy.warnings, ...warnings].map(problemDocument)
    return { code: EXIT.fine, lines: asJson(file, { valid: true, problems: [], warnings: all, policy: policyDocument(policy), ...(uses === undefined ? {} : { waiverUse: uses }) }) }
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    return { code: EXIT.usage, lines: asJson(file, { valid: false, problems: error.problems.map(problemDocument), warnings: [], policy: null }) }
  }
}

const asJson = (file: string, result: object): readonly string[] => [JSON.stringify({ file, ...result }, undefined, 2)]

const warningLine =
  (file: string) =>
  (warning: Problem): string =>
    `warning: ${describeProblem(file, warning)}`
