import assert from 'node:assert/strict'
import { advisoriesIn, patchedVersions, vulnerableOf, type Advisory } from '../../../plugin/advisories/advisory.ts'
import { treeAnswer } from '../../../plugin/advisories/answer.ts'
import { bulkQuestion, treeQuestion } from '../../../plugin/advisories/question.ts'
import type { Json } from '../../../plugin/domain/json.ts'

const isVulnerable = (version: string, advisory: Advisory): boolean => vulnerableOf([version], advisory).has(version)
const of = (range: string): Advisory => advisoriesIn([{ id: 1, vulnerable_versions: range }])[0]!

describe('advisories', () => {
  describe('patched versions are those above all that are vulnerable', () => {
    for (const [range, patched] of [
      ['<1.2.3', '>=1.2.3'],
      ['<=1.2.3', '>1.2.3'],
      ['1.2.3', '>1.2.3'],
      ['>=1.0.0 <1.2.0 || >=2.0.0 <2.3.0', '>=2.3.0'],
      ['>=2.0.0 <2.3.0 || >=1.0.0 <1.2.0', '>=2.3.0'],
      ['1.x', '>=2.0.0'],
      ['>=1.0.0', '<0.0.0'],
      ['<1.0.0 || >=3.0.0', '<0.0.0'],
      ['*', '<0.0.0'],
    ] as const)
      it(`${range}: ${patched}`, () => assert.equal(patchedVersions(of(range)), patched))
  })

  describe('what is not understood warns more, not less', () => {
    it('a range that is none is every version', () => assert.ok(isVulnerable('9.9.9', of('not a range'))))
    it('and so is none at all', () => assert.ok(isVulnerable('9.9.9', advisoriesIn([{ id: 1 }])[0]!)))
    it('a prerelease of a vulnerable version is one', () => assert.ok(isVulnerable('1.0.0-rc.1', of('<1.2.3'))))
    it('a range that is longer than most is read to its end', () => {
      const range = `${Array.from({ length: 100 }, (_, index) => `>=${index}.0.0 <${index}.1.0`).join(' || ')} || 500.0.0`
      assert.deepEqual(['500.0.0', '99.0.5', '500.0.1'].map((version) => isVulnerable(version, of(range))), [true, true, false])
    })
    it('a range that is longer than any is every version', () => assert.ok(isVulnerable('9.9.9', of(`${'1.0.0 || '.repeat(2000)}1.0.0`))))
    it('a range over several lines is a range, and is told on one', () => {
      assert.deepEqual([isVulnerable('1.5.0', of('>=1.0.0\n<2.0.0')), isVulnerable('3.0.0', of('>=1.0.0\n<2.0.0'))], [true, false])
      assert.equal(of('>=1.0.0\n<2.0.0').vulnerable_versions, '>=1.0.0 <2.0.0')
    })
    it('a severity that is none is high', () => assert.equal(advisoriesIn([{ id: 1, severity: '__proto__' }])[0]?.severity, 'high'))
    for (const value of ['x', { id: 1 }, null, [null, 'x', {}, { id: {} }]] as const)
      it(`${JSON.stringify(value)} has no advisory`, () => assert.deepEqual(advisoriesIn(value as unknown as Json), []))
  })

  it('ids that nobody could print are made printable', () => assert.equal(advisoriesIn([{ id: 'a\nb' }])[0]?.id, 'a?b'))

  it('[16a] packages called like members of objects are packages', () => {
    const names = ['__proto__', 'constructor', 'toString']
    const body = JSON.parse(`{${names.map((name) => `"${name}":["1.0.0"]`).join()}}`) as Json
    assert.deepEqual([...bulkQuestion(body).keys()], names)
    const tree = JSON.parse(`{"dependencies":{${names.map((name) => `"${name}":{"version":"1.0.0"}`).join()}}}`) as Json
    assert.deepEqual([...treeQuestion(tree).asked.keys()], names)
  })

  it('what a tree has no integrity of may be nobody\'s, and is somebody\'s where it has one elsewhere', () => {
    const { asked } = treeQuestion({ dependencies: { inner: { version: '1.0.0', dependencies: { a: { version: '1.0.0', integrity: 'sha512-x' } } }, a: { version: '2.0.0' } } })
    assert.deepEqual([...asked].map(([name, { mayBePrivate }]) => [name, mayBePrivate]), [['inner', true], ['a', false]])
  })

  it('[17d] a range is read once, in however many places a version stands', () => {
    let reads = 0
    const advisory = { ...of('<2.0.0'), get vulnerable_versions() { reads++; return '<2.0.0' } }
    const places = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`p${String(index)}`, { version: '1.0.0', dependencies: { a: { version: index === 0 ? '2.0.0' : '1.0.0' } } }]))
    const { nodes } = treeQuestion({ dependencies: places })
    const { actions } = treeAnswer(new Map([['a', [advisory]]]), nodes) as { actions: { resolves: { path: string }[] }[] }
    assert.deepEqual([actions[0]?.resolves.length, actions[0]?.resolves[0]?.path.endsWith('>a')], [100, true])
    assert.ok(reads < 10, String(reads))
  })
  it('[17d] what stands in the place of a version is held against no range', () => {
    const { nodes } = treeQuestion({ dependencies: { a: { version: '= 1.0.0' }, b: { version: 'file:../b' } } })
    assert.deepEqual((treeAnswer(new Map([['a', [of('*')]], ['b', [of('*')]]]), nodes) as { actions: unknown[] }).actions, [])
  })

  it('an older answer counts places by severity, development and optional ones apart', () => {
    const { nodes } = treeQuestion({ dependencies: { a: { version: '1.0.0', dev: true }, b: { version: '1.0.0', optional: true, dependencies: { a: { version: '1.0.1' } } } } })
    const { metadata, actions } = treeAnswer(new Map([['a', [of('<2.0.0')]]]), nodes) as { metadata: object; actions: { resolves: { path: string; dev: boolean }[] }[] }
    assert.deepEqual(metadata, { vulnerabilities: { info: 0, low: 0, moderate: 0, high: 2, critical: 0 }, dependencies: 1, devDependencies: 1, optionalDependencies: 1, totalDependencies: 3 })
    assert.deepEqual(actions[0]?.resolves.map(({ path, dev }) => [path, dev]), [['a', true], ['b>a', false]])
  })
})
