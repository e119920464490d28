import assert from 'node:assert/strict'
import { Unavailable } from '../../../plugin/domain/errors.ts'
import type { SignatureTask } from '../../../plugin/domain/ports.ts'
import { createVerifier } from '../../../plugin/verify/index.ts'
import { githubIdentity, PrivateSigstore, REGISTRY } from '../../support/private-sigstore.ts'
import { anchored, artifact, sigstore, trust, trustOf } from './support.ts'

const integrity = `sha512-${'A'.repeat(86)}==`
const taskOf = (index: number, instance = sigstore): SignatureTask => {
  const version = `1.0.${index}`
  return { version, integrity, signatures: [instance.signRegistry('widget', version, integrity)] }
}
const { attestations } = sigstore.attestations(artifact, githubIdentity())
const ref = { name: artifact.name, version: artifact.version }
const documentTask = (document: Uint8Array) => ({ ref, sha512: artifact.sha512, document, registry: REGISTRY })
const document = Buffer.from(JSON.stringify({ attestations }))

describe('verify: the verifier', () => {
  const verifier = createVerifier({ size: 2 })
  after(() => verifier.close())

  it('finds in a thread what it finds here', async () => {
    assert.deepEqual(await verifier.attestations(documentTask(document), trust), anchored(attestations))
  })
  it('keeps trust materials apart', async () => {
    const foreign = trustOf(PrivateSigstore.create({ name: 'other' }))
    const outcomes = await Promise.all(
      [trust, foreign, trust, foreign].map((material) => verifier.attestations(documentTask(document), material)),
    )
    assert.deepEqual(
      outcomes.map(({ result }) => result.provenance.state),
      ['verified', 'invalid', 'verified', 'invalid'],
    )
  })
  it('leaves the document with its owner', async () => {
    const view = new Uint8Array(new Uint8Array([0, ...document]).buffer, 1)
    await verifier.attestations(documentTask(view), trust)
    assert.equal(view.byteLength, document.length)
  })
  for (const count of [0, 1, 20, 21, 600])
    it(`verifies ${count} signatures in order`, async () => {
      const tasks = Array.from({ length: count }, (_, index) => taskOf(index))
      const bad = Math.floor(count / 2)
      if (count > 0) tasks[bad] = { ...taskOf(bad), version: '9.9.9' }
      const states = (await verifier.signatures('widget', tasks, trust)).map(({ result }) => result.state)
      assert.deepEqual(
        states,
        tasks.map((_, index) => (index === bad ? 'invalid' : 'verified')),
      )
    })
  it('[6g] says of a document that is too large what it says of one that did not come', async () => {
    const { result } = await verifier.attestations(documentTask(Buffer.alloc(2 * 1024 * 1024 + 1)), trust)
    assert.equal(result.provenance.state, 'unavailable')
  })
  it('after close is undecided', async () => {
    const closed = createVerifier({ size: 1 })
    await closed.close()
    await assert.rejects(closed.attestations(documentTask(document), trust), Unavailable)
  })
})
