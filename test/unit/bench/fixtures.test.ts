import assert from 'node:assert/strict'
import { resolvedAt } from '../../../bench/load/npm.ts'
import { generate, versionAt } from '../../../bench/upstream/generated.ts'
import { PrivateSigstore } from '../../support/private-sigstore.ts'
import { integrityOf } from '../../support/tarball.ts'

const sigstore = PrivateSigstore.create({ name: 'benchmark' })
const made = (name: string): NonNullable<ReturnType<typeof generate>> => generate(name, 'https://registry.example', sigstore)!
type Versions = Readonly<Record<string, { readonly dist: { readonly integrity: string; readonly signatures: readonly { readonly keyid: string }[] } }>>

describe('packages made for the benchmark', () => {
  it('have as many versions as their name says, the newest last', () => {
    const versions = Object.keys(made('bench-50').packument.versions as Versions)
    assert.equal(new Set(versions).size, 50)
    assert.equal(versions.at(-1), versionAt(49, 50))
    assert.deepEqual(made('bench-50').packument['dist-tags'], { latest: versionAt(49, 50) })
  })

  it('have manifests of ordinary size', () => {
    const bytes = JSON.stringify(made('bench-50').packument).length / 50
    assert.ok(bytes > 1500 && bytes < 2500, String(bytes))
  })

  it('are the same in every run, tarballs included, but for signatures, which are drawn', () => {
    const twice = ['first', 'second'].map(() => {
      const { packument, tarballs } = made('bench-lock-7')
      return [JSON.stringify(packument, (key, value: unknown) => (key === 'sig' ? undefined : value)), tarballs.get('bench-lock-7-1.0.0.tgz')!.toString('base64')]
    })
    assert.deepEqual(twice[0], twice[1])
  })

  it('have tarballs of the integrity that the packument names', () => {
    const { packument, tarballs } = made('bench-lock-1')
    assert.equal(integrityOf(tarballs.get('bench-lock-1-1.0.0.tgz')!), (packument.versions as unknown as Versions)['1.0.0']!.dist.integrity)
  })

  it('other names are not of the benchmark', () => {
    for (const name of ['bench', 'bench-x', 'bench-5-5', '__proto__', 'bench-123456']) assert.equal(generate(name, '', sigstore), undefined)
  })
})

describe('real packages', () => {
  it('a lockfile with addresses names the tarballs of the server, scopes and aliases included', () => {
    const packages = { '': { version: '1.0.0' }, 'node_modules/@a/b': { version: '1.2.3' }, 'node_modules/x/node_modules/y': { name: 'real', version: '2.0.0' } }
    const resolved = resolvedAt({ packages }, 'http://127.0.0.1:1').packages as Readonly<Record<string, { readonly resolved?: string }>>
    assert.deepEqual(
      Object.values(resolved).map((entry) => entry.resolved),
      [undefined, 'http://127.0.0.1:1/@a/b/-/b-1.2.3.tgz', 'http://127.0.0.1:1/real/-/real-2.0.0.tgz'],
    )
  })
})
