/** In processes of their own: V8's memory of a shape is the process'. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'

const KEEP = new URL('../../plugin/keep-ticks.ts', import.meta.url).href

/** Microseconds of CPU of fifty thousand ticks, the least of several rounds. */
function ticks(first: string): number {
  const script = `
    import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
    const { keepTickShape } = await import(${JSON.stringify(KEEP)})
    const nothing = () => undefined
    const round = async (rounds) => {
      const { user, system } = process.cpuUsage()
      for (let count = 0; count < rounds; count++) {
        for (let one = 0; one < 100; one++) process.nextTick(nothing)
        await turn()
      }
      const after = process.cpuUsage()
      return after.user + after.system - user - system
    }
    ${first}
    let least = Infinity
    for (let count = 0; count < 8; count++) least = Math.min(least, await round(500))
    console.log(least)`
  const { stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', '--expose-gc', '--input-type=module', '-e', script], { encoding: 'utf8' })
  assert.equal(stderr, '')
  return Number(stdout)
}

describe('ticks', function () {
  this.timeout(20_000)
  it('cost no more after a collection in a quiet moment', () => {
    const collected = ticks('keepTickShape(); await round(3); setTimeout(() => { gc(); gc() }, 1); await wait(20)')
    const never = ticks('await round(3)')
    assert.ok(collected < 2.5 * never, `${String(collected)} us, and ${String(never)} us without a collection`)
  })
})
