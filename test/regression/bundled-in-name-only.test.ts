/** A lockfile that calls a package bundled is not believed: npm fetches what it does not find in a tarball from its address. */
import assert from 'node:assert/strict'
import { readLockfile, type LockedPackage } from '../../plugin/lockfile/index.ts'

const ELSEWHERE = 'https://elsewhere.example/evil/-/evil-1.0.0.tgz'

function only(document: object): LockedPackage {
  const { packages } = readLockfile({ file: 'lock', bytes: Buffer.from(JSON.stringify(document)), manifest: '{}' })
  const found = packages.find(({ name }) => name === 'evil')
  assert.ok(found)
  return found
}
const npm3 = (place: string, entry: object): LockedPackage =>
  only({ name: 'project', lockfileVersion: 3, packages: { '': { dependencies: { good: '1', evil: '1' } }, 'node_modules/good': { version: '1.0.0', dependencies: { evil: '1' } }, [place]: { version: '1.0.0', inBundle: true, ...entry } } })
const npm1 = (dependencies: object): LockedPackage => only({ name: 'project', lockfileVersion: 1, dependencies })
const bun = (key: string, address: string): LockedPackage =>
  only({ lockfileVersion: 1, workspaces: { '': { name: 'project', dependencies: { good: '1', evil: '1' } } }, packages: { good: ['good@1.0.0', '', { dependencies: { evil: '1' } }, 'sha512-AA=='], [key]: ['evil@1.0.0', address, { bundled: true }, 'sha512-AA=='] } })

describe('regression: what a lockfile calls bundled', () => {
  const WRONG: readonly (readonly [string, () => LockedPackage])[] = [
    ['npm 3, at the top', () => npm3('node_modules/evil', { resolved: ELSEWHERE })],
    ['npm 3, at the top without an address', () => npm3('node_modules/evil', {})],
    ['npm 3, in a workspace', () => npm3('packages/a/node_modules/evil', { resolved: ELSEWHERE })],
    ['npm 3, below a package, with an address', () => npm3('node_modules/good/node_modules/evil', { resolved: ELSEWHERE })],
    ['npm 1, at the top', () => npm1({ evil: { version: '1.0.0', bundled: true, resolved: ELSEWHERE } })],
    ['npm 1, at the top without an address', () => npm1({ evil: { version: '1.0.0', bundled: true } })],
    ['npm 1, below a package, with an address', () => npm1({ good: { version: '1.0.0', dependencies: { evil: { version: '1.0.0', bundled: true, resolved: ELSEWHERE } } } })],
    ['bun, at the top', () => bun('evil', '')],
    ['bun, below a package, with an address', () => bun('good/evil', ELSEWHERE)],
  ]
  for (const [what, read] of WRONG) it(`[16c] is judged: ${what}`, () => { assert.equal(read().kind, 'registry') })

  it('[16c] is told where it is fetched from: npm 1, an address for a version', () => {
    assert.equal(npm1({ good: { version: '1.0.0', dependencies: { evil: { version: ELSEWHERE, bundled: true } } } }).kind, 'url')
  })

  const RIGHT: readonly (readonly [string, () => LockedPackage])[] = [
    ['npm 3', () => npm3('node_modules/good/node_modules/evil', {})],
    ['npm 1', () => npm1({ good: { version: '1.0.0', dependencies: { evil: { version: '1.0.0', bundled: true } } } })],
    ['npm 6, which wrote that it has no address', () => npm1({ good: { version: '1.0.0', dependencies: { evil: { version: '1.0.0', bundled: true, resolved: false } } } })],
    ['bun', () => bun('good/evil', '')],
  ]
  for (const [what, read] of RIGHT) it(`is bundled without an address below the package that has it: ${what}`, () => { assert.equal(read().kind, 'bundled') })
})
