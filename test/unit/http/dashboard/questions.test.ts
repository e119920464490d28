import assert from 'node:assert/strict'
import { BadQuery } from '../../../../plugin/domain/decision.ts'
import type { JsonObject } from '../../../../plugin/domain/json.ts'
import { QuestionRefused, questionOf } from '../../../../plugin/http/dashboard/check.ts'
import { overviewRoute, rangeOf, ruleHits } from '../../../../plugin/http/dashboard/overview.ts'
import { AUTH, Behind, FakeLog } from './support.ts'

const NOW = new Date('2027-03-01T12:00:00Z')
const clock = { now: () => NOW }

describe('a check as it is sent', () => {
  const read = (body: JsonObject, headers = {}): ReturnType<typeof questionOf> => questionOf({ body, headers })
  const statusOf = (body: JsonObject, headers = {}): number => {
    try {
      read(body, headers)
      return 200
    } catch (error) {
      assert.ok(error instanceof QuestionRefused)
      return error.status
    }
  }
  it('is a lockfile, specs, a policy', () => {
    assert.deepEqual(read({ lockfile: '{}', fileName: 'yarn.lock', specs: ['a@1.0.0'], policy: 'version: 1' }), {
      lockfile: { file: 'yarn.lock', text: '{}', manifest: undefined },
      specs: ['a@1.0.0'],
      policy: 'version: 1',
    })
  })
  it('what of it means nothing is 400', () => {
    for (const body of [{}, { specs: [] }, { specs: 'a' }, { specs: [1] }, { specs: ['x'.repeat(601)] }, { lockfile: {} }, { policy: 1 }, { lockFile: '{}' }, { constructor: '{}' }] as JsonObject[]) assert.equal(statusOf(body), 400, JSON.stringify(body))
  })
  it('[9] is no larger than 5 MB, however its length is told', () => {
    assert.equal(statusOf({ lockfile: 'x'.repeat(5 * 1024 ** 2) }), 200)
    assert.equal(statusOf({ lockfile: 'é'.repeat(3 * 1024 ** 2) }), 413)
    assert.equal(statusOf({ lockfile: '{}' }, { 'content-length': String(5 * 1024 ** 2 + 1) }), 413)
    assert.equal(statusOf({ specs: Array.from({ length: 20_001 }, () => 'a') }), 413)
  })
  it('a name of a file is text for messages', () => assert.equal(read({ lockfile: '{}', fileName: '\u001b[31m/etc\npasswd' }).lockfile?.file, '?[31m/etc?passwd'))
})

describe('overview', () => {
  const range = (query = ''): ReturnType<typeof rangeOf> => rangeOf(new URLSearchParams(query), NOW)
  it('is of the last day, in buckets that a plot has room for', () => {
    assert.deepEqual(range(), { from: '2027-02-28T12:00:00.000Z', to: '2027-03-01T12:00:00.000Z', bucket: 900 })
    assert.equal(range('from=2027-02-01').bucket, 6 * 3600 * 2)
    assert.equal(range('from=2026-02-01').bucket, 7 * 24 * 3600)
    assert.equal(range('from=2027-03-01T11:00:00Z&bucket=300').bucket, 300)
  })
  for (const query of ['from=2027-03-02', 'from=2020-01-01', 'bucket=1', 'bucket=x', 'to=never', 'until=now'])
    it(`${query} makes no sense`, () => assert.throws(() => range(query), BadQuery))

  it('[15h] names the packages that whoever asks may access', async () => {
    const log = new FakeLog()
    const server = new Behind('/', overviewRoute({ auth: AUTH, log, status: () => ({ mode: 'enforce' }), clock }))
    await server.start()
    const { text } = await server.ask('/')
    server.stop()
    const { packages, mode, series } = JSON.parse(text) as { packages: object[]; mode: string; series: object[] }
    assert.deepEqual([packages, mode, series.length], [[{ package: 'widget', count: 2 }], 'enforce', 1])
  })

  it('hits of rules are counted every half minute at most, and again after a failure', async () => {
    const log = new FakeLog()
    let now = NOW
    const hits = ruleHits(log, { now: () => now })
    assert.deepEqual((await hits()).rules.get('everything'), { refused: 3 })
    await hits()
    assert.equal(log.summaries, 1)
    now = new Date(NOW.getTime() + 31_000)
    await hits()
    assert.equal(log.summaries, 2)
    now = new Date(now.getTime() + 31_000)
    log.summary = () => Promise.reject(new Error('gone'))
    await assert.rejects(hits())
    log.summary = FakeLog.prototype.summary.bind(log)
    assert.ok((await hits()).rules.has('everything'))
  })
})
