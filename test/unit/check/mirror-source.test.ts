import assert from 'node:assert/strict'
import http, { type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { MirrorSource } from '../../../plugin/check/mirror-source.ts'
import type { JsonObject } from '../../../plugin/domain/json.ts'

const ALLOWED = { verdict: { outcome: 'allow', rule: 'all', reasons: [] }, integrity: 'sha512-x' }

describe('asking a running mirror about many versions', () => {
  let server: http.Server
  let source: MirrorSource
  let asked: string[]
  let batch: (specs: readonly string[]) => readonly [status: number, body: JsonObject]
  before(async () => {
    server = http.createServer((request, response) => {
      void answer(request).then(([status, body]) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => { resolve() }))
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  beforeEach(async () => {
    batch = (specs) => [200, { results: specs.map((spec) => ({ package: spec.split('@')[0] ?? '', version: '1.0.0', ...ALLOWED })) }]
    const { port } = server.address() as AddressInfo
    source = await MirrorSource.open({ url: new URL(`http://127.0.0.1:${port}/`), token: undefined })
    asked = []
  })
  async function answer(request: IncomingMessage): Promise<readonly [number, JsonObject]> {
    if (request.url === '/-/provenance/ready') return [200, { ready: true }]
    asked.push(`${request.method ?? ''} ${(request.url ?? '').replace('/-/provenance/v1/', '')}`)
    if (request.method !== 'POST') return [200, { outcome: 'warn', rule: 'one by one', reasons: [{ code: 'provenance-absent', message: 'x' }] }]
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    return batch((JSON.parse(Buffer.concat(chunks).toString()) as { specs: string[] }).specs)
  }
  const refs = (count: number) => Array.from({ length: count }, (_, index) => ({ name: `p${index}`, version: '1.0.0' }))
  const ruleOf = async (name: string): Promise<unknown> => {
    const [one] = (await source.judge(name, ['1.0.0'])).values()
    return one?.state === 'judged' ? one.rule : one?.state
  }

  it('asks about 600 in three questions, and then nobody', async () => {
    await source.prefetch(refs(600))
    for (const { name } of refs(600)) assert.equal(await ruleOf(name), 'all')
    assert.deepEqual(asked, ['POST check', 'POST check', 'POST check'])
  })
  it('one is asked about as ever', async () => {
    await source.prefetch(refs(1))
    assert.equal(await ruleOf('p0'), 'one by one')
    assert.deepEqual(asked, ['GET packages/p0/1.0.0'])
  })
  for (const status of [404, 405, 429, 500, 503])
    it(`a mirror that answers ${status} is asked one by one`, async () => {
      batch = () => [status, { error: 'no' }]
      await source.prefetch(refs(2))
      assert.equal(await ruleOf('p0'), 'one by one')
    })
  it('nobody has it', async () => {
    batch = () => [200, { results: [{ package: 'p0', version: '1.0.0', status: 404, verdict: { outcome: 'absent' } }] }]
    await source.prefetch(refs(2))
    assert.equal(await ruleOf('p0'), 'absent')
  })
  for (const [what, result] of [
    ['that nobody was asked about', { ...ALLOWED, asked: false }],
    ['that nobody was asked about and is not known', { status: 404, asked: false, verdict: { outcome: 'absent' } }],
    ['that may not be told', { status: 403, verdict: { outcome: 'forbidden' } }],
    ['without a verdict', {}],
    ['of another name', { ...ALLOWED, package: 'p1' }],
  ] as const)
    it(`${what}: it is asked for by itself`, async () => {
      batch = () => [200, { results: [{ package: 'p0', version: '1.0.0', ...result }] }]
      await source.prefetch(refs(2))
      assert.equal(await ruleOf('p0'), 'one by one')
    })
  it('a verdict without an outcome is no allow', async () => {
    batch = () => [200, { results: [{ package: 'p0', version: '1.0.0', verdict: { rule: 'x', reasons: [] } }] }]
    await source.prefetch(refs(2))
    const [one] = (await source.judge('p0', ['1.0.0'])).values()
    assert.equal(one?.state === 'judged' && one.outcome, 'unavailable')
  })
})
