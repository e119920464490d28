/** What an identity is to the pins of its package, and which of them count. */
import assert from 'node:assert/strict'
import type { IdentityPin } from '../../../plugin/domain/history.ts'
import { builtBy, inForce, isOpen, keyOf, mergedPin, relationOf, type BuiltBy } from '../../../plugin/domain/pins.ts'
import { identity } from '../policy/support.ts'

const day = (days: number): Date => new Date(Date.UTC(2026, 0, 1 + days))
const OURS: BuiltBy = {
  issuer: 'https://token.example',
  sourceRepository: 'https://github.com/acme/widget',
  sourceRepositoryId: '1001',
  sourceOwnerId: '2002',
  workflow: '.github/workflows/release.yml',
}
const EARLY: BuiltBy = { ...OURS, sourceRepositoryId: undefined, sourceOwnerId: undefined }
const pin = (by: Partial<IdentityPin> = {}): IdentityPin => ({
  ...OURS,
  version: '1.0.0',
  since: day(0),
  latest: day(0),
  because: 'found',
  until: undefined,
  ...by,
})

describe('domain: pins', () => {
  it('each part of an identity makes another of it', () => {
    const parts = ['issuer', 'sourceRepository', 'sourceRepositoryId', 'sourceOwnerId', 'workflow'] as const
    const keys = [OURS, EARLY, ...parts.flatMap((part) => ['x', 'y'].map((value) => ({ ...OURS, [part]: value })))].map(keyOf)
    assert.equal(new Set(keys).size, keys.length)
  })
  it('a repository is named by its address or by its id: one of them is enough', () => {
    const by = (changes: object): readonly (string | undefined)[] => {
      const found = builtBy(identity({ sourceRepository: undefined, sourceRepositoryId: undefined, ...changes }))
      return [found?.sourceRepository, found?.sourceRepositoryId]
    }
    assert.deepEqual(by({ sourceRepository: OURS.sourceRepository }), [OURS.sourceRepository, undefined])
    assert.deepEqual(by({ sourceRepositoryId: '1001' }), [undefined, '1001'])
    assert.equal(builtBy(identity({ sourceRepository: '', sourceRepositoryId: undefined })), undefined)
  })
  it('[9d] an address without an id counts until the first of its ids is known', () => {
    const [early] = inForce([pin({ ...EARLY, because: 'approved' }), pin({ since: day(5), latest: day(9) }), pin({ sourceRepositoryId: '6001', since: day(8), latest: day(9) })], undefined)
    assert.deepEqual(early?.until, day(5))
  })
  describe('relation', () => {
    const cases: readonly (readonly [title: string, by: Partial<BuiltBy>, pins: readonly IdentityPin[], expected: string])[] = [
      ['nothing to compare with', {}, [], 'unpinned'],
      ['the same', {}, [pin()], 'same'],
      ['renamed under the same owner', { sourceRepository: 'https://github.com/acme/renamed' }, [pin()], 'same'],
      ['given to another owner', { sourceOwnerId: '3003' }, [pin()], 'new-owner'],
      ['the new owner is pinned as well', { sourceOwnerId: '3003' }, [pin(), pin({ sourceOwnerId: '3003' })], 'same'],
      ['[9d] the same address with another id', { sourceRepositoryId: '6001', sourceOwnerId: '6002' }, [pin()], 'other'],
      ['the same number at another issuer', { issuer: 'https://other.example' }, [pin()], 'other'],
      ['no id where one is known', { sourceRepositoryId: undefined, sourceOwnerId: undefined }, [pin()], 'other'],
      ['no id, and none known', { ...EARLY }, [pin(EARLY)], 'same'],
      ['no id, and another address', { ...EARLY, sourceRepository: 'https://github.com/acme/other' }, [pin(EARLY)], 'other'],
      ['the first id of an address', {}, [pin(EARLY)], 'learned'],
      ['an id at an address of another issuer', { issuer: 'https://other.example' }, [pin(EARLY)], 'other'],
      ['what was closed', {}, [pin({ until: day(1) }), pin({ sourceRepositoryId: '7' })], 'other'],
      ['only what was closed, by time alone', {}, [pin({ until: day(1) })], 'unpinned'],
      ['only what was dropped', {}, [pin({ because: 'dropped', until: day(1) })], 'other'],
    ]
    for (const [title, by, pins, expected] of cases)
      it(title, () => assert.equal(relationOf({ ...OURS, ...by }, pins, 'repository', day(50)), expected))

    it('what settled later says nothing of a version, and what was approved later does', () => {
      const other = pin({ sourceRepositoryId: '7', because: 'settled', since: day(60) })
      assert.equal(relationOf(OURS, [other], 'repository', day(50)), 'unpinned')
      assert.equal(relationOf(OURS, [other], 'repository', day(60)), 'other')
      assert.equal(relationOf(OURS, [pin({ sourceRepositoryId: '7' }), pin({ because: 'approved', since: day(60) })], 'repository', day(50)), 'same')
      assert.equal(relationOf(EARLY, [pin({ ...EARLY, until: day(60) })], 'repository', day(50)), 'same')
      assert.equal(relationOf(EARLY, [pin({ ...EARLY, because: 'dropped', until: day(60) })], 'repository', day(50)), 'other')
    })
    it('[13d] another workflow is another identity at level workflow only', () => {
      const other = { ...OURS, workflow: '.github/workflows/other.yml' }
      assert.deepEqual([relationOf(other, [pin()], 'repository', day(50)), relationOf(other, [pin()], 'workflow', day(50)), relationOf(OURS, [pin()], 'workflow', day(50))], ['same', 'other', 'same'])
      assert.equal(relationOf(other, [pin(EARLY)], 'workflow', day(50)), 'other')
      assert.equal(relationOf({ ...other, sourceOwnerId: '3003' }, [pin()], 'workflow', day(50)), 'other')
    })
    it('a certificate that names no repository is none of the pins', () => {
      assert.equal(builtBy(identity({ sourceRepository: '', sourceRepositoryId: undefined })), undefined)
      assert.equal(relationOf(undefined, [pin()], 'repository', day(50)), 'other')
    })
    it('the workflow is a path without a ref', () => {
      assert.equal(builtBy(identity())?.workflow, '.github/workflows/release.yml')
    })
  })

  describe('in force', () => {
    const open = (pins: readonly IdentityPin[], recently?: Date): readonly (string | undefined)[] => inForce(pins, recently).filter(isOpen).map(({ sourceRepositoryId }) => sourceRepositoryId)

    it('[9d] an address counts until an id of it is known, and that since then', () => {
      assert.deepEqual(open([pin(EARLY)]), [undefined])
      assert.deepEqual(open([pin(EARLY), pin({ since: day(5) })]), ['1001'])
      assert.deepEqual(inForce([pin(EARLY), pin({ since: day(5) })], undefined)[0]?.until, day(5))
      assert.deepEqual(open([pin(EARLY), pin({ sourceRepository: 'https://github.com/acme/other' })]), [undefined, '1001'])
    })
    it('what was found counts while its last version is recent', () => {
      assert.deepEqual(open([pin({ latest: day(3) })], day(3)), ['1001'])
      assert.deepEqual(open([pin({ latest: day(2) })], day(3)), [])
      assert.deepEqual(open([pin({ latest: day(2), because: 'approved' }), pin({ latest: day(2), because: 'settled' })], day(3)), ['1001', '1001'])
    })
    it('what was dropped stays so', () => assert.deepEqual(open([pin({ because: 'dropped', until: day(1) })]), []))
  })

  it('pins of one identity are merged, in whatever order', () => {
    const [a, b] = [pin({ version: '1.0.0', since: day(1), latest: day(2) }), pin({ version: '2.0.0', since: day(4), latest: day(4), because: 'settled' })]
    for (const merged of [mergedPin(a, b), mergedPin(b, a)])
      assert.deepEqual([merged.version, merged.since, merged.latest, merged.because], ['1.0.0', day(1), day(4), 'settled'])
    const dropped = mergedPin(pin({ because: 'dropped', until: day(9) }), b)
    assert.deepEqual([dropped.because, dropped.until], ['dropped', day(9)])
  })
})
