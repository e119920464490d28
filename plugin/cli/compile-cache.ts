import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import path from 'node:path'

/**
 * Keeps what V8 makes of modules for the next command: compiling them is a good part of what a short one takes. In the user's own folder,
 * since whoever writes there decides what runs; so not in /tmp, where others could have been first, and not beside the store. Where it
 * cannot be written nothing is kept; NODE_DISABLE_COMPILE_CACHE=1 turns it off.
 */
export function keepCompiled(): void {
  try {
    enableCompileCache(path.join(homedir(), '.cache', 'verdaccio-provenance', 'compiled'))
  } catch {
    // A user without a home.
  }
}
