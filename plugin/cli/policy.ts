import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { stringify } from 'yaml'
import {
  addWaiver,
  describePolicy,
  parseDuration,
  parsePolicy,
  policyJsonSchema,
  presetDocument,
  presetPolicy,
  PRESETS,
  runExamples,
  type ExampleResult,
  type PresetName,
  type TrustPolicy,
} from '../compose.ts'
import { ConfigurationError, messageOf, type Problem } from '../domain/errors.ts'
import { EXIT } from './exit-codes.ts'

/** @throws ConfigurationError when there is no such preset */
export function showPreset(name: string, { yaml = false }: { readonly yaml?: boolean } = {}): void {
  if (!Object.hasOwn(PRESETS, name)) throw usage('policy show', `there is no preset "${name}"`, `One of: ${Object.keys(PRESETS).join(', ')}.`)
  const preset = name as PresetName
  if (yaml) console.log(stringify(presetDocument(preset), { lineWidth: 0 }).trimEnd())
  else print(describePolicy(presetPolicy(preset)))
}

/** @throws ConfigurationError with every mistake in the file */
export function lintPolicy(file: string): void {
  const policy = parse(file)
  print([...policy.warnings.map((warning) => `warning: ${placeOf(warning)}${warning.path}: ${warning.message}. ${warning.remedy}`), ...describePolicy(policy)])
}

/**
 * Judges the examples of a policy.
 * @returns the exit code: `refused` when the policy says something else of one of them
 * @throws ConfigurationError with every mistake in the file, or when there are no examples
 */
export function testPolicy(file: string, { json = false }: { readonly json?: boolean }): number {
  const results = runExamples(parse(file), new Date())
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
export function allowVersion(spec: string, { policy: file, expires, reason, approvedBy, waives, integrity, unpinned = false }: AllowOptions): void {
  if (integrity === undefined && !unpinned)
    throw usage(
      'policy allow',
      'the waiver is pinned to no bytes, so it would be for whatever stands under the version tomorrow',
      `Give --integrity sha512-... (npm view ${spec} dist.integrity), or --unpinned if you mean that.`,
    )
  const waiver = { package: spec, integrity, waives: waives.split(/[\s,]+/).filter((code) => code !== ''), reason, approvedBy, expires: dateOf(expires) }
  replace(file, addWaiver(read(file), file, waiver, CONTEXT))
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

const CONTEXT = { readFile: (path: string): string => readFileSync(path, 'utf8') }
const parse = (file: string): TrustPolicy => parsePolicy(read(file), file, CONTEXT)

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new ConfigurationError(file, [{ path: '', message: `cannot be read: ${messageOf(cause)}`, remedy: 'Name a YAML file.' }], { cause })
  }
}

const placeOf = ({ file, line }: Problem): string => (line === undefined ? '' : `${file === undefined ? 'line ' : `${file}:`}${String(line)}: `)
const usage = (where: string, message: string, remedy: string): ConfigurationError => new ConfigurationError(where, [{ path: '', message, remedy }])

const print = (lines: readonly string[]): void => {
  for (const line of lines) console.log(line)
}
