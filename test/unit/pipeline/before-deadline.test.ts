import assert from 'node:assert/strict'
import type { AttestationResult } from '../../../plugin/domain/ports.ts'
import { attestationsBeforeDeadline } from '../../../plugin/pipeline/before-deadline.ts'
import { BOTH, World, documentOf, plainPolicy } from './support.ts'

const VERSIONS = ['1.0.0', '2.0.0', '3.0.0']
const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })

describe('provenance before a deadline, and the ledger', () => {
  let world: World
  let writes: (readonly string[])[]
  let finish: Map<string, (result: AttestationResult | Error) => void>
  let pass: () => void
  let errors: unknown[]
  beforeEach(() => {
    world = new World()
    writes = []
    errors = []
    finish = new Map()
    for (const version of VERSIONS) world.attest(version)
    world.verifier.attestation = ({ ref }) =>
      new Promise((resolve, reject) => {
        finish.set(ref.version, (result) => {
          if (result instanceof Error) reject(result)
          else resolve(result)
        })
      })
    const { ledger } = world
    const record = ledger.record.bind(ledger)
    ledger.record = (registry, name, records) => {
      writes.push(records.map(({ version }) => version))
      record(registry, name, records)
    }
  })

  const begin = async (): Promise<{ answer: Promise<ReadonlyMap<string, AttestationResult>>; late: () => boolean }> => {
    const context = await world.open(documentOf(Object.fromEntries(VERSIONS.map((version) => [version, {}]))))
    let isLate = false
    const deadline = new Promise<void>((resolve) => { pass = resolve })
    const deps = { ...world.deps, limit: <Result>(task: () => Promise<Result>) => task(), deadline: () => deadline, onBackgroundError: (error: unknown) => { errors.push(error) } }
    const answer = attestationsBeforeDeadline(context, plainPolicy(), deps, { othersFollow: true, onLate: () => { isLate = true } })
    await turn()
    return { answer, late: () => isLate }
  }
  const ends = async (version: string, result: AttestationResult | Error = BOTH): Promise<void> => {
    finish.get(version)?.(result)
    await turn()
  }

  it('all that was verified is one write', async () => {
    const { answer } = await begin()
    for (const version of VERSIONS) await ends(version)
    assert.deepEqual([(await answer).size, writes], [3, [VERSIONS]])
  })
  it('what was verified by then is written before the answer, and the rest behind it', async () => {
    const { answer, late } = await begin()
    await ends('2.0.0')
    assert.deepEqual(writes, [])
    pass()
    assert.deepEqual([[...(await answer).keys()], writes], [['2.0.0'], [['2.0.0']]])
    await ends('1.0.0')
    await ends('3.0.0')
    assert.deepEqual([late(), writes], [true, [['2.0.0'], ['1.0.0', '3.0.0']]])
  })
  for (const when of ['before', 'after'] as const)
    it(`a mistake ${when} the deadline does not lose what was verified`, async () => {
      const { answer } = await begin()
      const refused = when === 'before' ? assert.rejects(answer, RangeError) : undefined
      await ends('1.0.0')
      if (when === 'after') {
        pass()
        await answer
        await ends('2.0.0')
      }
      await ends('3.0.0', new RangeError('a mistake'))
      await refused
      assert.equal(errors.length, when === 'before' ? 0 : 1)
      assert.deepEqual(writes, when === 'before' ? [['1.0.0']] : [['1.0.0'], ['2.0.0']])
    })
})
