/** Half a minute of what `npm run load` does for half an hour. */
import assert from 'node:assert/strict'
import { installedDigest, pinnedDigest } from '../clients/support/programs.ts'
import { hasHaproxy } from '../support/haproxy.ts'
import { hasPostgres } from '../support/postgres.ts'
import { isBuilt } from '../support/process.ts'
import { hasRedis } from '../support/redis.ts'
import { load, type Outcome } from './run.ts'

const DURATION = 28_000

describe('load: two replicas behind the proxy, of which one is restarted', function () {
  this.timeout(300_000)
  let outcome: Outcome

  before(async function () {
    if (!isBuilt() || installedDigest() !== pinnedDigest()) {
      const missing = isBuilt() ? 'the clients are not installed (npm run clients)' : 'not built (npm run build)'
      if (process.env.CI === 'true') throw new Error(missing)
      process.stderr.write(`skipped: ${missing}\n`)
      this.skip()
    }
    if (!hasPostgres() || !hasRedis() || !hasHaproxy()) this.skip()
    outcome = await load({ duration: DURATION, restartEvery: 8000, redisEvery: 2, operatorEvery: 3, drain: '2s', packages: 60, seed: 1, say: () => undefined })
  })

  it('no install fails', () => {
    const { failed, deeds } = outcome.tally
    assert.deepEqual(failed.map(({ what, during, ran }) => ({ what, during, output: ran.output })), [])
    assert.ok(deeds.some(({ client, during }) => client !== undefined && during.length > 0), outcome.lines.join('\n'))
  })
  it('both copies of the ledger end the same, and nobody ended badly', () => { assert.deepEqual(outcome.tally.faults, [], outcome.lines.join('\n')) })
  it('and replicas were restarted meanwhile', () => { assert.ok(outcome.tally.restarts.length >= 2, outcome.lines.join('\n')) })
})
