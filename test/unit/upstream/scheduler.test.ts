import assert from 'node:assert/strict'
import { Unavailable } from '../../../plugin/domain/errors.ts'
import type { Urgency } from '../../../plugin/domain/ports.ts'
import { Scheduler, type SchedulerOptions } from '../../../plugin/upstream/scheduler.ts'
import { TokenBucket } from '../../../plugin/upstream/token-bucket.ts'
import { Turn, UrgentFlight } from '../../../plugin/upstream/turn.ts'
import { MINUTE, TestClock, unavailable } from './support.ts'

const SECOND = 1000
const turnOfTheLoop = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })

describe('upstream: token bucket', () => {
  it('gives its burst, then one for each part of a second', () => {
    const clock = new TestClock()
    const bucket = new TokenBucket(20, 2, clock)
    assert.deepEqual([bucket.take(), bucket.take(), bucket.take()], [0, 0, 50])
    clock.advance(50)
    assert.deepEqual([bucket.take(), bucket.take()], [0, 50])
  })
  it('never holds more than its burst', () => {
    const clock = new TestClock()
    const bucket = new TokenBucket(20, 2, clock)
    clock.advance(60 * MINUTE)
    assert.deepEqual([bucket.take(), bucket.take(), bucket.take()], [0, 0, 50])
  })
  it('a clock set back does not stop it', () => {
    const clock = new TestClock()
    const bucket = new TokenBucket(20, 1, clock)
    bucket.take()
    clock.advance(-60 * MINUTE)
    assert.equal(bucket.take(), 50)
    clock.advance(50)
    assert.equal(bucket.take(), 0)
  })
  it('slowed, it gives half as many, and nothing it had saved up', () => {
    const clock = new TestClock()
    const bucket = new TokenBucket(20, 10, clock)
    bucket.slow()
    assert.deepEqual([bucket.take(), bucket.take()], [0, 100])
    bucket.slow()
    assert.equal(bucket.take(), 200)
  })
  it('however often it is slowed, it does not stop', () => {
    const bucket = new TokenBucket(64, 1, new TestClock())
    for (let times = 0; times < 100; times++) bucket.slow()
    assert.deepEqual([bucket.take(), bucket.take()], [0, 1000])
  })
  it('and comes back to what it was', () => {
    const clock = new TestClock()
    const bucket = new TokenBucket(20, 2, clock)
    bucket.slow()
    clock.advance(5 * MINUTE)
    bucket.take()
    clock.advance(MINUTE)
    assert.deepEqual([bucket.take(), bucket.take(), bucket.take()], [0, 0, 50])
  })
})

describe('upstream: whose turn it is', () => {
  let clock: TestClock
  let started: string[]
  let finish: Map<string, () => void>
  let alarm: { wake: () => void; milliseconds: number } | undefined
  let scheduler: Scheduler
  beforeEach(() => {
    clock = new TestClock()
    started = []
    finish = new Map()
    alarm = undefined
    scheduler = make()
  })
  const make = (options: Partial<SchedulerOptions> = {}): Scheduler =>
    new Scheduler({
      uplink: 'up',
      clock,
      concurrency: 1,
      rate: 20,
      timer: (wake, milliseconds) => {
        alarm = { wake, milliseconds }
        return () => { alarm = undefined }
      },
      ...options,
    })
  const ask = (what: string, urgency: Urgency = 'foreground', turn = new Turn(urgency)): Promise<void> =>
    scheduler.run(turn, () => {
      started.push(what)
      return new Promise((resolve) => { finish.set(what, resolve) })
    })
  const ended = async (what: string): Promise<void> => {
    finish.get(what)?.()
    await turnOfTheLoop()
  }
  /** So much time passes, and the alarm that was set for it rings. */
  const pass = async (milliseconds: number): Promise<void> => {
    clock.advance(milliseconds)
    alarm?.wake()
    await turnOfTheLoop()
  }
  const refused = async (question: Promise<unknown>): Promise<void> => { await assert.rejects(question, unavailable) }

  it('what a client waits for goes before what nobody waits for', async () => {
    void ask('first')
    void ask('behind', 'background')
    void ask('waited for')
    await turnOfTheLoop()
    await ended('first')
    await ended('waited for')
    assert.deepEqual(started, ['first', 'waited for', 'behind'])
  })

  it('a question that somebody comes to wait for goes with those', async () => {
    const turn = new Turn('background')
    void ask('first')
    void ask('behind', 'background')
    void ask('hurried', 'background', turn)
    await turnOfTheLoop()
    turn.hurry()
    await ended('first')
    assert.deepEqual(started, ['first', 'hurried'])
  })

  it('what nobody waits for goes at the rate, and what a client waits for is not counted', async () => {
    scheduler = make({ concurrency: 100, rate: 0.4 })
    void ask('one', 'background')
    void ask('two', 'background')
    void ask('waited for')
    await turnOfTheLoop()
    assert.deepEqual(started, ['one', 'waited for'])
    assert.equal(alarm?.milliseconds, 2500)
    await pass(2500)
    assert.deepEqual(started, ['one', 'waited for', 'two'])
  })

  it('and few at one time', async () => {
    scheduler = make({ concurrency: 100 })
    for (let number = 0; number < 10; number++) void ask(String(number), 'background')
    await turnOfTheLoop()
    assert.deepEqual(started, ['0', '1', '2', '3', '4', '5', '6', '7'])
    await ended('0')
    assert.equal(started.length, 9)
  })

  for (const urgency of ['foreground', 'background'] as const)
    it(`what does not fit into the queue is unavailable: ${urgency}`, async () => {
      scheduler = make({ capacity: 1 })
      void ask('runs')
      void ask('waits', urgency)
      await refused(ask('does not fit', urgency))
      assert.deepEqual(started, ['runs'])
    })

  it('closing refuses what waits and what comes', async () => {
    void ask('runs')
    const waiting = [ask('waits'), ask('behind', 'background')].map(refused)
    scheduler.close()
    await Promise.all(waiting)
    await refused(ask('later'))
  })

  it('a task that fails gives its place back', async () => {
    await assert.rejects(scheduler.run(new Turn(), () => Promise.reject(new Unavailable('evidence-unavailable', 'x'))))
    void ask('next')
    await turnOfTheLoop()
    assert.deepEqual(started, ['next'])
  })

  describe('after 429', () => {
    it('what a client waits for waits a little', async () => {
      scheduler.pause(3 * SECOND)
      void ask('waited for')
      await turnOfTheLoop()
      assert.deepEqual([started.length, alarm?.milliseconds], [0, 3 * SECOND])
      await pass(3 * SECOND)
      assert.deepEqual(started, ['waited for'])
    })
    it('and is unavailable where that is too long', async () => {
      void ask('runs')
      const waiting = refused(ask('waits'))
      scheduler.pause(6 * SECOND)
      await waiting
      await refused(ask('comes'))
    })
    it('what nobody waits for waits for all of it', async () => {
      scheduler.pause(60 * SECOND)
      void ask('behind', 'background')
      await pass(59 * SECOND)
      assert.deepEqual(started, [])
      await pass(SECOND)
      assert.deepEqual(started, ['behind'])
    })
    it('without a time it pauses what nobody waits for, and nothing else', async () => {
      scheduler = make({ concurrency: 2 })
      scheduler.pause(0)
      void ask('behind', 'background')
      void ask('waited for')
      await turnOfTheLoop()
      assert.deepEqual(started, ['waited for'])
      await pass(5 * SECOND)
      assert.deepEqual(started, ['waited for', 'behind'])
    })
    it('afterwards what nobody waits for goes at half the rate', async () => {
      scheduler = make({ concurrency: 100, rate: 2 })
      scheduler.pause(0)
      for (const what of ['one', 'two', 'three']) void ask(what, 'background')
      await pass(5 * SECOND)
      const atOnce = started.length
      await pass(alarm?.milliseconds ?? 0)
      assert.deepEqual([atOnce < 3, started.length], [true, atOnce + 1])
    })
    it('a time without an end ends after five minutes', async () => {
      scheduler.pause(365 * 24 * 60 * MINUTE)
      await refused(ask('at once'))
      clock.advance(5 * MINUTE)
      void ask('waited for')
      await turnOfTheLoop()
      assert.deepEqual(started, ['waited for'])
    })
    it('a second one that asks for less does not end the first', async () => {
      scheduler.pause(60 * SECOND)
      scheduler.pause(0)
      await refused(ask('comes'))
    })
    it('a clock set back does not prolong it', async () => {
      scheduler.pause(5 * MINUTE)
      clock.advance(-60 * MINUTE)
      void ask('waited for')
      await turnOfTheLoop()
      assert.deepEqual(started, ['waited for'])
    })
  })
})

describe('upstream: one flight, several urgencies', () => {
  it('becomes urgent when somebody who waits joins', async () => {
    const flight = new UrgentFlight<string>()
    let seen: Turn | undefined
    let land: (value: string) => void = () => undefined
    const start = (turn: Turn): Promise<string> => {
      seen = turn
      return new Promise((resolve) => { land = resolve })
    }
    const first = flight.run('a', 'background', start)
    assert.equal(seen?.urgency, 'background')
    const second = flight.run('a', 'foreground', () => Promise.resolve('asked twice'))
    assert.equal(seen.urgency, 'foreground')
    land('once')
    assert.deepEqual(await Promise.all([first, second]), ['once', 'once'])
  })
  it('one that was in the background says nothing of the next', async () => {
    const flight = new UrgentFlight<Urgency>()
    await flight.run('a', 'background', () => Promise.resolve('background'))
    assert.equal(await flight.run('a', 'foreground', ({ urgency }) => Promise.resolve(urgency)), 'foreground')
  })
})
