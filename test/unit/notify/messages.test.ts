/** What a message says: notices of entries and of time, Slack's form, and the signature of the specification's own example. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Gathered } from '../../../plugin/domain/notification.ts'
import { trustNotices, waiverNotices } from '../../../plugin/notify/concerns.ts'
import { explainedAt, genericBody } from '../../../plugin/notify/message.ts'
import { kindsOf, noticeOf } from '../../../plugin/notify/notice.ts'
import { keyOf, webhookHeaders } from '../../../plugin/notify/sign.ts'
import { slackBody } from '../../../plugin/notify/slack.ts'
import { AT, recordOf } from './support.ts'

const NOW = new Date(AT)
const DAY = 86_400_000
const BASE = 'https://npm.acme.example'
const told = (...records: readonly Parameters<typeof recordOf>[0][]): Gathered => {
  const notices = records.flatMap((record) => noticeOf(recordOf(record)) ?? [])
  return { counts: { refused: notices.length }, dropped: 0, notices }
}
interface Slack {
  readonly text: string
  readonly blocks: readonly { readonly type: string; readonly text: { readonly type: string; readonly text: string; readonly verbatim: boolean } }[]
  readonly link_names: number
}
const slackOf = (gathered: Gathered, base: string | undefined = BASE): Slack => JSON.parse(slackBody(gathered, { at: NOW, base })) as Slack

describe('notify: notices of the decision log', () => {
  for (const [kind, more, event] of [
    ['refused', {}, 'refused'],
    ['withheld', {}, 'withheld'],
    ['warned', { monitored: true }, 'monitored'],
    ['publish-refused', {}, 'publish-refused'],
    ['pin-pending', {}, 'pin-pending'],
    ['pin-approved', {}, 'pin-changed'],
    ['pin-dropped', {}, 'pin-changed'],
    ['policy-loaded', {}, 'policy-loaded'],
    ['policy-refused', {}, 'policy-refused'],
    ['ledger-reset', {}, 'ledger-reset'],
    ['recalled', {}, 'recalled'],
    ['recall-lifted', {}, 'recall-lifted'],
    ['entries-dropped', {}, 'log-incomplete'],
    ['served', {}, undefined],
    ['warned', {}, undefined],
    ['unavailable', {}, undefined],
    ['waiver-used', {}, undefined],
    ['published', {}, undefined],
  ] as const)
    it(`${kind} ${JSON.stringify(more)}: ${String(event)}`, () => {
      const notice = noticeOf(recordOf({ kind, ...more }))
      assert.equal(notice?.event, event)
      if (event !== undefined) assert.ok(kindsOf([event]).includes(kind))
    })
  it('a verdict is the same one whenever it comes, an event is another each time', () => {
    const keys = (record: Parameters<typeof recordOf>[0]): boolean => noticeOf(recordOf(record))?.key === noticeOf(recordOf({ ...record, at: '2026-06-02T00:00:00.000Z' }))?.key
    assert.equal(keys({ kind: 'refused' }), true)
    assert.equal(keys({ kind: 'recalled' }), false)
    assert.equal(keys({ kind: 'pin-pending' }), false)
  })
  it('the order of reasons makes no difference', () => {
    const [a, b] = [{ code: 'signature-absent', message: 'x' }, { code: 'provenance-absent', message: 'y' }]
    assert.equal(noticeOf(recordOf({ reasons: [a, b] }))?.key, noticeOf(recordOf({ reasons: [b, a] }))?.key)
  })
  it('what upstreams wrote is cleaned and bounded', () => {
    const long = 'x'.repeat(100_000)
    const notice = noticeOf(recordOf({ package: `evil\u001b[31m\u202e${long}`, reasons: Array.from({ length: 50 }, () => ({ code: 'signature-absent', message: `mallory@evil.example ${long}` })), detail: { long } }))
    const text = JSON.stringify({ ...notice, key: '' })
    assert.ok(text.length < 10_000, String(text.length))
    for (const word of ['\u001b', '\\u001b', '\u202e', 'mallory@']) assert.equal(text.includes(word), false, word)
  })
  for (const name of ['__proto__', 'constructor', 'hasOwnProperty'])
    it(`[16a,b] ${name} is a name like others`, () => {
      const body = JSON.parse(genericBody(told({ package: name, version: name, kind: 'refused' }), { id: 'm', at: NOW, base: BASE })) as { readonly entries: readonly { readonly package: string }[] }
      assert.equal(body.entries[0]?.package, name)
      assert.match(slackOf(told({ package: name })).text, new RegExp(name))
    })
})

describe('notify: what time brings', () => {
  const waiver = (expires: number) => ({ id: 'w1', package: 'left-pad@1.3.0', waives: ['provenance-absent'], approvedBy: 'ann', expires: new Date(NOW.getTime() + expires) })
  const keys = (expires: number): readonly string[] => waiverNotices([waiver(expires)], NOW).map(({ key }) => key)
  it('a waiver is told of 14 days before its end, 3 days before and when it has ended; each once', () => {
    assert.deepEqual([15, 14, 13, 4, 3, 1, 0, -1, -8].map((days) => keys(days * DAY)), [
      [], ['["waiver","w1",14]'], ['["waiver","w1",14]'], ['["waiver","w1",14]'], ['["waiver","w1",3]'], ['["waiver","w1",3]'], ['["waiver","w1",0]'], ['["waiver","w1",0]'], [],
    ])
  })
  it('and says which, and when', () => {
    assert.match(waiverNotices([waiver(2 * DAY)], NOW)[0]?.text ?? '', /left-pad@1\.3\.0 \(provenance-absent\) ends in 2 days; approved by ann/)
  })
  it('no trust material is told of once a day', () => {
    const at = (days: number): string | undefined => trustNotices({ problems: ['no root'], asOf: new Map() }, new Date(NOW.getTime() + days * DAY))[0]?.key
    assert.equal(at(0), at(0.5))
    assert.notEqual(at(0), at(1))
  })
  it('old trust material is told of once a week, and files that do not say are none', () => {
    const at = (days: number): readonly (string | undefined)[] => trustNotices({ problems: [], asOf: new Map([['npmjs', NOW], ['files', undefined]]) }, new Date(NOW.getTime() + days * DAY)).map(({ key }) => key)
    assert.deepEqual([at(0), at(7)], [[], []])
    assert.deepEqual(at(8), at(13))
    assert.equal(at(8).length, 1)
    assert.notDeepEqual(at(8), at(15))
  })
})

describe('notify: Slack', () => {
  const HOSTILE = '<!channel> <https://evil.example|npm> & `@here` *x*'
  it('nothing that an upstream named is a mention, a link, or ends the code it stands in', () => {
    const { text, blocks, link_names } = slackOf(told({ package: HOSTILE, version: '<@U1>' }))
    const parts = [text, ...blocks.map((block) => block.text.text)]
    for (const part of parts) {
      assert.equal(/<(?!https:\/\/npm\.acme\.example\/-\/provenance\/)/.test(part), false, part)
      assert.equal(part.includes('`@here`'), false)
    }
    assert.ok(blocks.every((block) => block.text.verbatim))
    assert.equal(link_names, 0)
    assert.match(text, /`&lt;!channel&gt; &lt;https:\/\/evil\.example\|npm&gt; &amp; '@here' \*x\*@&lt;@U1&gt; was asked for and refused: signature-absent`/)
  })
  it('links to where it is explained, whatever the name', () => {
    assert.equal(explainedAt({ package: "@a/b>|<!'()*", version: '1.0.0|x>' }, BASE), `${BASE}/-/provenance/v1/packages/%40a%2Fb%3E%7C%3C%21%27%28%29%2a/1.0.0%7Cx%3E`)
  })
  it('what is too much for one message is counted, and no block is longer than Slack takes', () => {
    const gathered = told(...Array.from({ length: 10 }, (_one, index) => ({ package: `a${'x'.repeat(213)}`, version: `1.0.${String(index)}-${'y'.repeat(200)}` })))
    const { text, blocks } = slackOf({ ...gathered, counts: { refused: 500 } })
    assert.match(text, /500 refused/)
    assert.match(text, /and 490 more/)
    assert.ok(blocks.length > 2 && blocks.length < 50)
    for (const block of blocks) assert.ok(block.text.text.length <= 3000)
  })
  it('without a public address there are no links', () => {
    assert.equal(slackBody(told({}), { at: NOW, base: undefined }).includes('<'), false)
  })
})

describe('notify: signature', () => {
  it('is that of the example of Standard Webhooks', () => {
    const headers = webhookHeaders(
      { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', body: '{"test": 2432232314}' },
      new Date(1614265330_000),
      keyOf('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'),
    )
    assert.deepEqual(headers, {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    })
  })
  it('is what the example in the documentation takes, and nothing else', async () => {
    const page = readFileSync(path.resolve(import.meta.dirname, '../../../docs/notifications.md'), 'utf8')
    const code = /```js\n([\s\S]*?)```/.exec(page)?.[1] ?? assert.fail('no example')
    const { isGenuine } = (await import(`data:text/javascript,${encodeURIComponent(`${code}\nexport { isGenuine }`)}`)) as {
      readonly isGenuine: (headers: Readonly<Record<string, string>>, body: string, secret: string) => boolean
    }
    const secret = `whsec_${Buffer.alloc(32, 5).toString('base64')}`
    const body = '{"a":1}'
    const headers = webhookHeaders({ id: 'msg_1', body }, new Date(), keyOf(secret))
    assert.equal(isGenuine(headers, body, secret), true)
    assert.equal(isGenuine(headers, '{"a":2}', secret), false)
    assert.equal(isGenuine({ ...headers, 'webhook-id': 'msg_2' }, body, secret), false)
    assert.equal(isGenuine(webhookHeaders({ id: 'msg_1', body }, new Date(0), keyOf(secret)), body, secret), false)
    assert.equal(isGenuine(headers, body, `whsec_${Buffer.alloc(32, 6).toString('base64')}`), false)
  })
  it('a secret without prefix is its own bytes', () => { assert.deepEqual(keyOf('twenty-four bytes or more'), Buffer.from('twenty-four bytes or more')) })
})
