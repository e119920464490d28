import assert from 'node:assert/strict'
import { Tinypool } from 'tinypool'
import { heapOnly } from '../../../plugin/threads/memory.ts'
import { THREADS } from '../../../plugin/threads/pool.ts'
import type run from './keeper.ts'

type Kept = ReturnType<typeof run>

describe('memory of packument threads', function () {
  this.timeout(20_000)
  const threads = new Tinypool({ ...THREADS, filename: new URL('./keeper.ts', import.meta.url).href, maxThreads: 1 })
  const leaves = async (megabytes: number): Promise<Kept> => (await threads.run(megabytes)) as Kept
  after(() => threads.destroy())

  it('is that of the heap: nothing is read from /proc after a job', async () => {
    const { rss, differs } = await leaves(0)
    assert.equal(rss, 0)
    assert.ok(differs < 1024 ** 2)
  })
  it('a thread goes on while little is left behind, and makes room for another above the bound', async () => {
    const [first, second] = [await leaves(0), await leaves(0)]
    assert.equal(second.thread, first.thread)
    const over = await leaves(THREADS.maxMemoryLimitBeforeRecycle / 1024 ** 2 + 20)
    assert.equal(over.thread, first.thread)
    const { thread } = await leaves(0)
    assert.notEqual(thread, first.thread)
    assert.equal((await leaves(0)).thread, thread)
  })
  it('the main thread keeps the whole answer', () => {
    assert.ok(process.memoryUsage().rss > 0)
    assert.ok(heapOnly().heapUsed > 0)
  })
})
