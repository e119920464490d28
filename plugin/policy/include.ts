/** Files of teams. Each may be held to its packages, and none can speak of what the file that names it could not. */
import path from 'node:path'
import { ConfigurationError, messageOf, type Problem } from '../domain/errors.ts'
import { isObject } from '../domain/json.ts'
import { fragmentCrossCheck } from './cross-check.ts'
import type { Included } from './included.ts'
import { problemAt, problemsOf } from './problems.ts'
import { fragmentSchema, type IncludeDocument } from './schema.ts'
import { scopeCovers, type Scope } from './scope.ts'
import { readYaml, type Path, type Source } from './source.ts'

/** The text of a file, by its path. May throw anything. */
export type ReadFile = (path: string) => string

interface Reading {
  readonly included: readonly Included[]
  readonly problems: readonly Problem[]
}

const MAX_DEPTH = 4
const MAX_FILES = 100

/** Reads the files that a policy includes, and those that they include, in the order in which they are named. */
export function readIncludes(includes: readonly IncludeDocument[], source: Source, file: string, readFile: ReadFile | undefined): Reading {
  const [included, problems]: [Included[], Problem[]] = [[], []]
  const seen = new Set([path.resolve(file)])

  const visit = (entries: readonly IncludeDocument[], from: Source, base: string, scope: Scope, depth: number): void => {
    for (const [index, entry] of entries.entries()) {
      const fail = (message: string, remedy: string): void => void problems.push(problemAt(from, ['include', index], message, remedy))
      const name = typeof entry === 'string' ? entry : entry.file
      const where = path.resolve(path.dirname(base), name)
      if (seen.has(where)) fail(`"${name}" is included a second time, or includes itself`, 'Name each file once')
      else if (depth > MAX_DEPTH) fail(`is included ${depth} files deep`, `Name it in the policy itself; ${MAX_DEPTH} is the most`)
      else if (seen.size > MAX_FILES) fail(`is one of more than ${MAX_FILES} files`, 'Put rules of several teams into one file')
      else {
        seen.add(where)
        const inner = typeof entry === 'string' ? scope : [...scope, entry.packages]
        const found = readOne(path.relative(path.dirname(file), where), where, inner, fail, readFile)
        problems.push(...(found?.problems ?? []))
        if (found?.part === undefined) continue
        included.push(found.part)
        visit(found.part.document.include ?? [], found.part.source, where, inner, depth + 1)
      }
    }
  }
  visit(includes, source, file, [], 1)
  return { included, problems }
}

interface One {
  readonly part?: Included
  readonly problems: readonly Problem[]
}

function readOne(
  name: string,
  where: string,
  scope: Scope,
  fail: (message: string, remedy: string) => void,
  readFile: ReadFile | undefined,
): One | undefined {
  let text: string
  try {
    if (readFile === undefined) throw new Error('no files can be read here')
    text = readFile(where)
  } catch (error) {
    fail(`"${name}" cannot be read: ${messageOf(error)}`, 'Name a YAML file; its path is relative to the file that names it')
    return undefined
  }
  let source: Source
  try {
    source = { ...readYaml(text, name), included: name }
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    return { problems: error.problems.map((problem) => ({ ...problem, file: name })) }
  }
  if (!isObject(source.value)) return { problems: [problemAt(source, [], 'is not a mapping', 'Begin with `version: 1` and `rules:`')] }
  const result = fragmentSchema.safeParse(source.value, { reportInput: true })
  const problems = [...(result.error?.issues ?? []).flatMap((issue) => problemsOf(issue, source)), ...fragmentCrossCheck(source)]
  if (!result.success || problems.length > 0) return { problems }
  const part = { file: name, path: where, scope, document: result.data, source }
  return { part, problems: strangers(part) }
}

/** What a file says of packages that are not its own would have no effect, and whoever wrote it should know. */
function strangers({ document: { rules = [], waivers = [] }, scope, source }: Included): readonly Problem[] {
  const named: readonly (readonly [pattern: string, path: Path])[] = [
    ...rules.flatMap(({ packages }, index) => packages.map((pattern, at) => [pattern, ['rules', index, 'packages', at]] as const)),
    ...waivers.map(({ package: spec }, index) => [spec, ['waivers', index, 'package']] as const),
  ]
  return named
    .filter(([pattern]) => !scopeCovers(scope, pattern))
    .map(([pattern, at]) =>
      problemAt(
        source,
        at,
        `"${pattern}" is not among the packages this file may speak of`,
        `Its include allows ${scope.map((patterns) => patterns.join(', ')).join(' within ')}`,
      ),
    )
}
