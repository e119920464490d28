import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { RemoteStorage, type StoredText } from '../../../plugin/store/fact-storage.ts'
import { GuardedStorage, StorageAway, type GuardOptions } from '../../../plugin/store/guarded-storage.ts'

/** Answers, fails or hangs, as it is told. */
class Scripted extends RemoteStorage {
  mood: 'answers' | 'fails' | 'hangs' = 'answers'
  asked = 0
  restarts = 0
  texts = (keys: readonly string[]): Promise<(string | undefined)[]> => this.#say(keys.map((key) => `of ${key}`))
  readonly ready = (): Promise<void> => this.#say(undefined)
  readonly write = (_entries: readonly StoredText[]): Promise<void> => this.#say(undefined)
  readonly remove = (keys: readonly string[]): Promise<boolean[]> => this.#say(keys.map(() => true))
  readonly clear = (): Promise<void> => this.#say(undefined)
  readonly disconnect = (): Promise<void> => Promise.resolve()
  restart(): void { this.restarts++ }

  #say<Answer>(answer: Answer): Promise<Answer> {
    this.asked++
    return this.mood === 'answers' ? Promise.resolve(answer) : this.mood === 'fails' ? Promise.reject(new Error('it says no')) : new Promise(() => undefined)
  }
}

describe('store: a storage that may be away', () => {
  let storage: Scripted
  let changes: (readonly [boolean, string])[]
  /** Ends the pause. */
  let look: () => Promise<void>
  const guard = (options: Partial<GuardOptions> = {}): GuardedStorage => {
    storage = new Scripted()
    changes = []
    let wake = (): void => undefined
    let happened = (): void => undefined
    const guarded = new GuardedStorage({
      storage,
      deadline: 5,
      pausing: () => {
        happened()
        return new Promise<void>((resolve) => { wake = resolve })
      },
      onChange: (isUp, cause) => {
        changes.push([isUp, cause instanceof Error ? cause.message : ''])
        happened()
      },
      ...options,
    })
    look = async () => {
      // A look ends with the next pause, or with a change.
      const ended = new Promise<void>((resolve) => { happened = resolve })
      wake()
      await ended
    }
    return guarded
  }
  const failing = async (guarded: GuardedStorage, times: number): Promise<void> => {
    for (let time = 0; time < times; time++) await assert.rejects(guarded.get('a'))
  }

  it('gives what there is', async () => {
    assert.equal(await guard().get('a'), 'of a')
  })
  it('a question that hangs ends', async () => {
    const guarded = guard()
    storage.mood = 'hangs'
    await assert.rejects(guarded.get('a'), { name: 'TooSlow' })
    assert.deepEqual([guarded.failures, guarded.isUp], [1, true])
  })
  it('one failure, or two, leave it as it is; an answer between them starts anew', async () => {
    const guarded = guard()
    storage.mood = 'fails'
    await failing(guarded, 2)
    storage.mood = 'answers'
    for (let count = 0; count < 4; count++) await guarded.get('a')
    storage.mood = 'fails'
    await failing(guarded, 2)
    assert.deepEqual([guarded.isUp, changes], [true, []])
  })
  it('one that fails every other time is left alone as well', async () => {
    const guarded = guard()
    for (let count = 0; count < 10 && guarded.isUp; count++) {
      storage.mood = 'fails'
      await failing(guarded, 1)
      storage.mood = 'answers'
      await guarded.get('a').catch(() => undefined)
    }
    assert.equal(guarded.isUp, false)
  })
  it('one that fails every fourth time is asked on', async () => {
    const guarded = guard()
    for (let count = 0; count < 40; count++) {
      storage.mood = count % 4 === 0 ? 'fails' : 'answers'
      await guarded.get('a').catch(() => undefined)
    }
    assert.deepEqual([guarded.isUp, guarded.failures], [true, 10])
  })
  it('an answer that came while the event loop was busy is no late one', async () => {
    const server = net.createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const socket = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
    const [[peer]] = (await Promise.all([once(server, 'connection'), once(socket, 'connect')])) as [[net.Socket], unknown]
    const guarded = guard({ deadline: 10 })
    const answered = once(socket, 'data')
    storage.texts = async () => {
      await answered
      return ['in time']
    }
    const asked = guarded.get('a')
    peer.write('x')
    const busyUntil = performance.now() + 30
    while (performance.now() < busyUntil);
    assert.equal(await asked, 'in time')
    socket.destroy()
    peer.destroy()
    server.close()
  })
  for (const mood of ['fails', 'hangs'] as const)
    it(`one that ${mood} three times in a row is left alone, at once and without a question`, async () => {
      const guarded = guard()
      storage.mood = mood
      await failing(guarded, 3)
      const { asked } = storage
      await assert.rejects(guarded.get('a'), StorageAway)
      await assert.rejects(guarded.set('a', '1'), StorageAway)
      assert.deepEqual([guarded.isUp, storage.asked, changes.length, storage.restarts], [false, asked, 1, 1])
    })
  it('it is looked at again, one look at a time, until it answers; each change is told once', async () => {
    const guarded = guard()
    storage.mood = 'fails'
    await failing(guarded, 3)
    const { asked } = storage
    await look()
    await look()
    assert.deepEqual([storage.asked - asked, guarded.isUp], [2, false])
    storage.mood = 'answers'
    await look()
    assert.deepEqual([guarded.isUp, await guarded.get('a')], [true, 'of a'])
    assert.deepEqual(changes, [[false, 'it says no'], [true, '']])
  })
  it('one that comes and goes is looked at more seldom each time', async () => {
    const pauses: number[] = []
    let told = (): void => undefined
    const guarded = guard({
      pause: 100,
      pausing: (ms) => {
        pauses.push(ms)
        return Promise.resolve()
      },
      onChange: (isUp) => { if (isUp) told() },
    })
    for (let time = 0; time < 12; time++) {
      const back = new Promise<void>((resolve) => { told = resolve })
      storage.mood = 'fails'
      await failing(guarded, 3)
      storage.mood = 'answers'
      await back
    }
    assert.deepEqual([...new Set(pauses)], [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000])
  })
  it('what has no end is not asked without end', async () => {
    const guarded = guard({ maxRunning: 2, failures: 100 })
    storage.mood = 'hangs'
    await failing(guarded, 5)
    assert.equal(storage.asked, 2)
    await assert.rejects(guarded.get('a'), StorageAway)
  })
  it('a start waits for it, and not for long', async () => {
    const guarded = guard({ pausing: () => Promise.resolve() })
    assert.equal(await guarded.open(50), true)
    const other = guard({ pausing: () => new Promise((resolve) => { setTimeout(resolve, 1) }) })
    storage.mood = 'fails'
    assert.equal(await other.open(10), false)
    assert.equal(other.isUp, false)
    await other.disconnect()
  })
  it('a closed one is not looked at again', async () => {
    const guarded = guard()
    storage.mood = 'fails'
    await failing(guarded, 3)
    const { asked } = storage
    await guarded.disconnect()
    void look()
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
    assert.equal(storage.asked, asked)
  })
})
