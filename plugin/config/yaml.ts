import { readFileSync } from 'node:fs'
import { parseDocument } from 'yaml'
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
      message: error.message.split('\n')[0] ?? 'is not YAML',
      remedy: 'Mend the YAML there.',
    }))
    throw new ConfigurationError(file, problems)
  }
  const value: unknown = document.toJS({ maxAliasCount: 100 })
  if (!isObject(value))
    throw new ConfigurationError(file, [{ path: '', message: 'is not a mapping', remedy: 'Begin with the default configuration.' }])
  return { ...value, configPath: file, config_path: file, self_path: file }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new ConfigurationError(file, [{ path: '', message: messageOf(cause), remedy: 'Name a file that exists and can be read.' }], { cause })
  }
}
