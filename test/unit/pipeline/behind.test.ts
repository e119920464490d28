import assert from 'node:assert/strict'
import type { Urgency } from '../../../plugin/domain/ports.ts'
import { Behind, inLanes } from '../../../plugin/pipeline/behind.ts'
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
  it('what a slice verified is one write to the ledger', async () => {
    attest(MANY)
    const writes: number[] = []
    const { ledger } = world
    const record = ledger.record.bind(ledger)
    ledger.record = (registry, name, records) => {
      writes.push(records.length)
      record(registry, name, records)
    }
    await add(MANY)
    await behind.settled()
    assert.deepEqual(writes, [50, 50, 20])
  })
  it('a mistake does not lose what was verified before it', async () => {
    attest(MANY)
    world.attest('1.0.7', new RangeError('a mistake'))
    await add(MANY.slice(0, 8))
    await behind.settled()
    assert.deepEqual([errors.length, world.ledger.written.length], [1, 7])
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

describe('questions in lanes', () => {
  const ITEMS = Array.from({ length: 40 }, (_, index) => index)
  const run = async (wentWell: (item: number) => boolean, options: Partial<Parameters<typeof inLanes>[1]> = {}) => {
    const started: number[] = []
    const atOnce: number[] = []
    let running = 0
    const lanes = await inLanes(ITEMS, { from: 1, most: 8, goesOn: () => true, ...options }, async (item) => {
      started.push(item)
      atOnce.push(++running)
      await new Promise((resolve) => { setImmediate(resolve) })
      running--
      return wentWell(item)
    })
    return { started, atOnce, lanes }
  }

  it('begin one at a time, and grow with each that is answered, up to so many', async () => {
    const { started, atOnce, lanes } = await run(() => true)
    assert.deepEqual(started, ITEMS)
    assert.deepEqual([atOnce[0], atOnce[1], Math.max(...atOnce), lanes], [1, 1, 8, 8])
  })
  it('go on with as many as they came to', async () => {
    const { atOnce } = await run(() => true, { from: 8 })
    assert.equal(Math.max(...atOnce.slice(0, 8)), 8)
  })
  it('stay one at a time while nothing is answered', async () => {
    const { atOnce, lanes } = await run(() => false)
    assert.deepEqual([Math.max(...atOnce), lanes], [1, 1])
  })
  it('are one at a time again after one that was not', async () => {
    const { lanes } = await run((item) => item !== 39)
    assert.equal(lanes, 1)
  })
  it('end when they are told to, with what runs', async () => {
    let left = 12
    const { started } = await run(() => true, { goesOn: () => left-- > 0 })
    assert.ok(started.length < 12, String(started.length))
  })
  it('end with the first error, when everything that runs has ended', async () => {
    let ended = 0
    const work = async (item: number): Promise<boolean> => {
      await new Promise((resolve) => { setImmediate(resolve) })
      ended++
      if (item === 10 || item === 11) throw new RangeError(String(item))
      return true
    }
    await assert.rejects(inLanes(ITEMS, { from: 4, most: 4, goesOn: () => true }, work), new RangeError('10'))
    const then = ended
    await new Promise((resolve) => { setImmediate(resolve) })
    assert.deepEqual([ended, then < 20], [then, true])
  })
})
