import assert from 'node:assert/strict'
import { decisionsRoute, streamRoute } from '../../../../plugin/http/dashboard/decisions.ts'
import { LiveDecisions } from '../../../../plugin/http/dashboard/live.ts'
import type { LogEntry } from '../../../../plugin/domain/decision.ts'
import { AUTH, Behind, BOB, CAROL, entry, FakeLog, GROUPS, type Answer } from './support.ts'

const json = ({ text }: Answer): { entries: LogEntry[]; cursor: string | null; error: string } => JSON.parse(text) as { entries: LogEntry[]; cursor: string | null; error: string }

describe('decisions over HTTP', () => {
  let log: FakeLog
  let server: Behind
  beforeEach(async () => {
    log = new FakeLog()
    server = new Behind('/decisions', decisionsRoute({ auth: AUTH, groups: GROUPS, log, live: new LiveDecisions(log) }))
    await server.start()
  })
  afterEach(() => { server.stop() })
  const ask = (query = '', headers = {}): Promise<Answer> => server.ask(`/decisions${query}`, { headers })

  it('hands the question to the log as it stands', async () => {
    await ask('?kind=refused&kind=served&outcome=deny&reason=provenance-absent&package=@acme/*&from=2027-01-01T01:00:00%2B01:00&order=oldest&limit=7')
    const { kinds, outcomes, reasons, package: name, from, order, limit } = log.asked[0]!
    assert.deepEqual([kinds, outcomes, reasons, name, from, order, limit], [['refused', 'served'], ['deny'], ['provenance-absent'], '@acme/*', '2027-01-01T00:00:00.000Z', 'oldest', 7])
  })

  for (const [what, query] of [
    ['a parameter that is none', '?packge=x'],
    ['a parameter of Object', '?constructor=x'],
    ['one value given twice', '?package=a&package=b'],
    ['a reason that is none', '?reason=bad-luck'],
    ['an outcome that is none', '?outcome=maybe'],
    ['a kind that cannot be one', '?kind=%0d%0a'],
    ['a time that is none', '?from=yesterday'],
    ['a limit that is none', '?limit=0'],
    ['an order that is none', '?order=up'],
    ['a value without end', `?text=${'x'.repeat(600)}`],
    ['a cursor of another question', '?cursor=x'],
  ] as const)
    it(`${what} is 400, with what is wrong`, async () => {
      const answer = await ask(query)
      assert.equal(answer.status, 400)
      assert.match(json(answer).error, /^[\x20-\x7e]{8,400}$/)
    })

  it('[15h] leaves out entries of packages that whoever asks may not access', async () => {
    log.entries = [entry(1, { package: 'secret' }), entry(2), entry(3, { package: null, kind: 'policy-loaded' })]
    log.size = 3
    const { text } = await ask()
    assert.equal(text.includes('secret'), false)
    assert.deepEqual(json({ text } as Answer).entries.map(({ sequence }) => sequence), [2, 3])
  })

  it('goes on past pages of which nothing may be seen', async () => {
    log.entries = [1, 2, 3, 4].map((sequence) => entry(sequence, { package: 'secret' })).concat(entry(5))
    const { entries, cursor } = json(await ask())
    assert.deepEqual([entries.map(({ sequence }) => sequence), cursor], [[5], null])
  })

  it('a page may be short, and the next one is where it says', async () => {
    log.entries = [entry(1), entry(2, { package: 'secret' }), entry(3)]
    const { entries, cursor } = json(await ask())
    assert.deepEqual([entries.length, cursor], [1, '2'])
  })

  it('shows who asked to those who have to act on it, and to themselves', async () => {
    log.entries = [entry(1, { asker: { address: '10.9.9.9', client: 'yarn', user: 'dave', token: 't9' } }), entry(2)]
    const [others, own] = json(await ask()).entries
    assert.deepEqual([others?.asker, own?.asker.address], [{ address: null, client: null, user: null, token: null }, '10.0.0.1'])
    server.user = CAROL
    assert.equal(json(await ask()).entries[0]?.asker.address, '10.9.9.9')
  })

  it('keeps hashes back with what they are of: an address could be tried out against them', async () => {
    log.entries = [entry(1)]
    const [shown] = json(await ask()).entries
    assert.deepEqual([shown?.hash, shown?.previous], [undefined, undefined])
    server.user = CAROL
    assert.equal(json(await ask()).entries[0]?.hash, 'b'.repeat(64))
  })

  it('who asked is no question of others', async () => {
    assert.deepEqual([(await ask('?user=dave')).status, (await ask('?address=10.0.0.1')).status, (await ask('?user=bob')).status], [403, 403, 200])
    server.user = CAROL
    assert.equal((await ask('?user=dave')).status, 200)
  })

  it('a text that the log found in the name of a user is not found by others', async () => {
    log.entries = [entry(1, { asker: { address: null, client: null, user: 'dave', token: null } }), entry(2, { package: 'dave-tools' })]
    assert.deepEqual(json(await ask('?text=Dave')).entries.map(({ sequence }) => sequence), [2])
    server.user = CAROL
    assert.equal(json(await ask('?text=Dave')).entries.length, 2)
  })

  it('exports all that may be seen as JSON Lines', async () => {
    log.entries = [entry(1), entry(2, { package: 'secret' }), entry(3)]
    const { headers, text } = await ask('', { accept: 'application/x-ndjson' })
    assert.deepEqual([headers['content-type'], headers['content-disposition']], ['application/x-ndjson', 'attachment; filename="decisions.jsonl"'])
    assert.deepEqual(text.trim().split('\n').map((line) => (JSON.parse(line) as LogEntry).sequence), [1, 3])
  })

  it('exports CSV in which nothing is a formula, or another cell', async () => {
    log.entries = [entry(1, { package: '=cmd|calc', version: '1,0"0', rule: '+1\n2' })]
    server.user = CAROL
    const [head, row] = (await ask('', { accept: 'text/csv' })).text.split('\r\n')
    assert.equal(head?.split(',').slice(0, 4).join(), 'at,kind,package,version')
    assert.ok(row?.includes(`'=cmd|calc,"1,0""0"`), row)
    assert.ok(row?.includes(`"'+1\n2"`), row)
  })

  it('an empty export has its head', async () => assert.match((await ask('', { accept: 'text/csv' })).text, /^at,kind,.*\r\n$/))

  it('a browser that asks for anything gets a page', async () => assert.deepEqual(json(await ask('', { accept: '*/*' })).entries, []))
})

describe('following decisions', () => {
  let log: FakeLog
  let live: LiveDecisions
  let server: Behind
  beforeEach(async () => {
    log = new FakeLog()
    live = new LiveDecisions(log, { streams: 1, beat: 5 })
    server = new Behind('/stream', streamRoute({ auth: AUTH, groups: GROUPS, log, live }))
    await server.start()
  })
  afterEach(() => {
    live.close()
    server.stop()
  })
  const followed = async (): Promise<(entries: readonly LogEntry[]) => void> => {
    while (log.followers.size === 0) await new Promise(setImmediate)
    return [...log.followers][0]!
  }

  it('sends entries as they are kept, those that may be seen', async () => {
    const answer = server.ask('/stream', { until: '"sequence":3' })
    const tell = await followed()
    tell([entry(1, { package: 'secret' })])
    tell([entry(2, { package: 'secret' }), entry(3, { package: 'a\nevent: entries' })])
    const { text, headers } = await answer
    assert.match(headers['cache-control'] ?? '', /no-transform/)
    assert.equal(text.includes('secret'), false)
    assert.deepEqual(text.split('\n').filter((line) => line.startsWith('event:')), ['event: entries'])
  })

  it('gives signs of life', async () => assert.match((await server.ask('/stream', { until: 'still here' })).text, /^: following\n\n: still here/))

  it('has room for so many, and lets go of those who left', async () => {
    const first = server.ask('/stream', { until: 'still here' })
    await followed()
    assert.equal((await server.ask('/stream')).status, 503)
    await first
    while (log.followers.size > 0) await new Promise(setImmediate)
    assert.equal((await server.ask('/stream', { until: 'following' })).status, 200)
  })

  it('ends when the mirror does', async () => {
    const answer = server.ask('/stream')
    await followed()
    live.close()
    assert.equal((await answer).status, 200)
    assert.equal((await server.ask('/stream')).status, 503)
  })

  it('an answer about its head has an end', async () => assert.equal((await server.ask('/stream', { method: 'HEAD' })).status, 200))

  it('ends where the auth plugins fail: nobody is shown what nobody allowed', async () => {
    server.stop()
    const failing = { allow_access: (_pkg: object, _user: unknown, done: (error: Error) => void) => { done(new Error('LDAP is gone')) } }
    server = new Behind('/stream', streamRoute({ auth: failing as never, groups: GROUPS, log, live }))
    await server.start()
    server.user = BOB
    const answer = server.ask('/stream')
    ;(await followed())([entry(1)])
    assert.equal((await answer).text.includes('widget'), false)
  })
})
