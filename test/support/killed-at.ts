/**
 * Preloaded with `--import`: the process kills itself, as the kernel would, at the first call that `KILLED_AT` matches, a pattern over
 * the call's name and what it is called with. Nothing of its own runs after that.
 */
import fs from 'node:fs'
import fsp from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { DatabaseSync, StatementSync } from 'node:sqlite'

const pattern = new RegExp(process.env.KILLED_AT ?? '$^')
type Call = (this: unknown, ...args: unknown[]) => unknown

function wrap(owner: object, method: string, text: (self: unknown, args: readonly unknown[]) => string): void {
  const target = owner as Record<string, Call>
  const original = target[method]
  if (original === undefined) throw new Error(`no ${method} to wrap`)
  target[method] = function (this: unknown, ...args: unknown[]): unknown {
    const said = `${method} ${text(this, args)}`
    if (pattern.test(said)) {
      fs.writeSync(2, `killed at ${said}\n`)
      process.kill(process.pid, 'SIGKILL')
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    }
    return Reflect.apply(original, this, args)
  }
}

const given = (_self: unknown, args: readonly unknown[]): string => args.filter((arg) => typeof arg === 'string').join(' ')
for (const method of ['rename', 'writeFile', 'link', 'unlink']) {
  wrap(fs, method, given)
  wrap(fsp, method, given)
}
for (const method of ['renameSync', 'writeFileSync', 'linkSync']) wrap(fs, method, given)
wrap(DatabaseSync.prototype, 'exec', (self, args) => `${(self as DatabaseSync).location() ?? ''} ${given(self, args)}`)
wrap(StatementSync.prototype, 'run', (self) => (self as StatementSync).sourceSQL)
syncBuiltinESMExports()
