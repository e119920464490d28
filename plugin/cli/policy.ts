import { readFileSync } from 'node:fs'
import { describePolicy, parsePolicy, presetPolicy, PRESETS, type PresetName } from '../compose.ts'
import { ConfigurationError, messageOf } from '../domain/errors.ts'

/** @throws ConfigurationError when there is no such preset */
export function showPreset(name: string): void {
  if (!Object.hasOwn(PRESETS, name)) {
    const problem = { path: '', message: `there is no preset "${name}"`, remedy: `One of: ${Object.keys(PRESETS).join(', ')}.` }
    throw new ConfigurationError('policy show', [problem])
  }
  print(describePolicy(presetPolicy(name as PresetName)))
}

/** @throws ConfigurationError with every mistake in the file */
export function lintPolicy(file: string): void {
  const policy = parsePolicy(read(file), file)
  print([...policy.warnings.map(({ path, message }) => `warning: ${path}: ${message}`), ...describePolicy(policy)])
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new ConfigurationError(file, [{ path: '', message: `cannot be read: ${messageOf(cause)}`, remedy: 'Name a YAML file.' }], { cause })
  }
}

const print = (lines: readonly string[]): void => {
  for (const line of lines) console.log(line)
}
