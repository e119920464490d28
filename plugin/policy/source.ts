import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit, type Document, type YAMLError } from 'yaml'
import { ConfigurationError, messageOf, type Problem } from '../domain/errors.ts'

export type Path = readonly PropertyKey[]

/** A policy as it was written. */
export interface Source {
  readonly value: unknown
  /** The file as it was named, when another file includes it. */
  readonly included?: string
  /** 1-based line of what stands at a path, or of the nearest thing around it; undefined for a policy that was no text. */
  lineOf(path: Path): number | undefined
}

const MAX_TEXT = 1024 * 1024

/**
 * Reads YAML 1.2: one document, no duplicate keys, no tags, no aliases. Aliases are refused because a few lines of them unfold
 * to gigabytes, and because a policy should be read where it stands.
 * @throws ConfigurationError
 */
export function readYaml(text: string, file: string): Source {
  const fail = (problems: readonly Problem[], cause?: unknown): never => {
    throw new ConfigurationError(file, problems, { cause })
  }
  if (text.length > MAX_TEXT)
    fail([{ path: '', message: 'is larger than 1 MiB', remedy: 'Use patterns rather than lists of every package' }])
  const lines = new LineCounter()
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
    const problems = [...syntaxProblems(document, lines), ...aliasProblems(document, lines)]
    if (problems.length > 0) return fail(problems)
    return { value: document.toJS({ maxAliasCount: 0 }) as unknown, lineOf: (path) => lineOf(document, lines, path) }
  } catch (error) {
    if (error instanceof ConfigurationError) throw error
    // Nesting that exhausts the parser's stack ends here.
    return fail(
      [{ path: '', message: `cannot be read as YAML: ${messageOf(error)}`, remedy: 'Write it as in config/policy.yaml' }],
      error,
    )
  }
}

/** A policy that is part of a configuration that was parsed elsewhere. */
export const inlineSource = (value: unknown): Source => ({ value, lineOf: () => undefined })

const REMEDIES: ReadonlyMap<string, string> = new Map([
  ['DUPLICATE_KEY', 'Keep one of the two: which one was meant cannot be told'],
  ['BAD_SCALAR_START', 'Put quotes around values that begin with a special character, such as "@acme/*"'],
  ['TAB_AS_INDENT', 'Indent with spaces'],
  ['MULTIPLE_DOCS', 'Keep one document: take out the line ---'],
  ['TAG_RESOLVE_FAILED', 'Take the tag out, or put quotes around a value that begins with !'],
])

const syntaxProblems = ({ errors, warnings }: Document.Parsed, lines: LineCounter): readonly Problem[] =>
  // One slip can make the rest of a file unreadable: the first lines say enough.
  [...errors, ...warnings].slice(0, 20).map((error: YAMLError) => ({
    path: '',
    line: lines.linePos(error.pos[0]).line,
    message: `is not valid YAML: ${error.message}`,
    remedy: REMEDIES.get(error.code) ?? 'Check the indentation and the quotes on this line',
  }))

function aliasProblems(document: Document.Parsed, lines: LineCounter): readonly Problem[] {
  const problems: Problem[] = []
  visit(document, {
    Alias(_key, alias) {
      const line = lines.linePos(alias.range?.[0] ?? 0).line
      const message = `has "*${alias.source}" without quotes, which in YAML is an alias`
      problems.push({
        path: '',
        line,
        message,
        remedy: 'Put quotes around patterns, such as "**"; aliases are not accepted in a policy',
      })
    },
  })
  return problems
}

function lineOf(document: Document.Parsed, lines: LineCounter, path: Path): number {
  let node: unknown = document.contents
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step))
      if (pair === undefined) break
      if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(step)]
      if (isNode(node) && !isAlias(node)) offset = node.range?.[0] ?? offset
    } else break
  }
  return lines.linePos(offset).line
}

/** `rules[2].require.provenance`, as in a Problem. */
export const pathText = (path: Path): string =>
  path.map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${String(step)}`)).join('')
