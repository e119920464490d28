import { userInfo } from 'node:os'
import type { Asker } from '../domain/decision.ts'
import { VERSION } from '../version.ts'

/** Who gives a command: a user of this machine, and none of Verdaccio's. */
export const commandAsker = (): Asker => ({ client: `verdaccio-provenance/${VERSION} (command line)`, user: nameOf() })

function nameOf(): string | undefined {
  try {
    return userInfo().username
  } catch {
    // In a container a user may have a number and no name.
    return undefined
  }
}
