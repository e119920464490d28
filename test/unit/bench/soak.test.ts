import assert from 'node:assert/strict'
import { growthOf } from '../../../bench/soak/growth.ts'
import { steps } from '../../../bench/soak/mix.ts'
import { SoakPackages } from '../../../bench/soak/packages.ts'
import { changed, changesLeft, fileOf, indexOf, nameOf, planOf, WITH_TARBALL } from '../../../bench/soak/plan.ts'
import { PrivateSigstore } from '../../support/private-sigstore.ts'
import { integrityOf } from '../../support/tarball.ts'

const series = <Item>(count: number, at: (index: number) => Item): Item[] => Array.from({ length: count }, (_, index) => at(index))

describe('growth in the second half of a soak', () => {
  it('none of what stays', () => assert.deepEqual(growthOf(series(60, () => 7)), { middle: 7, last: 7, share: 0, trend: 0 }))
  it('that of the first half does not count', () => assert.equal(growthOf(series(60, (index) => Math.min(index, 30))).share, 0))
  it('what goes on growing', () => {
    const { share, trend } = growthOf(series(60, (index) => 100 + index))
    assert.equal(share, (156.5 - 132.5) / 132.5)
    assert.ok(Math.abs(trend - 29) < 1e-9)
  })
  it('of too few samples nothing is said', () => assert.equal(growthOf([1, 2, 3]).share, NaN))
})

describe('the packages of the soak', () => {
  it('are known by their names, and no others are', () => {
    for (const index of [0, 5, 20, 9999]) assert.equal(indexOf(nameOf(index)), index)
    for (const name of ['soak-5', '@soak/p-4', 'soak-x', 'soak-007', '__proto__', 'nobody-1']) assert.equal(indexOf(name), undefined, name)
  })
  it('mostly have 5 to 60 versions, some 600, one 3,000', () => {
    const counts = series(1000, (index) => planOf(index).versions.length)
    assert.deepEqual([Math.max(...counts), counts.filter((count) => count === 600).length, counts.filter((count) => count >= 5 && count <= 60).length], [3000, 3, 996])
  })
  it('change: a version more, and every fourth time one less', () => assert.deepEqual(series(6, changesLeft), [[], [1], [1, 2], [1, 2, 3], [1, 2], [1, 2, 5]]))
  it('have the tarballs that their packuments promise, those of changes too', () => {
    const packages = new SoakPackages('https://registry.example', PrivateSigstore.create({ name: 'soak' }))
    packages.change(1, '2026-06-01T00:00:00.000Z')
    const versions = packages.packument(1).versions as unknown as Record<string, { readonly dist: { readonly integrity: string } }>
    for (const version of [...planOf(1).versions.slice(-WITH_TARBALL), changed(1)])
      assert.equal(integrityOf(packages.tarball(1, fileOf(nameOf(1), version))!), versions[version]!.dist.integrity)
    assert.equal(packages.tarball(1, fileOf(nameOf(1), '77.0.0')), undefined)
  })
})

describe('the requests of the soak', () => {
  const asked = (): readonly string[] => [...steps(100, 600, { etags: new Map(), token: undefined })].map(({ ask: { kind, path } }) => `${kind} ${path}`)
  it('are the same in every run', () => assert.deepEqual(asked(), asked()))
  it('ask for every package', () => {
    const names = new Set(asked())
    for (let index = 0; index < 100; index++) assert.ok(names.has(`packument /${nameOf(index).replace('/', '%2f')}`), nameOf(index))
  })
})
