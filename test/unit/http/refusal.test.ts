import assert from 'node:assert/strict'
import { reason } from '../../../plugin/domain/reason.ts'
import { refuse, unavailable, type Refusal } from '../../../plugin/http/refusal.ts'
import { withdrawnReason } from '../../../plugin/domain/withdrawn.ts'
import { Served, json, type Answer } from './support.ts'

const REF = { name: 'widget', version: '1.0.0' }
const EXPLAIN = 'https://mirror.example/-/provenance/v1/packages/widget/1.0.0'
const ASCII = /^[\x20-\x7e]*$/

describe('refusals', () => {
  const served = new Served()
  before(() => served.start())
  after(() => served.stop())

  const refused = (changes: Partial<Refusal> = {}, method = 'GET'): Promise<Answer> => {
    const refusal: Refusal = { ref: REF, reasons: [reason('provenance-absent', 'it has no provenance')], rule: 'ours', nearestAllowed: '0.9.0', explain: EXPLAIN, ...changes }
    served.handler = (request, response) => { refuse(request, response, refusal) }
    return served.ask({ method })
  }
  const withMessage = (message: string, detail?: Record<string, string>): Promise<Answer> =>
    refused({ reasons: [reason('provenance-absent', message, detail)] })

  it('403, one sentence in reason phrase, error and message', async () => {
    const answer = await refused()
    const { error, message } = json(answer)
    assert.equal(answer.status, 403)
    assert.deepEqual([answer.phrase, message], [error, error])
  })
  it('the sentence says what, why, by which rule, what instead, and where to read on', async () => {
    const { phrase } = await refused()
    for (const part of ['widget@1.0.0', 'it has no provenance', '"ours"', 'widget@0.9.0', EXPLAIN]) assert.ok(phrase.includes(part), part)
  })
  it('the body names package, version, codes, explanation and what passes', async () => {
    const body = json(await refused())
    assert.deepEqual([body.package, body.version, body.explain, body.nearestAllowed], ['widget', '1.0.0', EXPLAIN, '0.9.0'])
    assert.deepEqual(body.reasons, [{ code: 'provenance-absent', message: 'it has no provenance' }])
  })
  it('what there is nothing to say of is left out', async () => {
    const answer = await refused({ ref: { name: 'widget' }, nearestAllowed: undefined, rule: undefined })
    const body = json(answer)
    assert.deepEqual(['version', 'nearestAllowed'].filter((key) => Object.hasOwn(body, key)), [])
    assert.match(answer.phrase, /^every version of widget is refused/)
    assert.ok(!answer.phrase.includes('undefined'))
  })
  it('without any reason it is still a refusal', async () => assert.equal((await refused({ reasons: [] })).status, 403))
  it('is never kept by a cache', async () => assert.equal((await refused()).headers['cache-control'], 'no-store'))
  it('HEAD: the same headers, no body', async () => {
    const [get, head] = [await refused(), await refused({}, 'HEAD')]
    assert.deepEqual([head.status, head.phrase, head.headers['content-length'], head.body.length], [403, get.phrase, get.headers['content-length'], 0])
  })

  describe('what an upstream wrote', () => {
    it('a line break does not split the response', async () => {
      const { status, headers, phrase } = await withMessage('bad\r\nSet-Cookie: a=b\r\n\r\n<html>')
      assert.deepEqual([status, headers['set-cookie']], [403, undefined])
      assert.match(phrase, ASCII)
    })
    it('terminal escapes are gone, from the sentence, from the reasons and from their details', async () => {
      const body = json(await withMessage('\x1b[31mred\x07', { actual: '\x1b]0;title\x07' }))
      const [first] = body.reasons as { message: string; detail: { actual: string } }[]
      for (const text of [body.error, first?.message, first?.detail.actual]) assert.match(String(text), ASCII)
    })
    it('what is no ASCII is replaced', async () => assert.match((await withMessage('p\u0430ckage \u{1f600}')).phrase, ASCII))
    it('a long text is cut short, everywhere', async () => {
      const { phrase, body } = await withMessage('x'.repeat(100_000), { actual: 'y'.repeat(100_000) })
      assert.equal(phrase.length, 400)
      assert.ok(body.length < 4000)
    })
    it('a long reason or rule name leaves what passes and the address to read on', async () => {
      const { phrase } = await refused({ reasons: [reason('condition-unmet', 'x'.repeat(1000))], rule: 'y'.repeat(1000) })
      assert.equal(phrase.length, 400)
      for (const part of ['widget@1.0.0 is refused: xxx', 'widget@0.9.0 passes', EXPLAIN]) assert.ok(phrase.includes(part), part)
    })
    it('a name or rule with a line break neither', async () => {
      const { phrase } = await refused({ ref: { name: 'a\nb', version: '1' }, rule: 'c\nd' })
      assert.match(phrase, ASCII)
    })
  })

  describe('undecided', () => {
    const undecided = (ref: { name?: string; version?: string }): Promise<Answer> => {
      served.handler = (request, response) => { unavailable(request, response, reason('evidence-unavailable', 'the registry\ndoes not answer'), ref) }
      return served.ask()
    }
    it('503, to be tried again in a second, never kept', async () => {
      const { status, headers } = await undecided(REF)
      assert.deepEqual([status, headers['retry-after'], headers['cache-control']], [503, '1', 'no-store'])
    })
    it('the same form of body, with the code', async () => {
      const answer = await undecided(REF)
      const body = json(answer)
      assert.deepEqual([body.error, body.package, body.version], [answer.phrase, 'widget', '1.0.0'])
      assert.equal((body.reasons as { code: string }[])[0]?.code, 'evidence-unavailable')
      assert.match(answer.phrase, ASCII)
    })
    for (const [ref, subject] of [[{}, 'this request'], [{ name: 'widget' }, 'widget'], [REF, 'widget@1.0.0']] as const)
      it(`of ${subject}`, async () => assert.ok((await undecided(ref)).phrase.startsWith(`cannot decide on ${subject} now`)))
  })

  it('a takedown has its own code', () => assert.equal(withdrawnReason(REF).code, 'version-withdrawn'))
})
