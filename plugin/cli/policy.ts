import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { addWaiver, parseDuration, policyJsonSchema, runExamples, type ExampleResult } from '../compose.ts'
import type { DecisionWriter } from '../domain/decision.ts'
import { eventRecord } from '../domain/decision-record.ts'
import { splitSpec } from '../domain/package-ref.ts'
import { ConfigurationError, messageOf } from '../domain/errors.ts'
import { commandAsker } from './command-asker.ts'
import { EXIT } from './exit-codes.ts'
import { CONTEXT, parsePolicyFile, readPolicyText } from './policy-file.ts'
import { usage } from './usage.ts'

/**
 * Judges the examples of a policy.
 * @returns the exit code: `refused` when the policy says something else of one of them
 * @throws ConfigurationError with every mistake in the file, or when there are no examples
 */
export function testPolicy(file: string, { json = false }: { readonly json?: boolean }): number {
  const results = runExamples(parsePolicyFile(file), new Date())
  if (results.length === 0) throw usage(file, 'has no examples', 'Write `examples:`, as in config/policy.yaml.')
  const failed = results.filter(({ passed }) => !passed)
  if (json) console.log(JSON.stringify(results, undefined, 2))
  else print([...table(failed, file), `${results.length - failed.length} of ${results.length} examples are as expected`])
  return failed.length === 0 ? EXIT.fine : EXIT.refused
}

function table(failed: readonly ExampleResult[], file: string): readonly string[] {
  if (failed.length === 0) return []
  const rows = [
    ['where', 'example', 'expected', 'is', 'rule'],
    ...failed.map(({ file: included, line, name, expected, actual }) => [
      `${included ?? file}${line === undefined ? '' : `:${String(line)}`}`,
      name,
      outcomeText(expected.outcome, expected.reasons),
      outcomeText(actual.outcome, actual.reasons),
      actual.rule,
    ]),
  ]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd())
}

const outcomeText = (outcome: string, reasons: readonly string[] = []): string =>
  reasons.length === 0 ? outcome : `${outcome} (${reasons.join(', ')})`

/** The JSON Schema, for editors: what config/policy.schema.json holds. */
export const printSchema = (): void => console.log(JSON.stringify(policyJsonSchema(), undefined, 2))

export interface AllowOptions {
  readonly policy: string
  readonly expires: string
  readonly reason: string
  readonly approvedBy: string
  readonly waives: string
  readonly integrity?: string
  readonly unpinned?: boolean
}

/**
 * Writes a waiver into a policy file, all of it or nothing.
 * @throws ConfigurationError when the file is wrong, before or after, or the waiver is pinned to nothing
 */
export function allowVersion(spec: string, { policy: file, expires, reason, approvedBy, waives, integrity, unpinned = false }: AllowOptions, log?: DecisionWriter): void {
  if (integrity === undefined && !unpinned)
    throw usage(
      'policy allow',
      'the waiver is pinned to no bytes, so it would be for whatever stands under the version tomorrow',
      `Give --integrity sha512-... (npm view ${spec} dist.integrity), or --unpinned if you mean that.`,
    )
  const waiver = { package: spec, integrity, waives: waives.split(/[\s,]+/).filter((code) => code !== ''), reason, approvedBy, expires: dateOf(expires) }
  replace(file, addWaiver(readPolicyText(file), file, waiver, CONTEXT))
  const { name, version } = splitSpec(spec)
  log?.add(eventRecord({ at: new Date(), kind: 'waiver-added', package: name, version, asker: commandAsker(), detail: { file, waives: waiver.waives, reason, approvedBy, expires: waiver.expires, integrity: integrity ?? null } }))
  console.log(`${file}: ${spec} may be installed until ${waiver.expires} in spite of ${waiver.waives.join(', ')}`)
}

/** `30d` from now, or a date as it stands. */
function dateOf(expires: string): string {
  if (!/^\d+[a-z]$/.test(expires)) return expires
  return new Date(Date.now() + parseDuration(expires)).toISOString().replace(/\.\d+Z$/, 'Z')
}

/** A mirror that reads the file meanwhile sees the old text or the new one. */
function replace(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.tmp`
  try {
    writeFileSync(temporary, text, { mode: statSync(file).mode, flag: 'wx' })
    renameSync(temporary, file)
  } catch (cause) {
    rmSync(temporary, { force: true })
    throw new ConfigurationError(file, [{ path: '', message: `cannot be written: ${messageOf(cause)}`, remedy: 'Name a file you may write.' }], { cause })
  }
}

const print = (lines: readonly string[]): void => {
  for (const line of lines) console.log(line)
}
