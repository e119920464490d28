import { readFileSync } from 'node:fs'
import { ConfigurationError, messageOf } from '../domain/errors.ts'
import { readPublicKey, type VerificationKey } from './dsse.ts'

/**
 * The public keys whose archives are imported.
 * @throws ConfigurationError naming each file that holds none
 */
export function readImportKeys(files: readonly string[]): readonly VerificationKey[] {
  const problems: { readonly path: string; readonly message: string; readonly remedy: string }[] = []
  const keys = files.flatMap((file) => {
    try {
      return [readPublicKey(readFileSync(file, 'utf8'))]
    } catch (error) {
      problems.push({
        path: 'middlewares.provenance.import.keys',
        message: `${file}: ${messageOf(error)}`,
        remedy: 'Name the file with what `verdaccio-provenance keys public archive` printed at the mirror that exports.',
      })
      return []
    }
  })
  if (problems.length > 0) throw new ConfigurationError('import', problems)
  return keys
}
