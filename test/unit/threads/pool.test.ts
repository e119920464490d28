import assert from 'node:assert/strict'
import { gunzipSync, gzipSync } from 'node:zlib'
import { parsePackument } from '../../../plugin/domain/packument.ts'
import { UnreadableDocument } from '../../../plugin/domain/ports.ts'
import { reason } from '../../../plugin/domain/reason.ts'
import type { Verdict } from '../../../plugin/domain/verdict.ts'
import { noWork } from '../../../plugin/domain/work.ts'
import { rewritePackument } from '../../../plugin/enforce/rewrite.ts'
import { buildAnswer, instructionsFor, type Instructions } from '../../../plugin/threads/build.ts'
import { PackumentThreads } from '../../../plugin/threads/pool.ts'
import { storePackument } from '../../../plugin/threads/stored.ts'

const DOCUMENT = {
  name: 'widget',
  'dist-tags': { latest: '1.2.0', next: '2.0.0' },
  time: { '1.0.0': '2026-01-01T00:00:00Z', '1.1.0': '2026-01-02T00:00:00Z', '1.2.0': '2026-01-03T00:00:00Z', '2.0.0': '2026-01-04T00:00:00Z' },
  versions: Object.fromEntries(['1.0.0', '1.1.0', '1.2.0', '2.0.0', 'v3'].map((version) => [version, { name: 'widget', version, dist: { tarball: 'https://registry.example/x.tgz', attestations: { url: 'u', provenance: { predicateType: 'p' } } } }])),
}
const bytes = Buffer.from(JSON.stringify(DOCUMENT))
const REASONS = [reason('denied-by-rule', 'recalled')]
const VERDICTS: ReadonlyMap<string, Verdict> = new Map<string, Verdict>([
  ['1.0.0', { outcome: 'allow', rule: 'r', reasons: [] }],
  ['1.1.0', { outcome: 'warn', rule: 'r', reasons: REASONS }],
  ['1.2.0', { outcome: 'deny', rule: 'r', reasons: REASONS }],
  ['2.0.0', { outcome: 'unavailable', rule: 'r', reasons: [reason('verification-pending', 'later')] }],
  ['v3', { outcome: 'allow', rule: 'r', reasons: [] }],
])
const OPTIONS = { baseUrl: 'https://npm.acme.example', withheld: 'hidden', withholdUnavailable: false, restored: new Map(), form: 'full' } as const

describe('packument threads', function () {
  this.timeout(20_000)
  const threads = new PackumentThreads()
  const faultOf = (body: Parameters<PackumentThreads['read']>[1], limit = 1e6): Promise<string> =>
    threads.read('widget', body, limit).then(() => 'none', (error: unknown) => (error instanceof UnreadableDocument ? error.fault : String(error)))

  it('what is read has the digest and size of the document, folded or not', async () => {
    const [plain, folded] = await Promise.all([threads.read('widget', { wire: bytes, encoding: 'identity' }, 1e6), threads.read('widget', { wire: gzipSync(bytes), encoding: 'gzip' }, 1e6)])
    assert.deepEqual([plain.digest, plain.size], [folded.digest, bytes.length])
    assert.deepEqual(folded.packument.versions.get('1.0.0')?.raw, DOCUMENT.versions['1.0.0'])
  })
  it('each fault is told apart', async () => {
    assert.equal(await faultOf({ wire: Buffer.from('no gzip'), encoding: 'gzip' }), 'undecodable')
    assert.equal(await faultOf({ wire: gzipSync(bytes).subarray(0, 40), encoding: 'gzip' }), 'undecodable')
    assert.equal(await faultOf({ wire: gzipSync(Buffer.alloc(1e6)), encoding: 'gzip' }, 1e5), 'too-large')
    assert.equal(await faultOf({ wire: Buffer.from('{"name":"other","versions":{}}'), encoding: 'identity' }), 'unreadable')
    assert.equal(await faultOf({ wire: Buffer.from('{'), encoding: 'identity' }), 'unreadable')
  })
  it('[17b] more values than fit into memory are not parsed: it would end the process, not the thread', async () => {
    const of = (values: number): Buffer => Buffer.concat([Buffer.from('{"name":"widget","versions":{},"junk":['), Buffer.alloc(values * 2, '0,'), Buffer.from('0]}')])
    assert.equal(await faultOf({ wire: of(10_000_001), encoding: 'identity' }, 1e9), 'unreadable')
    assert.equal(await faultOf({ wire: of(1_000_000), encoding: 'identity' }, 1e9), 'none')
  })
  for (const form of ['full', 'abbreviated'] as const)
    for (const withheld of ['hidden', 'marked'] as const)
      for (const withholdUnavailable of [false, true])
        it(`${form}, ${withheld}, undecided ${withholdUnavailable ? 'withheld' : 'listed'}: an answer says what it would say on the event loop`, async () => {
          const packument = parsePackument(DOCUMENT, 'widget')
          const options = { ...OPTIONS, form, withheld, withholdUnavailable, restored: new Map([['1.0.0', { attestations: {} }]]) }
          const expected = rewritePackument(packument, VERDICTS, options)
          const { identity, gzip, ...rest } = buildAnswer({ stored: storePackument(packument), instructions: await instructionsFor(packument, VERDICTS, options) })
          assert.deepEqual(JSON.parse(Buffer.from(identity).toString()), JSON.parse(JSON.stringify(expected.document)))
          assert.deepEqual(gunzipSync(gzip), Buffer.from(identity))
          assert.deepEqual([rest.listed, rest.withheld, rest.marked, rest.latestMoved], [expected.listed, expected.withheld.map(({ version }) => version), expected.marked, expected.latestMoved])
        })
  it('a version that was judged by nobody is not in it', async () => {
    const packument = parsePackument(DOCUMENT, 'widget')
    const instructions = await instructionsFor(packument, new Map([['1.0.0', VERDICTS.get('1.0.0')!]]), OPTIONS)
    const { listed, withheld } = buildAnswer({ stored: storePackument(packument), instructions })
    assert.deepEqual([listed, withheld], [1, ['1.1.0', '1.2.0', '2.0.0', 'v3']])
    const none: Instructions = { ...instructions, outcomes: new Uint8Array() }
    assert.equal(buildAnswer({ stored: storePackument(packument), instructions: none }).listed, 0)
  })
  it('counts what it does', async () => {
    const work = noWork()
    const counted = new PackumentThreads(work)
    await counted.read('widget', { wire: bytes, encoding: 'identity' }, 1e6)

    assert.equal(work.reads, 1)
  })
})
