import { ConfigurationError } from '../domain/errors.ts'
import { isObject } from '../domain/json.ts'
import { compilePolicy, type TrustPolicy } from './compile.ts'
import { crossCheck, doubts } from './cross-check.ts'
import { problemAt, problemsOf } from './problems.ts'
import { policySchema, type PresetName } from './schema.ts'
import { inlineSource, readYaml } from './source.ts'

/**
 * Validates and compiles a policy: the text of a YAML file, or a value that was parsed already (a policy inside another
 * configuration). `file` is for messages.
 * @throws ConfigurationError with every problem that was found
 */
export function parsePolicy(policy: unknown, file: string): TrustPolicy {
  const source = typeof policy === 'string' ? readYaml(policy, file) : inlineSource(policy)
  if (!isObject(source.value)) {
    const message = source.value === null || source.value === undefined ? 'is empty' : 'is not a mapping'
    throw new ConfigurationError(file, [problemAt(source, [], message, 'Begin with `version: 1` and `extends: recommended`')])
  }
  const result = policySchema.safeParse(source.value, { reportInput: true })
  const problems = [...(result.error?.issues ?? []).flatMap((issue) => problemsOf(issue, source)), ...crossCheck(source)]
  if (problems.length > 0 || !result.success)
    throw new ConfigurationError(
      file,
      problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0)),
    )
  return compilePolicy(result.data, doubts(source))
}

/** A preset as it stands: what is in force where no policy is configured. */
export const presetPolicy = (name: PresetName = 'recommended'): TrustPolicy =>
  parsePolicy({ version: 1, extends: name }, `the ${name} preset`)
