import assert from 'node:assert/strict'
import { decodeOperation, encodeOperation, packageOf, UnknownOperation, type Operation } from '../../../plugin/store/operations.ts'

const R = 'https://registry.example'
const same = (operation: Operation): void => { assert.deepEqual(decodeOperation(encodeOperation(operation)), operation) }

describe('store: operations of a shared ledger', () => {
  it('come back as they were: dates, bytes, maps, and what is not there', () => {
    same({ do: 'sight', with: [R, 'widget', ['1.0.0'], new Date(5)] })
    same({ do: 'keepEvidence', with: [{ name: 'a', version: '1.0.0', integrity: 'sha512-' }, { predicateType: 'p', publicGood: true, document: new Uint8Array([0, 255]) }] })
    same({ do: 'publishPolicy', with: [{ at: new Date(1), file: '/p', texts: new Map([['/p', 'version: 1']]), by: undefined }] })
    same({ do: 'setMaintainers', with: ['widget', undefined] })
  })

  it('what a registry named as JSON marks its own kinds with is not taken for them', () => {
    for (const document of [{ $: 'date', of: 5 }, { $: 'undefined' }, { $: 'object', of: [['a', { $: 'map', of: [] }]] }, { nested: [{ $: 'bytes', of: 'AA==' }] }])
      same({ do: 'pinKeys', with: [R, { document, at: new Date(1) }] })
  })

  it('a name that is a property of every object stays a name', () => {
    const body = encodeOperation({ do: 'pinKeys', with: [R, { document: JSON.parse('{"__proto__":{"polluted":1},"constructor":2}') as never, at: new Date(1) }] })
    const [, { document }] = decodeOperation(body).with as [string, { document: object }]
    assert.deepEqual(Object.keys(document), ['__proto__', 'constructor'])
    assert.equal('polluted' in document, false)
  })

  for (const [what, body] of [['of a later version', '["forgetEverything"]'], ['a method that every object has', '["constructor"]'], ['no operation', '{"do":"record"}'], ['nothing', '[]']] as const)
    it(`${what} is not understood`, () => {
      assert.throws(() => decodeOperation(body), UnknownOperation)
    })

  it('tell which package they are about', () => {
    assert.deepEqual(packageOf({ do: 'setOrigin', with: ['widget', R] }), [R, 'widget'])
    assert.deepEqual(packageOf({ do: 'record', with: [R, 'widget', [], false] }), [R, 'widget'])
    assert.deepEqual(packageOf({ do: 'reset', with: [{ name: 'widget', version: undefined, reason: 'r', at: new Date(1) }] }), [undefined, 'widget'])
    assert.equal(packageOf({ do: 'setSigns', with: [R] }), undefined)
  })
})
