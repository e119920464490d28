import { ConfigurationError, type Problem } from '../domain/errors.ts'
import { isObject } from '../domain/json.ts'
import { compilePolicy, type TrustPolicy } from './compile.ts'
import { crossCheck, expiryProblems } from './cross-check.ts'
import { readIncludes, type ReadFile } from './include.ts'
import { problemAt, problemsOf } from './problems.ts'
import { policySchema, type PresetName } from './schema.ts'
import { inlineSource, readYaml } from './source.ts'

/** What a policy is read in. */
export interface PolicyContext {
  /** The moment at which waivers must not be over; default: now. */
  readonly now?: Date
  /** Reads an included file as text, or throws; without it, a policy that includes files is refused. */
  readonly readFile?: ReadFile
}

/**
 * Validates and compiles a policy: the text of a YAML file, or a value that was parsed already (a policy inside another
 * configuration). `file` is for messages, and what the paths of included files are relative to.
 * @throws ConfigurationError with every problem that was found
 */
export function parsePolicy(policy: unknown, file: string, { now = new Date(), readFile }: PolicyContext = {}): TrustPolicy {
  const source = typeof policy === 'string' ? readYaml(policy, file) : inlineSource(policy)
  if (!isObject(source.value)) {
    const message = source.value === null || source.value === undefined ? 'is empty' : 'is not a mapping'
    throw new ConfigurationError(file, [problemAt(source, [], message, 'Begin with `version: 1` and `extends: recommended`')])
  }
  const result = policySchema.safeParse(source.value, { reportInput: true })
  const own = [...(result.error?.issues ?? []).flatMap((issue) => problemsOf(issue, source)), ...crossCheck(source)]
  const { included, problems } = readIncludes(result.data?.include ?? [], source, file, readFile)
  const over = result.success ? [{ source, document: result.data }, ...included].flatMap((part) => expiryProblems(part, now)) : []
  const all = [...own, ...problems, ...over]
  if (all.length > 0 || !result.success) throw new ConfigurationError(file, all.toSorted(byPlace))
  return compilePolicy(result.data, source, included, now)
}

const byPlace = (a: Problem, b: Problem): number =>
  (a.file ?? '') === (b.file ?? '') ? (a.line ?? 0) - (b.line ?? 0) : (a.file ?? '') < (b.file ?? '') ? -1 : 1

/** A preset as it stands: what is in force where no policy is configured. */
export const presetPolicy = (name: PresetName = 'recommended'): TrustPolicy =>
  parsePolicy({ version: 1, extends: name }, `the ${name} preset`)
