import assert from 'node:assert/strict'
import { Unavailable } from '../../../plugin/domain/errors.ts'
import { WorkerPool, type PoolOptions } from '../../../plugin/verify/worker-pool.ts'
import { trust } from './support.ts'

interface Echo {
  readonly threadId: number
  readonly behaviour: string
  readonly revision: string
  readonly reset: boolean
  readonly trust: boolean
}

const OPTIONS: PoolOptions = {
  script: new URL('./worker-fixture.ts', import.meta.url),
  size: 1,
  queueLimit: 100,
  jobLimitMs: 5000,
  startLimitMs: 10_000,
}

describe('verify: the worker pool', () => {
  let pool: WorkerPool
  const open = (options: Partial<PoolOptions> = {}): void => {
    pool = new WorkerPool({ ...OPTIONS, ...options })
  }
  const run = async (behaviour: string, material = trust): Promise<Echo> =>
    (await pool.run({ kind: 'signatures', name: behaviour, tasks: [] }, material)) as unknown as Echo
  const assertUndecided = (job: Promise<unknown>): Promise<void> =>
    assert.rejects(job, (error) => error instanceof Unavailable && error.reason.code === 'evidence-unavailable')
  afterEach(() => pool.close())

  it('runs jobs in order on a thread that stays', async () => {
    open()
    const echoes = await Promise.all([run('a'), run('b'), run('c')])
    assert.deepEqual(
      echoes.map(({ behaviour }) => behaviour),
      ['a', 'b', 'c'],
    )
    assert.equal(new Set(echoes.map(({ threadId }) => threadId)).size, 1)
  })
  it('runs on as many threads as it may, and no more', async () => {
    open({ size: 2 })
    const echoes = await Promise.all(Array.from({ length: 8 }, (_, index) => run(String(index))))
    assert.ok(new Set(echoes.map(({ threadId }) => threadId)).size <= 2)
  })
  it('sends trust material once, and again after a reset when there were many', async () => {
    open()
    assert.equal((await run('a')).trust, true)
    assert.equal((await run('b')).trust, false)
    for (let revision = 1; revision < 64; revision++)
      assert.equal((await run('c', { ...trust, revision: String(revision) })).reset, false)
    const { reset, revision } = await run('d', { ...trust, revision: '64' })
    assert.deepEqual({ reset, revision }, { reset: true, revision: '64' })
    assert.equal((await run('e')).trust, true)
  })
  for (const [behaviour, fault] of [
    ['hang', 'a job that takes too long'],
    ['exit', 'a thread that ends'],
    ['throw', 'a thread that crashes'],
    ['memory', 'a thread that eats memory'],
  ] as const)
    it(`${fault} leaves its job undecided, and the next one has a new thread`, async () => {
      open({ jobLimitMs: behaviour === 'hang' ? 50 : 60_000 })
      const { threadId } = await run('a')
      const bad = assertUndecided(run(behaviour))
      const waiting = run('b')
      await bad
      assert.notEqual((await waiting).threadId, threadId)
    }).timeout(60_000)
  it('a job that fails by our own fault is undecided', async () => {
    open()
    await assertUndecided(run('fail'))
    assert.equal((await run('a')).behaviour, 'a')
  })
  it('a thread that cannot load leaves its job undecided, one after the other', async () => {
    open({ script: new URL('./no-such-worker.ts', import.meta.url) })
    await Promise.all([assertUndecided(run('a')), assertUndecided(run('b')), assertUndecided(run('c'))])
  })
  it('a thread that does not load in time leaves its job undecided', async () => {
    open({ startLimitMs: 1, script: new URL('data:text/javascript,for(;;);') })
    await assertUndecided(run('a'))
  })
  it('turns away what is too much', async () => {
    open({ queueLimit: 2 })
    const jobs = ['a', 'b', 'c'].map((name) => run(name))
    await assertUndecided(run('d'))
    assert.equal((await Promise.all(jobs)).length, 3)
  })
  it('leaves everything undecided that is open when it closes, and all that comes after', async () => {
    open()
    const jobs = [run('hang'), run('a')].map(assertUndecided)
    await pool.close()
    await Promise.all(jobs)
    await assertUndecided(run('b'))
  })
})
