/** The routes over a pipeline that answers as each test says: who is let in, and what becomes of each answer. */
import assert from 'node:assert/strict'
import http, { type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type NextFunction, type Request, type Response } from 'express'
import type { Problem } from '../../../plugin/domain/state.ts'
import { Unavailable } from '../../../plugin/domain/errors.ts'
import type { Policy } from '../../../plugin/domain/ports.ts'
import { reason, type Reason } from '../../../plugin/domain/reason.ts'
import type { Outcome, Verdict } from '../../../plugin/domain/verdict.ts'
import { createRouter, type RouterDeps } from '../../../plugin/http/router.ts'
import { Listing } from '../../../plugin/pipeline/listing.ts'
import type { Judgement, TarballAnswer } from '../../../plugin/pipeline/pipeline.ts'
import { candidate } from '../policy/support.ts'
import { NOW, documentOf, later, plainPolicy } from '../pipeline/support.ts'

const ABBREVIATED = 'application/vnd.npm.install-v1+json'
/** What answers behind the routes: Verdaccio's core. */
const CORE = 299
const BYTES = Buffer.from('the bytes of a tarball')
const FILE = '/widget/-/widget-1.0.0.tgz'
const INTEGRITY = `sha512-${'A'.repeat(86)}==`
const EVERYWHERE = [
  '/widget', '/widget/1.0.0', FILE, '/-/package/widget/dist-tags', '/-/npm/v1/attestations/widget@1.0.0',
  '/-/provenance/v1/packages/widget', '/-/provenance/v1/packages/widget/1.0.0',
]

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

const verdict = (outcome: Outcome, ...reasons: readonly Reason[]): Verdict => ({ outcome, rule: 'ours', reasons })
const DENY = verdict('deny', reason('provenance-absent', 'it has no provenance'))
const UNDECIDED = verdict('unavailable', reason('evidence-unavailable', 'no answer'))

function listingOf(verdicts: Readonly<Record<string, Verdict>>, policy: Policy = plainPolicy(), latest?: string): Listing {
  const versions = Object.fromEntries(Object.keys(verdicts).map((version) => [version, {}]))
  const document = documentOf(versions, latest === undefined ? {} : { 'dist-tags': { latest } })
  return new Listing(document, 'main', policy, new Map(Object.entries(verdicts)), new Map(), NOW, [])
}
const judgement = (one: Verdict): Judgement => ({ ref: { name: 'widget', version: '1.0.0' }, candidate: candidate({ ref: { name: 'widget', version: '1.0.0' } }), verdict: one, policyRevision: 'p1' })

describe('router', () => {
  let server: http.Server
  let asked: string[]
  let logged: number
  let local: () => Promise<readonly string[]>
  let access: (done: (error: Error | null, allowed?: boolean) => void) => void
  let accessed: object[]
  let publish: typeof access
  let unfiltered: number
  let stored: object
  let listing: () => Promise<Listing | 'absent'>
  let tarball: () => Promise<TarballAnswer>
  let judged: () => Promise<Judgement | 'absent'>
  let attestations: () => Promise<Uint8Array | 'absent'>
  let exists: () => Promise<boolean>
  let knew: boolean
  let problems: readonly Problem[]
  let mayShadow: boolean
  let user: unknown
  let publicGood: boolean

  before(async () => {
    const note = <Result>(what: string, run: () => Result): Result => {
      asked.push(what)
      return run()
    }
    const deps = {
      pipeline: {
        listing: () => note('listing', listing),
        tarball: () => note('tarball', tarball),
        judge: () => note('judge', judged),
        attestations: () => note('attestations', attestations),
        exists: () => note('exists', exists),
        evidence: () => Promise.resolve([]),
        knew: () => knew,
        recalled: () => undefined,
      },
      auth: {
        allow_access: (pkg: object, _user: object, done: Parameters<typeof access>[0]) => {
          accessed.push(pkg)
          access(done)
        },
        allow_publish: (_pkg: object, _user: object, done: Parameters<typeof access>[0]) => { publish(done) },
        allow_unpublish: (_pkg: object, _user: object, done: Parameters<typeof access>[0]) => { publish(done) },
        webUIJWTmiddleware: () => (_request: Request, _response: Response, next: NextFunction) => { next() },
      },
      storage: {
        readTokens: () => Promise.resolve([]),
        localStorage: { storagePlugin: { get: () => local() } },
        getPackage: ({ callback }: { callback: (error: null, manifest: object) => void }) => { callback(null, stored) },
        getLocalDatabase: (callback: (error: null, latest: readonly object[]) => void) => { callback(null, []) },
      },
      serverId: 'here',
      logger: { warn: () => undefined, error: () => { logged++ } },
      policy: () => plainPolicy(),
      registryKeys: () => [],
      localKeys: () => [],
      addresses: { urls: [], prefix: '' },
      mayShadow: () => mayShadow,
      builders: (name: string) => ({ package: name, pins: [], pending: [], decisions: [] }),
      publishedHere: { has: () => false, note: () => undefined },
      local: {
        pipeline: {
          listing: () => note('here: listing', listing),
          tarball: () => note('here: tarball', tarball),
          judge: () => note('here: judge', judged),
          evidence: () => Promise.resolve([]),
          knew: () => false,
          recalled: () => undefined,
        },
        registry: {
          remember: () => note('here: remember', () => Promise.resolve()),
          packument: () => note('here: packument', () => Promise.resolve(documentOf({ '1.0.0': { dist: { integrity: INTEGRITY } } }))),
        },
        evidence: { evidenceOf: () => ({ predicateType: 'x', publicGood, document: Buffer.from('{"attestations":[]}') }) },
        ledger: {},
        signer: { revision: () => 'r1', signatures: () => new Map([['1.0.0', { keyid: 'mine', sig: 'sig' }]]) },
      },
      unfiltered: (run: () => void) => {
        unfiltered++
        run()
      },
      latest: () => Promise.resolve([]),
      dashboard: {
        enabled: true,
        groups: { read: ['$authenticated'], write: [] },
        log: { summary: () => Promise.reject(new Error('the log is gone')) },
        clock: { now: () => new Date() },
        pages: () => undefined,
      },
      notReady: () => problems,
      policyStatus: { brief: () => ({ revision: 'p1' }), full: () => ({ revision: 'p1', rules: [] }) },
    }
    const app = express()
    app.use((request: Request, _response: Response, next: NextFunction) => {
      Object.assign(request, { remote_user: user })
      next()
    })
    app.use(createRouter(deps as unknown as RouterDeps))
    app.use((_request: Request, response: Response) => void response.status(CORE).end())
    app.use((error: Error & { status?: number }, _request: Request, response: Response, _next: NextFunction) => void response.status(error.status ?? 500).end())
    server = http.createServer(app)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => { resolve() }))
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  beforeEach(() => {
    asked = []
    logged = 0
    accessed = []
    publish = (done) => { done(null, true) }
    unfiltered = 0
    stored = { name: 'widget', versions: {} }
    local = () => Promise.resolve([])
    access = (done) => { done(null, true) }
    listing = () => Promise.resolve(listingOf({ '1.0.0': verdict('allow') }))
    tarball = () => Promise.resolve(served('allow'))
    judged = () => Promise.resolve(judgement(verdict('allow')))
    attestations = () => Promise.resolve(Buffer.from('{"attestations":[]}'))
    exists = () => Promise.resolve(false)
    knew = false
    problems = []
    mayShadow = false
    user = undefined
    publicGood = true
  })

  const served = (outcome: Outcome, ...reasons: readonly Reason[]): TarballAnswer => ({
    kind: 'served',
    judgement: judgement(verdict(outcome, ...reasons)),
    tarball: { sha512: 'ab'.repeat(64), path: '', size: BYTES.length, read: (start, end) => ({ bytes: BYTES.subarray(start, end) }) },
  })
  const ask = (where: string, { method = 'GET', headers = {} }: { method?: string; headers?: http.OutgoingHttpHeaders } = {}): Promise<Answer> => {
    const { port } = server.address() as AddressInfo
    return new Promise((resolve, reject) => {
      const request = http.request({ host: '127.0.0.1', port, method, path: where, headers, agent: false }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => { resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() }) })
      })
      request.on('error', reject)
      request.end()
    })
  }
  const status = async (where: string, options: Parameters<typeof ask>[1] = {}): Promise<number> => (await ask(where, options)).status
  const json = ({ text }: Answer): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>
  const codes = (answer: Answer): readonly string[] => (json(answer).reasons as { code: string }[]).map(({ code }) => code)
  const withStatus = (code: number): Error => Object.assign(new Error('refused'), { status: code })

  describe('who may see a package', () => {
    for (const where of EVERYWHERE) {
      it(`all is well at ${where}`, async () => assert.equal(await status(where), 200))
      it(`[15i] a refusal ends ${where}, and nothing is asked for it`, async () => {
        access = (done) => { done(withStatus(401)) }
        assert.deepEqual([await status(where), asked], [401, []])
      })
    }
    it('[15i] a plugin that says neither yes nor no refuses', async () => {
      for (const allowed of [false, undefined]) {
        access = (done) => { done(null, allowed) }
        assert.equal(await status('/widget'), 403)
      }
      assert.deepEqual(asked, [])
    })
    it('[15i] a plugin that fails, or throws, is 503 and lets nobody in', async () => {
      for (const fail of [(done: Parameters<typeof access>[0]) => { done(new Error('x')) }, () => { throw new Error('x') }, (done: Parameters<typeof access>[0]) => { done(withStatus(500)) }]) {
        access = fail
        assert.equal(await status('/widget'), 503)
      }
      assert.deepEqual(asked, [])
    })
    it('the auth plugin hears of package and version', async () => {
      for (const where of ['/widget', '/widget/1.0.0', FILE]) await status(where)
      assert.deepEqual(accessed, [{ packageName: 'widget' }, { packageName: 'widget', packageVersion: '1.0.0' }, { packageName: 'widget', packageVersion: '1.0.0' }])
    })
    it('[15g] a foreign Host ends before all else', async () => {
      for (const where of EVERYWHERE) assert.equal(await status(where, { headers: { host: 'evil.example' } }), 400)
      assert.deepEqual(asked, [])
    })
  })

  describe('published here', () => {
    beforeEach(() => { local = () => Promise.resolve(['widget']) })
    for (const where of EVERYWHERE.filter((one) => one !== FILE))
      it(`is answered at ${where} without a question to any uplink`, async () => {
        assert.equal(await status(where), 200)
        assert.deepEqual(asked.filter((one) => !one.startsWith('here: ')), [])
      })
    it('so are its files, and one that no version has', async () => {
      assert.deepEqual([await status(FILE), asked], [200, ['here: tarball']])
      tarball = () => Promise.resolve({ kind: 'absent' })
      assert.equal(await status(FILE), 404)
    })
    it('a version that is refused is refused', async () => {
      tarball = () => Promise.resolve({ kind: 'refused', judgement: judgement(DENY) })
      listing = () => Promise.resolve(listingOf({ '1.0.0': DENY }))
      for (const where of [FILE, '/widget', '/widget/1.0.0']) assert.equal(await status(where), 403, where)
    })
    it('versions have the mirror\'s signature', async () => {
      const { versions } = json(await ask('/widget')) as { versions: Record<string, { dist: object }> }
      assert.deepEqual((versions['1.0.0']?.dist as { signatures: unknown }).signatures, [{ keyid: 'mine', sig: 'sig' }])
    })
    it('attestations that clients cannot verify are at this mirror\'s own address only', async () => {
      publicGood = false
      assert.deepEqual([await status('/-/npm/v1/attestations/widget@1.0.0'), await status('/-/provenance/v1/attestations/widget@1.0.0')], [404, 200])
    })
    it('what is about to be unpublished is remembered first', async () => {
      assert.deepEqual([await status('/widget/-rev/1', { method: 'DELETE' }), asked], [CORE, ['here: remember']])
    })
    it('all of what is stored is for who is about to change it', async () => {
      assert.deepEqual([await status('/widget?write=true'), unfiltered], [CORE, 1])
    })
    for (const where of ['/widget', '/widget?write=1', '/widget/1.0.0?write=true'])
      it(`and not for ${where}`, async () => assert.deepEqual([await status(where), unfiltered], [200, 0]))
    it('nor for who may not publish', async () => {
      for (const refuse of [(done: Parameters<typeof access>[0]) => { done(withStatus(403)) }, (done: Parameters<typeof access>[0]) => { done(null, false) }]) {
        publish = refuse
        assert.deepEqual([await status('/widget?write=true'), unfiltered], [200, 0])
      }
    })
    it('nor while nobody can say who may', async () => {
      publish = (done) => { done(new Error('x')) }
      assert.deepEqual([await status('/widget?write=true'), unfiltered], [503, 0])
    })
    it('a list that cannot be read is 503, and no uplink is asked', async () => {
      local = () => Promise.reject(new Error('x'))
      for (const where of EVERYWHERE) assert.equal(await status(where), 503)
      assert.deepEqual(asked, [])
    })
  })

  describe('an answer that cannot be had', () => {
    const failWith = (error: Error): void => {
      const fail = (): Promise<never> => Promise.reject(error)
      listing = fail
      tarball = fail
      judged = fail
      attestations = fail
    }
    it('is 503 with its reason, and to be tried again', async () => {
      failWith(new Unavailable('trust-material-stale', 'in a test'))
      for (const where of EVERYWHERE) {
        const answer = await ask(where)
        assert.deepEqual([answer.status, answer.headers['retry-after'], codes(answer)], [503, '1', ['trust-material-stale']], where)
      }
      assert.equal(logged, 0)
    })
    it('a mistake is 503 `internal-error`, logged, and says nothing of itself', async () => {
      failWith(new TypeError('secret detail'))
      for (const where of EVERYWHERE) {
        const answer = await ask(where)
        assert.deepEqual([answer.status, codes(answer)], [503, ['internal-error']], where)
        assert.ok(!answer.text.includes('secret'))
      }
      assert.equal(logged, EVERYWHERE.length)
    })
    it('names the package and version it is about', async () => {
      failWith(new Unavailable('evidence-unavailable', 'x'))
      const body = json(await ask('/widget/1.0.0'))
      assert.deepEqual([body.package, body.version], ['widget', '1.0.0'])
    })
  })

  describe('a packument', () => {
    it('in the form asked for', async () => {
      for (const [accept, type] of [[ABBREVIATED, ABBREVIATED], ['*/*', 'application/json'], [undefined, 'application/json'], [`${ABBREVIATED}; q=1.0, application/json; q=0.8, */*`, ABBREVIATED]] as const)
        assert.equal((await ask('/widget', { headers: accept === undefined ? {} : { accept } })).headers['content-type'], type)
    })
    it('without the refused, which is said, and not to be kept', async () => {
      listing = () => Promise.resolve(listingOf({ '1.0.0': verdict('allow'), '1.1.0': DENY }))
      const answer = await ask('/widget')
      assert.deepEqual(Object.keys(json(answer).versions as object), ['1.0.0'])
      assert.match(String(answer.headers['npm-notice']), /1\.1\.0.*provenance-absent.*latest is 1\.0\.0/)
      assert.deepEqual([answer.headers['cache-control'], answer.headers['npm-policy-revision']], ['no-store', 'p1'])
    })
    it('with nothing refused has no notice, and is revalidated', async () => {
      const { headers } = await ask('/widget')
      assert.deepEqual([headers['npm-notice'], headers['cache-control'], headers['last-modified']], [undefined, 'no-cache', NOW.toUTCString()])
    })
    it('a long list of refusals is counted, not told', async () => {
      const refused = Object.fromEntries(['1.1.0', '1.2.0', '1.3.0', '1.4.0', '1.5.0'].map((version) => [version, DENY]))
      listing = () => Promise.resolve(listingOf({ '1.0.0': verdict('allow'), ...refused }))
      assert.match(String((await ask('/widget')).headers['npm-notice']), /1\.3\.0, 1\.4\.0, 1\.5\.0 and 2 more/)
    })
    it('with every version refused is 403, with the reason of latest', async () => {
      const other = verdict('deny', reason('release-too-young', 'x'))
      listing = () => Promise.resolve(listingOf({ '1.0.0': DENY, '1.1.0': other }, plainPolicy(), '1.0.0'))
      const answer = await ask('/widget')
      assert.deepEqual([answer.status, codes(answer)], [403, ['provenance-absent']])
      assert.ok(String(json(answer).explain).endsWith('/-/provenance/v1/packages/widget/1.0.0'))
    })
    it('what cannot be decided is listed, and in `listing: verified` it is not', async () => {
      const verdicts = { '1.0.0': verdict('allow'), '1.1.0': UNDECIDED }
      listing = () => Promise.resolve(listingOf(verdicts))
      assert.deepEqual(Object.keys(json(await ask('/widget')).versions as object), ['1.0.0', '1.1.0'])
      assert.deepEqual(json(await ask('/-/package/widget/dist-tags')), { latest: '1.1.0' })
      listing = () => Promise.resolve(listingOf(verdicts, plainPolicy({ listing: 'verified' })))
      assert.deepEqual(Object.keys(json(await ask('/widget')).versions as object), ['1.0.0'])
      assert.deepEqual(json(await ask('/-/package/widget/dist-tags')), { latest: '1.0.0' })
    })
    it('of which nothing is decided yet is 503 in `listing: verified`, not empty', async () => {
      listing = () => Promise.resolve(listingOf({ '1.0.0': UNDECIDED }, plainPolicy({ listing: 'verified' })))
      const answer = await ask('/widget')
      assert.deepEqual([answer.status, codes(answer)], [503, ['verification-pending']])
    })
    it('two addresses get their own, and the same bytes each time', async () => {
      const kept = listingOf({ '1.0.0': verdict('allow') })
      listing = () => Promise.resolve(kept)
      const at = async (host: string): Promise<unknown> => (json(await ask('/widget', { headers: { host } })).versions as Record<string, { dist: { tarball: string } }>)['1.0.0']?.dist.tarball
      for (const host of ['localhost:1', 'localhost:2', 'localhost:1']) assert.equal(await at(host), `http://${host}/widget/-/widget-1.0.0.tgz`)
    })
    it('unknown everywhere is 404, known before 403', async () => {
      listing = () => Promise.resolve('absent')
      assert.deepEqual([await status('/widget'), await status('/widget/1.0.0'), await status('/-/package/widget/dist-tags')], [404, 404, 404])
      knew = true
      for (const where of ['/widget', '/-/package/widget/dist-tags']) {
        const answer = await ask(where)
        assert.deepEqual([answer.status, codes(answer)], [403, ['version-withdrawn']])
      }
    })
  })

  describe('one version', () => {
    beforeEach(() => {
      listing = () => Promise.resolve(listingOf({ '1.0.0': verdict('allow'), '1.1.0': DENY, '1.2.0': UNDECIDED }, plainPolicy({ listing: 'verified' })))
    })
    it('by number', async () => assert.equal(json(await ask('/widget/1.0.0')).version, '1.0.0'))
    it('refused', async () => {
      const answer = await ask('/widget/1.1.0')
      assert.deepEqual([answer.status, codes(answer), json(answer).nearestAllowed], [403, ['provenance-absent'], '1.0.0'])
    })
    it('undecided', async () => {
      const answer = await ask('/widget/1.2.0')
      assert.deepEqual([answer.status, codes(answer)], [503, ['evidence-unavailable']])
    })
    it('never there, and taken down', async () => {
      assert.equal(await status('/widget/9.9.9'), 404)
      knew = true
      assert.equal(await status('/widget/9.9.9'), 403)
    })
  })

  describe('a tarball', () => {
    it('whole, typed, to be revalidated', async () => {
      const { text, headers } = await ask(FILE)
      assert.equal(text, BYTES.toString())
      assert.deepEqual([headers['content-type'], headers['cache-control'], headers['npm-policy-warning']], ['application/octet-stream', 'no-cache', undefined])
    })
    it('its ETag brings 304, another does not', async () => {
      const { headers: { etag = '' } } = await ask(FILE)
      assert.match(etag, /^"ab+/)
      assert.deepEqual([await status(FILE, { headers: { 'if-none-match': etag } }), await status(FILE, { headers: { 'if-none-match': '"x"' } })], [304, 200])
    })
    it('a part of it, and a part past its end', async () => {
      const part = await ask(FILE, { headers: { range: 'bytes=4-8' } })
      assert.deepEqual([part.status, part.text], [206, 'bytes'])
      assert.equal(await status(FILE, { headers: { range: 'bytes=999-' } }), 416)
    })
    it('HEAD is judged and has no body', async () => {
      const { status: code, text, headers } = await ask(FILE, { method: 'HEAD' })
      assert.deepEqual([code, text, headers['content-length'], asked], [200, '', String(BYTES.length), ['tarball']])
    })
    it('a warning is said once for each code', async () => {
      tarball = () => Promise.resolve(served('warn', reason('evidence-withdrawn', 'x'), reason('evidence-withdrawn', 'y'), reason('trust-downgrade', 'z')))
      assert.equal((await ask(FILE)).headers['npm-policy-warning'], 'evidence-withdrawn trust-downgrade')
    })
    it('refused', async () => {
      tarball = () => Promise.resolve({ kind: 'refused', judgement: judgement(DENY) })
      listing = () => Promise.resolve(listingOf({ '0.9.0': verdict('allow'), '1.0.0': DENY }))
      const answer = await ask(FILE)
      assert.deepEqual([answer.status, codes(answer), json(answer).nearestAllowed], [403, ['provenance-absent'], '0.9.0'])
    })
    it('refused, and the package gone meanwhile', async () => {
      tarball = () => Promise.resolve({ kind: 'refused', judgement: judgement(DENY) })
      listing = () => Promise.resolve('absent')
      const answer = await ask(FILE)
      assert.deepEqual([answer.status, json(answer).nearestAllowed], [403, undefined])
    })
    it('undecided', async () => {
      tarball = () => Promise.resolve({ kind: 'refused', judgement: judgement(UNDECIDED) })
      assert.deepEqual([await status(FILE), asked], [503, ['tarball']])
    })
    it('undecided without a reason is still 503', async () => {
      tarball = () => Promise.resolve({ kind: 'refused', judgement: judgement(verdict('unavailable')) })
      const answer = await ask(FILE)
      assert.deepEqual([answer.status, codes(answer)], [503, ['internal-error']])
    })
    it('taken down', async () => {
      tarball = () => Promise.resolve({ kind: 'withdrawn', ref: { name: 'widget', version: '1.0.0' } })
      const answer = await ask(FILE)
      assert.deepEqual([answer.status, codes(answer)], [403, ['version-withdrawn']])
    })
    it('no version\'s', async () => {
      tarball = () => Promise.resolve({ kind: 'absent' })
      assert.equal(await status(FILE), 404)
    })
    it('whose file is gone from the disk is 503, not 404', async () => {
      const gone = served('allow') as Extract<TarballAnswer, { kind: 'served' }>
      const read = (): never => { throw new Unavailable('internal-error', 'gone') }
      tarball = () => Promise.resolve({ ...gone, tarball: { ...gone.tarball, read } })
      assert.equal(await status(FILE), 503)
    })
  })

  describe('evidence and explanations', () => {
    it('no attestations that verified are 404', async () => {
      attestations = () => Promise.resolve('absent')
      assert.equal(await status('/-/npm/v1/attestations/widget@1.0.0'), 404)
    })
    it('without a version there is nothing to ask for', async () => {
      await ask('/-/npm/v1/attestations/widget')
      assert.deepEqual(asked, [])
    })
    it('a package and a version', async () => {
      assert.deepEqual(Object.keys(json(await ask('/-/provenance/v1/packages/widget')).versions as object), ['1.0.0'])
      assert.equal(json(await ask('/-/provenance/v1/packages/widget/1.0.0')).outcome, 'allow')
    })
    it('an unknown package, an unknown version', async () => {
      judged = () => Promise.resolve('absent')
      assert.equal(await status('/-/provenance/v1/packages/widget/9.9.9'), 404)
      listing = () => Promise.resolve('absent')
      assert.equal(await status('/-/provenance/v1/packages/widget'), 404)
    })
    it('keys', async () => assert.deepEqual(json(await ask('/-/npm/v1/keys')), { keys: [] }))
  })

  describe('no address of a package is left to the core', () => {
    for (const where of ['/widget/-/package.json/x', '/widget/1.0.0/x', '/widget/-/a/b'])
      it(where, async () => assert.deepEqual([await status(where), asked.includes('core')], [404, false]))
  })

  describe('publishing', () => {
    const put = (where = '/widget'): Promise<number> => status(where, { method: 'PUT' })
    it('a free name is the core\'s', async () => assert.equal(await put(), CORE))
    for (const where of ['/widget', '/widget/-rev/1-x', '/widget/-/widget-1.0.0.tgz/-rev/1-x', '/@acme%2fwidget'])
      it(`[21c] a name that an uplink serves: ${where}`, async () => {
        exists = () => Promise.resolve(true)
        assert.equal(await put(where), 403)
      })
    it('[21a] a name that nobody knows to be free', async () => {
      exists = () => Promise.reject(new Unavailable('evidence-unavailable', 'x'))
      assert.equal(await put(), 503)
    })
    it('a name given away by the operator', async () => {
      exists = () => Promise.resolve(true)
      mayShadow = true
      assert.equal(await put(), CORE)
    })
  })

  describe('state', () => {
    it('health and readiness', async () => assert.deepEqual([await status('/-/provenance/health'), await status('/-/provenance/ready')], [200, 200]))
    it('the policy is for who is logged in, and in a group that may read', async () => {
      for (const [who, expected] of [[undefined, 401], [{ name: undefined, groups: [] }, 401], [{ name: '' }, 401], [{ name: 'ann', groups: [] }, 403], [{ name: 'ann', groups: ['$authenticated'] }, 200]] as const) {
        user = who
        assert.equal(await status('/-/provenance/v1/policy'), expected)
      }
    })
    it('what keeps it from its work makes it unready, not dead', async () => {
      problems = [{ check: 'stores', message: 'the store is gone' }]
      const answer = await ask('/-/provenance/ready')
      assert.deepEqual([answer.status, json(answer), await status('/-/provenance/health')], [503, { ready: false, problems: ['the store is gone'], checks: { running: 'ok', policy: 'ok', trust: 'ok', stores: 'failed' }, policy: { revision: 'p1' } }, 200])
    })
  })

  it('a listing that counts until tomorrow is still revalidated today', async () => {
    listing = () => Promise.resolve(listingOf({ '1.0.0': { ...verdict('allow'), validUntil: later(1000) } }))
    assert.equal((await ask('/widget')).headers['cache-control'], 'no-cache')
  })
})
