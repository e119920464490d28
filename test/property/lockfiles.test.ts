/** Properties of lockfiles, which anybody who opens a pull request may write. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import { assertLockfile } from '../fuzz/targets/lockfiles.ts'

const RUNS = { seed: 20_260_101, numRuns: 150 } as const
const DATA = path.resolve(import.meta.dirname, '../data/lockfiles')
const FILES = ['npm-1.json', 'npm-3.json', 'pnpm-6.yaml', 'pnpm-9.yaml', 'yarn-1.lock', 'yarn-4.lock', 'bun.lock']
const texts = FILES.map((file) => readFileSync(path.join(DATA, file), 'utf8'))

const part = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'a', 'a@1', 'npm:a@1', '', '@', '@/', 'file:x', 'link:', 'git+x:', 'https://', '1.0.0', '^1'))
const value = fc.letrec((tie) => ({
  any: fc.oneof({ maxDepth: 4 }, part, fc.integer(), fc.boolean(), fc.constant(null), tie('list'), tie('map')),
  list: fc.array(tie('any'), { maxLength: 4 }),
  map: fc.dictionary(part, tie('any'), { maxKeys: 4 }),
})).any
const key = fc.constantFrom('packages', 'dependencies', 'snapshots', 'importers', 'workspaces', 'node_modules/a', 'resolution', 'version')

describe('property: lockfiles', () => {
  it('[17a] a lockfile cut off anywhere is read or refused, never half a crash', () => {
    fc.assert(fc.property(fc.constantFrom(...texts), fc.nat(), (text, at) => { assertLockfile(Buffer.from(text.slice(0, at % text.length))) }), RUNS)
  })
  it('[17a] a lockfile with any line changed is read or refused', () => {
    fc.assert(
      fc.property(fc.constantFrom(...texts), fc.nat(), fc.string({ unit: 'grapheme' }), (text, at, put) => {
        const lines = text.split('\n')
        assertLockfile(Buffer.from(lines.with(at % lines.length, put).join('\n')))
      }),
      RUNS,
    )
  })
  it('[17a] JSON of any shape under the names of npm and bun is read or refused', () => {
    fc.assert(
      fc.property(fc.constantFrom(0, 1, 2, 3), fc.dictionary(key, value), (lockfileVersion, rest) => {
        assertLockfile(Buffer.from(JSON.stringify({ lockfileVersion, ...rest })))
        assertLockfile(Buffer.from(JSON.stringify({ lockfileVersion: 1, workspaces: {}, packages: rest })))
        assertLockfile(Buffer.from(`lockfileVersion: '9.0'\n${['packages', 'snapshots', 'importers'].map((name) => `${name}: ${JSON.stringify(rest)}`).join('\n')}\n`))
      }),
      RUNS,
    )
  })
})
