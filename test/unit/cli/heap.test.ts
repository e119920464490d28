/** The bounds of the heap, in a process of its own: they hold for all of it. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'

const HEAP = new URL('../../../plugin/cli/heap.ts', import.meta.url).href
const MB = 1024 ** 2

/** Bytes of the young generation after much was kept. */
const grown = (before: string): number => {
  const script = `
    const { boundYoungGeneration, collectGarbage, sizeOfYoungGeneration } = await import(${JSON.stringify(HEAP)})
    ${before}
    const kept = Array.from({ length: 1_500_000 }, (_, index) => ({ index }))
    console.log(sizeOfYoungGeneration(), kept.length)`
  const { stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', '--input-type=module', '-e', script], { encoding: 'utf8' })
  assert.equal(stderr, '')
  return Number(stdout.split(' ')[0])
}

describe('the heap of `serve`', function () {
  this.timeout(20_000)
  it('keeps its young generation small, and large enough', () => {
    const size = grown('boundYoungGeneration()')
    assert.ok(size >= 15 * MB && size <= 40 * MB, String(size))
  })
  it('has what loading left behind collected', () => {
    assert.ok(grown('collectGarbage()') > 0)
  })
})
