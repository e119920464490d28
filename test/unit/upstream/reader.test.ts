import assert from 'node:assert/strict'
import { Unavailable } from '../../../plugin/domain/errors.ts'
import type { PackumentReader } from '../../../plugin/domain/ports.ts'
import { PackumentThreads } from '../../../plugin/threads/pool.ts'
import { Fixture, json, packumentOf, unavailable } from './support.ts'

describe('upstream: a mirror that cannot read just now', () => {
  let fixture: Fixture
  let asked: number
  afterEach(() => fixture.dispose())

  it('is no failure of the uplink: it is neither asked again for it nor left alone', async () => {
    asked = 0
    fixture = await Fixture.create((_request, response) => {
      asked++
      json(response, packumentOf('widget', '1.0.0'))
    })
    const threads = new PackumentThreads()
    let isBusy = true
    const reader: PackumentReader = {
      read: (...args) => (isBusy ? Promise.reject(new Unavailable('evidence-unavailable', 'too many wait already')) : threads.read(...args)),
    }
    const client = await fixture.client({ retries: 3, max_fails: 1, fail_timeout: 60_000 }, { reader })
    await assert.rejects(client.packument('widget'), unavailable)
    assert.equal(asked, 1)
    isBusy = false
    assert.notEqual(await client.packument('widget'), 'absent')
    assert.equal(asked, 2)
  })
})
