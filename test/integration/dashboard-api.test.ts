/** The API of the dashboard, on a running mirror with decisions of its own. */
import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { LogEntry } from '../../plugin/domain/decision.ts'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { settableClock, startTestMirror, type TestMirror } from '../support/mirror.ts'
import { githubIdentity, PrivateSigstore, type IdentityOptions } from '../support/private-sigstore.ts'
import { raw, rawJson, register, type RawAnswer } from '../support/raw.ts'

const V1 = '/-/provenance/v1'
const HERS = { access: 'alice', publish: 'alice', unpublish: 'alice' }
const DAY = 86_400_000
const SEEN = new Date('2026-06-01T00:00:00.000Z')
const day = (days: number): Date => new Date(SEEN.getTime() + days * DAY)
const OURS: IdentityOptions = { repo: 'acme/widget', repoId: '1001', ownerId: '2002' }
const MALLORY: IdentityOptions = { repo: 'mallory/widget', repoId: '6001', ownerId: '6002' }
const DEFAULTS = { minimumReleaseAge: '0', manifestRepository: 'ignore', provenance: 'required' }
const BROWSER = 'text/html,application/xhtml+xml,*/*;q=0.8'

interface Result extends JsonObject {
  readonly package: string
  readonly version: string
  readonly verdict: { readonly outcome: string; readonly reasons: { readonly code: string }[] }
  readonly before?: { readonly outcome: string }
  readonly asked?: boolean
}
interface Checked {
  readonly results: readonly Result[]
  readonly notCovered: readonly { readonly name: string; readonly code: string }[]
  readonly policyRevision: string
}

describe('dashboard API', function () {
  this.timeout(30_000)
  let registry: FakeRegistry
  let mirror: TestMirror
  const clock = settableClock(SEEN)
  /** Authorization by user. */
  const who = new Map<string, string>()

  interface More {
    readonly method?: string
    readonly body?: unknown
    readonly headers?: Readonly<Record<string, string>>
  }
  const ask = (user: string, where: string, { method = 'GET', body, headers = {} }: More = {}): Promise<RawAnswer> => {
    const authorization = who.get(user)
    return raw(mirror.url, where, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...(authorization === undefined ? {} : { authorization }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  }
  const json = async <Answer = JsonObject>(user: string, where: string, more?: More): Promise<Answer> => {
    const answer = await ask(user, where, more)
    assert.equal(answer.status, 200, `${where}: ${answer.body.toString().slice(0, 500)}`)
    return JSON.parse(answer.body.toString()) as Answer
  }
  const entries = async (user: string, query: string): Promise<readonly LogEntry[]> => (await json<{ entries: LogEntry[] }>(user, `${V1}/decisions${query}`)).entries
  const check = (user: string, body: JsonObject): Promise<Checked> => json<Checked>(user, `${V1}/check`, { method: 'POST', body })
  const outcomes = ({ results }: Checked): readonly string[] => results.map((one) => `${one.package}@${one.version} ${one.verdict.outcome}`)
  const publish = (name: string, version: string, days: number, by: IdentityOptions | false): void => {
    registry.publish({ name, version, time: day(days), provenance: by === false ? false : githubIdentity({ ...by, ref: `refs/tags/v${version}` }) })
  }
  const install = async (user: string, name: string, version: string): Promise<number> => (await ask(user, `/${name}/-/${name}-${version}.tgz`)).status

  before(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    publish('widget', '1.0.0', -90, OURS)
    publish('widget', '1.1.0', -60, OURS)
    publish('bare', '1.0.0', -90, OURS)
    publish('bare', '1.1.0', -60, false)
    publish('unseen', '1.0.0', -90, OURS)
    publish('half', '1.0.0', -90, OURS)
    publish('banned', '1.0.0', -90, OURS)
    publish('half', '1.0.1', -80, OURS)
    publish('secret-sauce', '1.0.0', -90, OURS)
    const dir = mkdtempSync(path.join(tmpdir(), 'dashboard-'))
    mirror = await startTestMirror({
      registry,
      dir,
      clock,
      policy: { version: 1, extends: 'strict', defaults: DEFAULTS, rules: [{ packages: ['banned'], verdict: 'deny', reason: 'not ours to use' }] },
      section: { dashboard: { write: ['carol'] } },
      core: {
        auth: { htpasswd: { file: path.join(dir, 'htpasswd'), algorithm: 'bcrypt', rounds: 4 } },
        packages: { 'secret-*': HERS, '**': { access: '$all', publish: '$authenticated' } },
        web: { enable: true },
      },
    })
    for (const name of ['alice', 'bob', 'carol']) who.set(name, `Bearer ${await register(mirror.url, name)}`)
    await Promise.all(['widget', 'banned'].map((name) => ask('bob', `/${name}`)))
    assert.deepEqual([await install('bob', 'widget', '1.1.0'), await install('bob', 'bare', '1.1.0'), await install('alice', 'secret-sauce', '1.0.0')], [200, 403, 200])
    publish('widget', '1.2.0', 1, MALLORY)
    publish('banned', '1.1.0', 1, MALLORY)
    clock.set(day(30))
    assert.equal(await install('bob', 'widget', '1.2.0'), 403)
    clock.advance(1000)
  })
  after(async () => {
    await mirror.close()
    await registry.close()
  })

  it('says who is signed in', async () => {
    assert.deepEqual(await json('nobody', `${V1}/session`), { user: null, groups: [], canRead: false, canWrite: false, login: 'web' })
    const [bob, carol] = [await json('bob', `${V1}/session`), await json('carol', `${V1}/session`)]
    assert.deepEqual([bob.user, bob.canRead, bob.canWrite, carol.canWrite], ['bob', true, false, true])
  })

  it('takes the token of the web login, and access rules with it', async () => {
    for (const [name, status] of [['bob', 403], ['alice', 200]] as const) {
      const { token } = (await rawJson(mirror.url, '/-/verdaccio/sec/login', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ username: name, password: 'a long password' }) })) as { token: string }
      who.set('a browser', `Bearer ${token}`)
      assert.equal((await json('a browser', `${V1}/session`)).user, name)
      assert.equal((await ask('a browser', `${V1}/packages/secret-sauce/1.0.0`)).status, status)
    }
  })

  it('[15h] finds decisions, and leaves out those of packages whoever asks may not access', async () => {
    const found = async (user: string): Promise<readonly string[]> => (await entries(user, '?kind=served&kind=warned&kind=refused&order=oldest')).map(({ kind, package: name, version }) => `${kind} ${name ?? ''}@${version ?? ''}`)
    const all = ['served widget@1.1.0', 'refused bare@1.1.0', 'served secret-sauce@1.0.0', 'refused widget@1.2.0']
    assert.deepEqual(await found('alice'), all)
    assert.deepEqual(await found('bob'), all.filter((line) => !line.includes('secret')))
    const { body } = await ask('bob', `${V1}/decisions`, { headers: { accept: 'text/csv' } })
    assert.deepEqual([body.toString().includes('widget'), body.toString().includes('secret')], [true, false])
  })

  it('shows askers to those who act on it', async () => {
    const asker = async (user: string): Promise<string | null | undefined> => (await entries(user, '?kind=refused&package=bare'))[0]?.asker.user
    assert.deepEqual([await asker('alice'), await asker('bob'), await asker('carol')], [null, 'bob', 'bob'])
  })

  it('counts', async () => {
    const overview = await json<{ packages: { package: string }[]; coverage: { served: number }; uplinks: JsonObject[]; trust: JsonObject[]; mode: string; policy: JsonObject }>('bob', `${V1}/overview?from=2026-05-01`)
    assert.deepEqual(overview.packages.map((one) => one.package).toSorted(), ['bare', 'widget'])
    assert.equal(overview.coverage.served, 2)
    assert.deepEqual([overview.mode, overview.uplinks[0]?.state, overview.trust[0]?.uplink, typeof overview.policy.revision], ['enforce', 'asked', 'fake', 'string'])
  })

  it('shows the policy with what its rules decided', async () => {
    const { rules } = await json<{ rules: { name: string; hits: Record<string, number> }[] }>('bob', `${V1}/policy`)
    assert.ok((rules.at(-1)?.hits.refused ?? 0) >= 1)
  })

  it('follows', async () => {
    const following = new AbortController()
    const response = await fetch(`${mirror.url}${V1}/decisions/stream`, { headers: { authorization: who.get('bob') ?? '', 'accept-encoding': 'gzip' }, signal: following.signal })
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    await install('alice', 'secret-sauce', '1.0.0')
    await install('bob', 'widget', '1.0.0')
    let text = ''
    for (let isDone = false; !isDone && !text.includes('widget');) {
      const part = await reader.read()
      isDone = part.done
      text += part.value ?? ''
    }
    following.abort()
    assert.deepEqual([text.includes('"package":"widget"'), text.includes('secret')], [true, false])
  })

  it('checks a lockfile and specs', async () => {
    const lockfile = JSON.stringify({
      lockfileVersion: 3,
      packages: {
        '': { name: 'p' },
        'node_modules/widget': { version: '1.1.0' },
        'node_modules/bare': { version: '1.1.0', resolved: 'https://elsewhere.example/bare/-/bare-1.1.0.tgz' },
        'node_modules/forge': { version: '1.0.0', resolved: 'git+ssh://git@github.com/acme/forge.git#0123' },
      },
    })
    const checked = await check('bob', { lockfile, fileName: 'package-lock.json', specs: ['none@1.0.0', 'secret-sauce@1.0.0', 'widget@~1.0.0', 'bare'] })
    assert.deepEqual(outcomes(checked), ['none@1.0.0 absent', 'secret-sauce@1.0.0 forbidden', 'widget@1.0.0 allow', 'bare@1.1.0 deny', 'widget@1.1.0 allow', 'bare@1.1.0 deny'])
    assert.deepEqual(checked.notCovered.map(({ name, code }) => `${name} ${code}`), ['forge git-dependency', 'bare past-the-mirror'])
    assert.equal(checked.results[3]?.nearestAllowed, '1.0.0')
  })

  it('[15h] tells nobody of a package that he may not access, not even whether there is one', async () => {
    const { results } = await check('bob', { specs: ['secret-sauce@1.0.0', 'secret-smoke@1.0.0'] })
    assert.deepEqual(results.map(({ package: _name, ...rest }) => rest), [1, 2].map(() => ({ version: '1.0.0', status: 403, verdict: { outcome: 'forbidden', rule: null, reasons: [] } })))
  })

  it('[15] strangers are answered from what is known: no uplink is asked for them', async () => {
    const before = registry.requests.length
    const { results } = await check('nobody', { specs: ['widget@1.1.0', 'bare@1.1.0', 'unseen@1.0.0', 'unseen@latest', 'nowhere@1.0.0'] })
    assert.deepEqual(results.map(({ verdict, asked }) => [verdict.outcome, asked]), [['allow', undefined], ['deny', undefined], ['unavailable', false], ['unavailable', false], ['unavailable', false]])
    assert.equal(registry.requests.length, before)
    assert.deepEqual(outcomes(await check('bob', { specs: ['unseen@1.0.0', 'nowhere@1.0.0'] })), ['unseen@1.0.0 allow', 'nowhere@1.0.0 absent'])
  })

  it('[15] nor for evidence of a package that is known in part', async () => {
    assert.deepEqual(outcomes(await check('bob', { specs: ['half@1.0.1'] })), ['half@1.0.1 allow'])
    const before = registry.requests.length
    const { results } = await check('nobody', { specs: ['half@1.0.1', 'half@1.0.0'] })
    assert.deepEqual(results.map(({ verdict, asked }) => [verdict.outcome, asked]), [['allow', undefined], ['unavailable', false]])
    assert.equal(registry.requests.length, before)
  })

  it('tries a policy, beside the one in force', async () => {
    const policy = `version: 1\nextends: strict\ndefaults: { minimumReleaseAge: 0, manifestRepository: ignore, provenance: ifPresent, trustDowngrade: allow }\nrules:\n  - { packages: [widget], verdict: deny, reason: taken over }\n`
    const { results, policyRevision } = await check('bob', { policy, specs: ['bare@1.1.0', 'widget@1.1.0'] })
    assert.deepEqual(results.map(({ verdict, before }) => [before?.outcome, verdict.outcome]), [['deny', 'allow'], ['allow', 'deny']])
    assert.notEqual(policyRevision, mirror.engine.policy.revision)
    assert.equal(await install('bob', 'widget', '1.1.0'), 200)
  })

  it('what is only tried out is learned by nobody', async () => {
    const { identities } = mirror.engine.ledger
    const known = (): unknown => [identities.changes(), identities.packages().map(([at, name]) => [name, identities.pins(at, name)])]
    const before = known()
    const policy = 'version: 1\nextends: strict\ndefaults: { minimumReleaseAge: 0, manifestRepository: ignore, provenance: required }\n'
    const { results } = await check('bob', { policy, specs: ['banned@1.1.0'] })
    assert.deepEqual(results[0]?.verdict.reasons.map(({ code }) => code), ['identity-changed'])
    assert.deepEqual(known(), before)
  })

  it('a policy is tried out for those who may read', async () => {
    const body = { policy: 'version: 1\nextends: strict\n', specs: [] }
    assert.equal((await ask('nobody', `${V1}/check`, { method: 'POST', body })).status, 401)
    assert.equal((await ask('bob', `${V1}/check`, { method: 'POST', body })).status, 200)
  })

  it('mistakes of a policy are told by line, and no file is read for it', async () => {
    const problemsOf = async (more: string): Promise<readonly { line: number; path: string; message: string }[]> => {
      const answer = await ask('bob', `${V1}/check`, { method: 'POST', body: { policy: `version: 1\nextends: strict\n${more}`, specs: ['bare'] } })
      assert.equal(answer.status, 422)
      return (JSON.parse(answer.body.toString()) as { problems: { line: number; path: string; message: string }[] }).problems
    }
    assert.deepEqual((await problemsOf('mode: maybe\n')).map(({ line, path: at }) => [line, at]), [[3, 'mode']])
    assert.match((await problemsOf('include: [./config.yaml]\n'))[0]?.message ?? '', /no files can be read here/)
  })

  it('a lockfile that is none is told', async () => assert.equal((await ask('bob', `${V1}/check`, { method: 'POST', body: { lockfile: '}{' } })).status, 422))

  it('a check is JSON of at most 5 MB', async () => {
    assert.equal((await ask('bob', `${V1}/check`, { method: 'POST', headers: { 'content-type': 'text/plain' }, body: { specs: ['a'] } })).status, 415)
    assert.equal((await ask('bob', `${V1}/check`, { method: 'POST', body: { lockfile: 'x'.repeat(5 * 1024 ** 2 + 1) } })).status, 413)
  })

  it('a package has the evidence of each version, and who built it', async () => {
    const { versions, identities } = await json<{ versions: Record<string, { evidence: Record<string, { state: string }>; identity?: number; run?: string }>; identities: { sourceRepositoryId: string }[] }>('bob', `${V1}/packages/widget`)
    const idOf = (version: string): string | undefined => identities[versions[version]?.identity ?? -1]?.sourceRepositoryId
    assert.deepEqual([versions['1.1.0']?.evidence.provenance?.state, idOf('1.1.0'), idOf('1.2.0')], ['verified', '1001', '6001'])
    const bare = await json<typeof versions extends object ? { versions: typeof versions } : never>('bob', `${V1}/packages/bare`)
    assert.deepEqual([bare.versions['1.1.0']?.evidence.provenance?.state, bare.versions['1.1.0']?.identity], ['absent', undefined])
  })

  it('pages are there without a login, and the rest is not', async () => {
    for (const page of ['', 'decisions', 'packages/@acme/ui/v/1.0.0']) {
      const { status, headers } = await ask('nobody', `/-/provenance/${page}`)
      assert.deepEqual([status, headers['content-type'], headers['cache-control']], [200, 'text/html; charset=utf-8', 'no-store'], page)
      assert.match(String(headers['content-security-policy']), /^default-src 'none'; script-src 'self'; /)
    }
    assert.deepEqual([(await ask('nobody', '/-/provenance')).headers.location, (await ask('nobody', '/-/provenance/else')).status], [`${mirror.url}/-/provenance/`, 404])
  })

  it('a refusal of what a browser follows has one address for both', async () => {
    const { explain } = await json<{ explain: string }>('bob', '/bare/-/bare-1.1.0.tgz').catch(async () => JSON.parse((await ask('bob', '/bare/-/bare-1.1.0.tgz')).body.toString()) as { explain: string })
    const where = new URL(explain).pathname
    assert.equal((await json('bob', where)).outcome, 'deny')
    assert.ok([200, 303].includes((await ask('bob', where, { headers: { accept: BROWSER } })).status))
  })

  describe('pins', () => {
    const decide = (user: string, what: 'approve' | 'drop', body: unknown, headers = {}): Promise<RawAnswer> => ask(user, `${V1}/pins/widget/${what}`, { method: 'POST', body, headers })
    const APPROVAL = { to: '6001', reason: 'the project has moved' }

    it('[15h] shows what waits, of packages that whoever asks may access', async () => {
      const { packages } = await json<{ packages: { package: string; pending: { to: { sourceRepositoryId: string } }[] }[] }>('bob', `${V1}/pins?pending=true`)
      assert.deepEqual(packages.map((one) => [one.package, one.pending.map(({ to }) => to.sourceRepositoryId)]), [['widget', ['6001']]])
      const names = async (user: string): Promise<readonly string[]> => (await json<{ packages: { package: string }[] }>(user, `${V1}/pins?text=secret`)).packages.map((one) => one.package)
      assert.deepEqual([await names('alice'), await names('bob')], [['secret-sauce'], []])
    })
    it('pages', async () => {
      const first = await json<{ packages: { package: string }[]; cursor: string }>('carol', `${V1}/pins?limit=1`)
      const second = await json<{ packages: { package: string }[] }>('carol', `${V1}/pins?limit=1&cursor=${encodeURIComponent(first.cursor)}`)
      assert.equal(first.packages.length, 1)
      assert.notEqual(second.packages[0]?.package, first.packages[0]?.package)
    })
    it('[15h] are decided on by a group that is named, as JSON', async () => {
      const before = mirror.engine.ledger.identities.decisions('widget').length
      assert.deepEqual(
        [(await decide('nobody', 'approve', APPROVAL)).status, (await decide('bob', 'approve', APPROVAL)).status, (await decide('carol', 'approve', APPROVAL, { 'content-type': 'text/plain' })).status],
        [401, 403, 415],
      )
      assert.equal(mirror.engine.ledger.identities.decisions('widget').length, before)
    })
    it('what means nothing is said', async () => {
      assert.deepEqual(
        await Promise.all([{ to: '6001' }, { reason: 'x' }, { to: '6001', reason: ' ' }, { to: '6001', reason: 'x'.repeat(501) }, { to: '6001', reason: 'x', workflow: 1 }].map(async (body) => (await decide('carol', 'approve', body)).status)),
        [400, 400, 400, 400, 400],
      )
      const wrong = await decide('carol', 'approve', { to: '7', reason: 'x' })
      assert.deepEqual([wrong.status, (JSON.parse(wrong.body.toString()) as { known: { sourceRepositoryId: string }[] }).known.map(({ sourceRepositoryId }) => sourceRepositoryId)], [409, ['6001']])
      assert.equal((await ask('carol', `${V1}/pins/bare/approve`, { method: 'POST', body: APPROVAL })).status, 404)
    })
    it('an approval counts from the next request, and is logged with who gave it', async () => {
      assert.equal(await install('bob', 'widget', '1.2.0'), 403)
      const decided = await decide('carol', 'approve', APPROVAL)
      assert.equal(decided.status, 200)
      assert.equal(await install('bob', 'widget', '1.2.0'), 200)
      const [logged] = await entries('carol', '?kind=pin-approved')
      assert.deepEqual([logged?.package, logged?.asker.user, logged?.detail?.by, logged?.detail?.reason], ['widget', 'carol', 'carol', 'the project has moved'])
    })
    it('and so is what is dropped', async () => {
      assert.equal((await decide('carol', 'drop', { to: '6001', reason: 'it was a mistake' })).status, 200)
      assert.equal(await install('bob', 'widget', '1.2.0'), 403)
      assert.equal((await entries('bob', '?kind=pin-dropped')).length, 1)
    })
  })
})

describe('a mirror without the dashboard', function () {
  this.timeout(20_000)
  it('has no pages and tells no decisions; a check is still answered, and a stream ends with the mirror', async () => {
    const registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    const off = await startTestMirror({ registry, section: { dashboard: { enabled: false } } })
    const statuses = await Promise.all(['/-/provenance/', `${V1}/decisions`, `${V1}/session`, `${V1}/pins`].map(async (where) => (await raw(off.url, where)).status))
    assert.deepEqual(statuses, [404, 404, 404, 404])
    assert.equal((await raw(off.url, `${V1}/check`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"specs":["a@1.0.0"]}' })).status, 200)
    await off.close()

    const on = await startTestMirror({ registry })
    const authorization = `Bearer ${await register(on.url, 'bob')}`
    const stream = await fetch(`${on.url}${V1}/decisions/stream`, { headers: { authorization } })
    await on.close()
    assert.match(await stream.text(), /^: following/)
    await registry.close()
  })
})
