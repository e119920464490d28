import assert from 'node:assert/strict'
import type { Urgency } from '../../../plugin/domain/ports.ts'
import { Behind } from '../../../plugin/pipeline/behind.ts'
import { BOTH, NAME, World, documentOf, unavailable } from './support.ts'

const MANY = Array.from({ length: 120 }, (_, patch) => `1.0.${String(patch)}`)

describe('verifying behind an answer', () => {
  let world: World
  let told: string[]
  let news: boolean
  let errors: unknown[]
  let behind: Behind
  beforeEach(() => {
    world = new World()
    told = []
    errors = []
    behind = new Behind(world.deps, (error) => errors.push(error))
    news = false
    behind.listen({ found: () => news, learned: (name) => { told.push(name) } })
  })

  const add = async (versions: readonly string[], changes = {}): Promise<void> => {
    const context = await world.open(documentOf(Object.fromEntries(versions.map((version) => [version, {}])), {}, changes))
    behind.add(context, [...context.document.packument.versions.values()])
  }
  const attest = (versions: readonly string[]): void => { for (const version of versions) world.attest(version) }

  it('all of it, slice by slice, stored and told', async () => {
    attest(MANY)
    await add(MANY)
    await behind.settled()
    assert.deepEqual([world.upstream.asked.length, world.facts.stored.size, told], [120, 120, [NAME, NAME, NAME]])
  })
  it('what brought no fact is not told: a new listing would only ask again', async () => {
    await add(['1.0.0'])
    await behind.settled()
    assert.deepEqual([world.upstream.asked.length, told, world.facts.adds], [1, [], 0])
  })
  it('unless it is news: what is announced and not there leaves the next packument', async () => {
    news = true
    await add(['1.0.0'])
    await behind.settled()
    assert.deepEqual(told, [NAME])
  })
  it('the uplink is asked in the background, in the order given', async () => {
    const asked: string[] = []
    world.upstream.attestations = ({ version }, urgency?: Urgency) => {
      asked.push(`${version} ${String(urgency)}`)
      return Promise.resolve('absent')
    }
    await add(['2.0.0', '1.0.0'])
    await behind.settled()
    assert.deepEqual(asked, ['2.0.0 background', '1.0.0 background'])
  })
  it('an uplink that does not answer three times running is left alone', async () => {
    for (const version of MANY) world.attest(version, unavailable())
    await add(MANY)
    await behind.settled()
    assert.equal(world.upstream.asked.length, 3)
  })
  it('failures that are not running count for nothing', async () => {
    for (const [index, version] of MANY.entries()) world.attest(version, index % 3 === 2 ? undefined : unavailable())
    await add(MANY.slice(0, 12))
    await behind.settled()
    assert.equal(world.upstream.asked.length, 12)
  })
  it('nothing to do is nothing done', async () => {
    behind.add(await world.open(), [])
    await behind.settled()
    assert.deepEqual(world.upstream.asked, [])
  })
  it('a newer listing of the package takes the place of what waits', async () => {
    let release = (): void => undefined
    world.verifier.attestation = () => new Promise((resolve) => { release = () => { resolve(BOTH) } })
    attest(['1.0.0', '2.0.0', '3.0.0'])
    await add(['1.0.0'])
    await add(['2.0.0'])
    await add(['3.0.0'])
    world.verifier.attestation = () => BOTH
    await new Promise((resolve) => setImmediate(resolve))
    release()
    await behind.settled()
    assert.deepEqual(world.verifier.attestationTasks.map(({ ref }) => ref.version), ['1.0.0', '3.0.0'])
  })
  it('a document too large to keep is left to the gate', async () => {
    await add(['1.0.0'], { size: 128 * 1024 ** 2 + 1 })
    await behind.settled()
    assert.deepEqual(world.upstream.asked, [])
  })
  it('one that just fits is not, and makes room again', async () => {
    for (let i = 0; i < 2; i++) {
      await add(['1.0.0'], { size: 128 * 1024 ** 2 })
      await behind.settled()
    }
    assert.equal(world.upstream.asked.length, 2)
  })
  it('closed, it takes nothing and ends with its next question', async () => {
    attest(MANY)
    await add(MANY)
    await behind.close()
    const asked = world.upstream.asked.length
    assert.ok(asked < 3, String(asked))
    await add(['1.0.0'])
    await behind.settled()
    assert.equal(world.upstream.asked.length, asked)
  })
  it('a mistake is told and ends nothing', async () => {
    world.attest('1.0.0', new RangeError('a mistake'))
    await add(['1.0.0'])
    await behind.settled()
    assert.equal(errors.length, 1)
    attest(['1.0.1'])
    await add(['1.0.1'])
    await behind.settled()
    assert.equal(told.length, 1)
  })
})
