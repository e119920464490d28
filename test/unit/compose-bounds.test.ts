import assert from 'node:assert/strict'
import { boundedLimit, counted, ownWordFirst } from '../../plugin/compose-bounds.ts'
import { Unavailable } from '../../plugin/domain/errors.ts'
import type { SignatureTask, TrustMaterial, Verifier } from '../../plugin/domain/ports.ts'
import { noWork } from '../../plugin/domain/work.ts'

describe('what compose puts around the parts', () => {
  it('keys that are only their registry\u2019s own word come first: of two with one id, clients take the last', () => {
    const [vouched, own, other] = [{ revision: 'vouched' }, { revision: 'own', keysArePinned: true }, { revision: 'other' }] as unknown as readonly TrustMaterial[]
    assert.deepEqual(ownWordFirst([vouched!, own!, other!]).map(({ revision }) => revision), ['own', 'vouched', 'other'])
  })
  it('verifications are counted, and done', async () => {
    const work = noWork()
    const verifier: Verifier = counted({ signatures: () => Promise.resolve([]), attestations: () => Promise.reject(new RangeError('asked')), close: () => Promise.resolve() }, work)
    assert.deepEqual(await verifier.signatures('widget', [{}, {}] as unknown as readonly SignatureTask[], {} as TrustMaterial), [])
    await assert.rejects(verifier.attestations({} as never, {} as never), RangeError)
    assert.deepEqual(work, { ...noWork(), signatures: 2, attestations: 1 })
  })
  it('who comes after a full queue is told to come again', async () => {
    const limit = boundedLimit(1, 1)
    let end = (): void => undefined
    const [running, waiting] = [limit(() => new Promise<void>((resolve) => { end = resolve })), limit(() => Promise.resolve())]
    await assert.rejects(limit(() => Promise.resolve()), Unavailable)
    await Promise.resolve()
    end()
    await Promise.all([running, waiting])
  })
})
