import { readFileSync } from 'node:fs'
import { parsePolicy, type TrustPolicy } from '../compose.ts'
import { ConfigurationError, messageOf } from '../domain/errors.ts'

/** How the files a policy includes are read. */
export const CONTEXT = { readFile: (path: string): string => readFileSync(path, 'utf8') }

/** @throws ConfigurationError with every mistake in the file */
export const parsePolicyFile = (file: string): TrustPolicy => parsePolicy(readPolicyText(file), file, CONTEXT)

/** @throws ConfigurationError when it cannot be read */
export function readPolicyText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new ConfigurationError(file, [{ path: '', message: `cannot be read: ${messageOf(cause)}`, remedy: 'Name a YAML file.' }], { cause })
  }
}
