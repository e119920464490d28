/** Which versions a recall is of. */
import assert from 'node:assert/strict'
import type { Recall } from '../../../plugin/domain/recall.ts'
import { rangeOf, readRecallSpec, recallOf } from '../../../plugin/pipeline/recalls.ts'

const recallWith = (more: Partial<Recall>): Recall => ({ id: 1, name: 'widget', range: '*', reason: 'stolen token', by: 'ann', at: new Date(0), lifted: undefined, ...more })

describe('pipeline: recalls', () => {
  for (const [range, version, holds] of [
    ['1.2.0', '1.2.0', true],
    ['1.2.0', '1.2.1', false],
    ['1.2.0', '1.2.0-rc.1', false],
    ['1.2.0', '1.2.0+build', true],
    ['>=1.2.0 <2', '1.9.0-beta.1', true],
    ['>=1.2.0 <2', '2.0.0-rc.1', false],
    ['^1.2.0', '2.0.0', false],
    ['1.x || 3.x', '3.1.0-0', true],
    ['*', '0.0.1-alpha', true],
    ['>=2', '3.0.0rc3', true],
    ['3.0.0rc3', '3.0.0rc3', true],
    ['3.0.0rc3', '3.0.0-rc3', true],
    ['3.0.0rc3', '3.0.0rc4', false],
    // Nobody can order it, so nobody can say that it is another.
    ['1.2.0', 'not-a-version', true],
  ] as const)
    it(`${range} ${holds ? 'holds' : 'does not hold'} ${version}`, () => { assert.equal(rangeOf(range)?.(version), holds) })
  for (const range of ['', ' ', 'latest', '1.2.x.y', '>=1 <', 'a'.repeat(300), '1.2.0 foo'])
    it(`"${range.slice(0, 20)}" is no range`, () => { assert.equal(rangeOf(range), undefined) })

  for (const [spec, name, range] of [
    ['widget@1.2.0', 'widget', '1.2.0'],
    ['@acme/ui@>=2.1.0 <2.1.4', '@acme/ui', '>=2.1.0 <2.1.4'],
    ['widget@*', 'widget', '*'],
    ['__proto__x@1.0.0', '__proto__x', '1.0.0'],
    ['constructor@1.0.0', 'constructor', '1.0.0'],
  ] as const)
    it(`${spec} is read`, () => {
      if (name.startsWith('_')) assert.ok('problem' in readRecallSpec(spec))
      else assert.deepEqual(readRecallSpec(spec), { name, range })
    })
  for (const spec of ['', '@', 'widget', 'widget@', 'widget@latest', '@acme/*@1.0.0', '**@*', 'a b@1.0.0', '@acme/a/b@1.0.0', 'a/b@1.0.0', `${'x'.repeat(215)}@1.0.0`])
    it(`"${spec.slice(0, 20)}" is refused, with a remedy`, () => {
      const read = readRecallSpec(spec)
      assert.ok('problem' in read && read.problem !== '' && read.remedy !== '')
    })

  it('the reason says who and why, cleaned', () => {
    const said = recallOf([recallWith({ by: 'ann@evil.example', reason: `stolen\u001b[31m ${'x'.repeat(5000)}` })], { name: 'widget', version: '1.0.0' })
    assert.equal(said?.code, 'recalled')
    assert.ok(said.message.length < 500)
    for (const word of ['\u001b', 'ann@']) assert.equal(said.message.includes(word), false)
  })
  it('what was written to refuse and is not understood any more refuses', () => {
    assert.equal(recallOf([recallWith({ range: 'gibberish' })], { name: 'widget', version: '1.0.0' })?.code, 'recalled')
  })
  it('the first of several speaks', () => {
    assert.equal(recallOf([recallWith({ id: 1, range: '2' }), recallWith({ id: 2, range: '1.x' }), recallWith({ id: 3 })], { name: 'widget', version: '1.0.0' })?.detail?.recall, '2')
  })
})
