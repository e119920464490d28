import { readFileSync } from 'node:fs'
import { parseDocument, type Document } from 'yaml'
import { ConfigurationError, messageOf } from '../domain/errors.ts'
import { isObject, type JsonObject } from '../domain/json.ts'

/**
 * Verdaccio's configuration file, with the paths Verdaccio resolves relative paths against. YAML 1.1, as Verdaccio reads it.
 * @throws ConfigurationError with the line of each mistake
 */
export function readYaml(file: string): JsonObject {
  const document = parseDocument(readText(file), { version: '1.1', uniqueKeys: true })
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => ({
      path: '',
      ...(error.linePos === undefined ? {} : { line: error.linePos[0].line }),
      // The line stands before it already.
      message: error.message.split(/ at line \d|\n/)[0] ?? 'is not YAML',
      remedy: 'Mend the YAML there.',
    }))
    throw new ConfigurationError(file, problems)
  }
  const value = valueOf(document, file)
  if (!isObject(value))
    throw new ConfigurationError(file, [{ path: '', message: 'is not a mapping', remedy: 'Begin with the default configuration.' }])
  return { ...value, configPath: file, config_path: file, self_path: file }
}

/** Aliases are resolved here, and what is wrong with them is found here: no anchor, too many, or a merge of something else. */
function valueOf(document: Document.Parsed, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch (cause) {
    throw new ConfigurationError(file, [{ path: '', message: messageOf(cause), remedy: 'Mend the alias, or write out what it stands for.' }], { cause })
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new ConfigurationError(file, [{ path: '', message: messageOf(cause), remedy: 'Name a file that exists and can be read.' }], { cause })
  }
}
