/** Two mirrors over one bucket: what one publishes the other serves, whatever becomes of the bucket, and nothing that somebody else put there. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { isObject, type JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { startTestMirror, type TestMirror } from '../support/mirror.ts'
import { PrivateSigstore } from '../support/private-sigstore.ts'
import { publishBody, sendPublish, type PublishOptions } from '../support/publish.ts'
import { register } from '../support/raw.ts'
import { ACCESS, BUCKET, FakeS3, type FakeS3Options } from '../support/s3.ts'

const VARIABLES = { AWS_ACCESS_KEY_ID: ACCESS.accessKeyId, AWS_SECRET_ACCESS_KEY: ACCESS.secretAccessKey, BUCKET_KEY: 'k'.repeat(48) } as const

describe('packages published here, in a bucket that two mirrors share', function () {
  this.timeout(30_000)
  const before_ = new Map<string, string | undefined>()
  let registry: FakeRegistry
  let s3: FakeS3
  let dir: string
  let one: TestMirror
  let two: TestMirror
  let token: string
  let count = 0
  let NAME: string
  let escaped: string

  before(async () => {
    for (const [name, value] of Object.entries(VARIABLES)) {
      before_.set(name, process.env[name])
      process.env[name] = value
    }
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    await open()
  })
  after(async () => {
    await close()
    await registry.close()
    for (const [name, value] of before_) Reflect.set(process.env, name, value)
    for (const [name] of [...before_].filter(([, value]) => value === undefined)) Reflect.deleteProperty(process.env, name)
  })
  beforeEach(() => {
    NAME = `@acme/ui-${String(++count)}`
    escaped = NAME.replace('/', '%2f')
  })
  afterEach(() => { s3.fault = undefined })

  const start = (more: JsonObject = {}, earlier?: string): Promise<TestMirror> =>
    startTestMirror({
      registry,
      ...(earlier === undefined ? {} : { dir: earlier }),
      section: { shared: { keys: [{ id: 'one', secret_env: 'BUCKET_KEY' }] }, keys: { dir: path.join(dir, 'keys') }, ...more },
      core: { auth: { htpasswd: { file: path.join(dir, 'htpasswd') } }, store: { 'provenance/s3': { bucket: BUCKET, endpoint: s3.url, timeout: '500ms', listAge: '100ms' } } },
    })
  const open = async (options?: FakeS3Options): Promise<void> => {
    s3 = await FakeS3.start(options)
    dir = mkdtempSync(path.join(tmpdir(), 'shared-'))
    one = await start()
    two = await start()
    token = await register(one.url, 'alice')
  }
  const close = async (): Promise<void> => {
    s3.fault = undefined
    await Promise.all([one.close(), two.close()])
    await s3.stop()
    rmSync(dir, { recursive: true, force: true })
  }
  const publish = (mirror: TestMirror, options: Partial<PublishOptions> = {}): Promise<Response> => sendPublish(mirror.url, token, publishBody({ name: NAME, version: '1.0.0', ...options }))
  const published = async (mirror: TestMirror, options: Partial<PublishOptions> = {}): Promise<void> => { assert.equal((await publish(mirror, options)).status, 201) }
  const versions = async (mirror: TestMirror, name = NAME): Promise<readonly string[]> => {
    const document = await mirror.json(`/${name.replace('/', '%2f')}`)
    return Object.keys(isObject(document.versions) ? document.versions : {}).toSorted()
  }
  const status = async (mirror: TestMirror, where: string): Promise<number> => {
    const answer = await mirror.get(where)
    await answer.arrayBuffer()
    return answer.status
  }
  const tarball = (version = '1.0.0', name = NAME): string => `/${name}/-/${name.split('/').at(-1) ?? ''}-${version}.tgz`
  const codes = async (answer: Response | Promise<Response>): Promise<readonly unknown[]> => {
    const response = await answer
    const { reasons = [] } = JSON.parse((await response.text()) || '{}') as { reasons?: { code: string }[] }
    return [response.status, ...new Set(reasons.map(({ code }) => code))]
  }
  const change = (mirror: TestMirror, method: string, where: string, body?: unknown): Promise<Response> =>
    fetch(`${mirror.url}${where}`, { method, headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
  /** A mirror that has seen nothing yet. */
  const fresh = async (work: (mirror: TestMirror) => Promise<void>): Promise<void> => {
    const mirror = await start()
    try {
      await work(mirror)
    } finally {
      await mirror.close()
    }
  }

  describe('what one does, the other shows', () => {
    it('a package is there at once, in every form, with the same bytes and a signature', async () => {
      const made = publishBody({ name: NAME, version: '1.0.0' })
      assert.equal((await sendPublish(one.url, token, made)).status, 201)
      const documents = await Promise.all([one, two].map((mirror) => mirror.json(`/${escaped}`, { accept: 'application/vnd.npm.install-v1+json', host: 'localhost' })))
      assert.deepEqual(documents.map(({ versions: shown }) => Object.keys(shown as JsonObject)), [['1.0.0'], ['1.0.0']])
      const bytes = await (await two.get(tarball())).arrayBuffer()
      assert.deepEqual(Buffer.from(bytes), made.bytes)
      const signatures = documents.map(({ versions: shown }) => ((shown as Record<string, { dist: { signatures: { keyid: string }[] } }>)['1.0.0']?.dist.signatures ?? []).map(({ keyid }) => keyid))
      assert.deepEqual(signatures[0], signatures[1])
      assert.equal(signatures[0]?.length, 1)
    })
    it('ten versions published through both at one time are all there', async () => {
      const all = Array.from({ length: 10 }, (_, index) => `1.${String(index)}.0`)
      const answers = await Promise.all(all.map((version, index) => publish(index % 2 === 0 ? one : two, { version })))
      assert.deepEqual(answers.map((answer) => answer.status), all.map(() => 201))
      assert.deepEqual(await versions(one), all)
      assert.deepEqual(await Promise.all(all.map((version) => status(two, tarball(version)))), all.map(() => 200))
    })
    it('a tag, a deprecation and what is unpublished', async () => {
      await published(one)
      await published(two, { version: '1.1.0' })
      assert.equal((await change(two, 'PUT', `/-/package/${escaped}/dist-tags/stable`, '1.0.0')).status, 201)
      assert.deepEqual(await one.json(`/-/package/${escaped}/dist-tags`), { latest: '1.1.0', stable: '1.0.0' })
      const stored = (await one.json(`/${escaped}?write=true`, { authorization: `Bearer ${token}` })) as { versions: Record<string, JsonObject>; 'dist-tags': JsonObject; _rev: string }
      const { '1.1.0': gone, ...left } = stored.versions
      assert.notEqual(gone, undefined)
      assert.equal((await change(one, 'PUT', `/${escaped}/-rev/${stored._rev}`, { ...stored, versions: left, 'dist-tags': { latest: '1.0.0' } })).status, 201)
      assert.deepEqual(await versions(two), ['1.0.0'])
      assert.deepEqual(await codes(one.get(tarball('1.1.0'))), [403, 'version-withdrawn'])
    })
    it('a name that both have served stays here when it was removed, whatever an uplink has', async () => {
      const name = `left-${String(count)}`
      await published(one, { name })
      assert.equal(await status(two, tarball('1.0.0', name)), 200)
      registry.publish({ name, version: '9.9.9' })
      const { _rev } = (await one.json(`/${name}?write=true`, { authorization: `Bearer ${token}` })) as { _rev: string }
      assert.equal((await change(two, 'DELETE', `/${name}/-rev/${_rev}`)).status, 201)
      for (const mirror of [one, two]) assert.deepEqual([await versions(mirror, name), await status(mirror, tarball('9.9.9', name)) === 200], [[], false])
    })
    it('what was changed meanwhile is not overwritten: nobody loses a version that he has not seen', async () => {
      await published(one)
      const stored = (await one.json(`/${escaped}?write=true`, { authorization: `Bearer ${token}` })) as { versions: Record<string, JsonObject>; _rev: string }
      await published(two, { version: '1.1.0' })
      const deprecated = { ...stored, versions: { '1.0.0': { ...stored.versions['1.0.0'], deprecated: 'old' } } }
      assert.equal((await change(one, 'PUT', `/${escaped}`, deprecated)).status, 409)
      assert.equal((await change(one, 'PUT', `/${escaped}/-rev/${stored._rev}`, deprecated)).status, 409)
      assert.equal((await change(one, 'DELETE', `/${escaped}/-rev/${stored._rev}`)).status, 409)
      assert.deepEqual(await versions(one), ['1.0.0', '1.1.0'])
    })
    it('every way to change a package has it alone', async () => {
      const { locks } = one.engine.routes
      assert.ok(locks)
      const acquire = locks.acquire.bind(locks)
      const taken: string[] = []
      locks.acquire = (name) => {
        taken.push(name)
        return acquire(name)
      }
      try {
        await published(one)
        const revision = async (): Promise<string> => ((await one.json(`/${escaped}?write=true`, { authorization: `Bearer ${token}` })) as { _rev: string })._rev
        assert.equal((await change(one, 'PUT', `/-/package/${escaped}/dist-tags/stable`, '1.0.0')).status, 201)
        assert.equal((await change(one, 'POST', `/-/package/${escaped}/dist-tags`, { next: '1.0.0' })).status, 201)
        assert.equal((await change(one, 'DELETE', `/-/package/${escaped}/dist-tags/stable`)).status, 201)
        assert.equal((await change(one, 'DELETE', `/${escaped}/-rev/${await revision()}`)).status, 201)
        assert.deepEqual(taken, Array.from({ length: 5 }, () => NAME))
        assert.equal((await fetch(`${one.url}/-/package/${escaped}/dist-tags/stable`, { method: 'DELETE' })).status, 401)
        assert.equal(taken.length, 5)
      } finally {
        locks.acquire = acquire
      }
    })
    it('users log in at both, and a token that one revoked is good at none', async () => {
      assert.equal((await two.json('/-/whoami', { authorization: `Bearer ${token}` })).username, 'alice')
      const made = (await (await change(one, 'POST', '/-/npm/v1/tokens', { password: 'a long password', readonly: false, cidr_whitelist: [] })).json()) as { token: string; key: string }
      const asked = (mirror: TestMirror): Promise<number> => mirror.get(`/${escaped}`, { authorization: `Bearer ${made.token}` }).then((answer) => answer.status)
      await published(one)
      assert.deepEqual([await asked(one), await asked(two)], [200, 200])
      assert.equal((await change(two, 'DELETE', `/-/npm/v1/tokens/token/${made.key}`)).status, 200)
      assert.deepEqual([await asked(one), await asked(two)], [403, 403])
    })
  })

  describe('what somebody else puts into the bucket', () => {
    const key = (name = NAME): string => `${name}/package.json`
    const put = (to: string, from: string): void => {
      const object = s3.objects.get(from)
      assert.ok(object)
      s3.objects.set(to, { ...object, modified: new Date() })
    }

    it('[18a] a manifest that was altered is not served, and the mirror says why', async () => {
      await published(one)
      s3.overwrite(key(), s3.text(key()).replace('"1.0.0"', '"1.0.9"'))
      assert.deepEqual(await codes(two.get(`/${escaped}`)), [503, 'internal-error'])
      assert.deepEqual(await codes(two.get(tarball())), [503, 'internal-error'])
      assert.deepEqual(await codes(publish(two, { version: '2.0.0' })), [503, 'internal-error'])
    })
    it('[18a] a tarball that was altered is not served', async () => {
      await published(one)
      const file = `${NAME}${tarball().split('/-')[1] ?? ''}`
      s3.overwrite(file, publishBody({ name: NAME, version: '1.0.0', files: { 'package/evil.js': 'evil()' } }).bytes, {})
      const answer = await two.get(tarball())
      assert.equal(answer.status, 403)
      assert.equal((await answer.text()).includes('integrity-mismatch'), true)
    })
    it('[18b] a package that nobody published is not served, nor one that has no key behind it', async () => {
      await published(one)
      s3.overwrite(`planted/package.json`, s3.text(key()).replaceAll(NAME, 'planted'), {})
      assert.equal(await status(two, '/planted'), 404)
      s3.overwrite(key(), s3.text(key()), { keyid: 'two', mac: 'AAAA', revision: String(Date.now() + 1000) })
      assert.deepEqual(await codes(two.get(`/${escaped}`)), [503, 'internal-error'])
    })
    it('[18c] the manifest of another package stands for no other', async () => {
      await published(one)
      await published(one, { name: `${NAME}-other` })
      put(key(), key(`${NAME}-other`))
      assert.deepEqual(await codes(two.get(`/${escaped}`)), [503, 'internal-error'])
    })
    it('[18d] a manifest from before is not served again: what was unpublished stays so', async () => {
      await published(one)
      const old = s3.objects.get(key())
      await published(one, { version: '1.1.0' })
      assert.deepEqual(await versions(two), ['1.0.0', '1.1.0'])
      assert.ok(old)
      s3.objects.set(key(), old)
      assert.deepEqual(await versions(two), ['1.0.0', '1.1.0'])
      assert.equal((await publish(two, { version: '2.0.0' })).status, 503)
    })
    it('[18a] the list of packages cannot be shortened: a name stays here', async () => {
      await published(one)
      registry.publish({ name: NAME, version: '9.9.9' })
      const list = '.mirror/packages.json'
      const good = s3.objects.get(list)
      assert.ok(good)
      try {
        s3.overwrite(list, '[]')
        assert.deepEqual(await versions(two), ['1.0.0'])
        s3.objects.delete(list)
        assert.deepEqual(await versions(two), ['1.0.0'])
      } finally {
        s3.objects.set(list, good)
      }
    })
    it('[18a] the secret of tokens cannot be replaced, nor read', async () => {
      assert.deepEqual(Object.keys(JSON.parse(s3.text('.mirror/secret.json')) as object), ['keyid', 'iv', 'sealed', 'tag'])
      const good = s3.objects.get('.mirror/secret.json')
      assert.ok(good)
      try {
        s3.overwrite('.mirror/secret.json', JSON.stringify({ keyid: 'one', iv: '', sealed: '', tag: '' }))
        await assert.rejects(start(), /was not written by a mirror that knows the key/)
      } finally {
        s3.objects.set('.mirror/secret.json', good)
      }
    })
  })

  describe('a bucket that fails', () => {
    it('down: what was published is 503 and not 404, a publish is refused, packages of uplinks go on; and it comes back by itself', async () => {
      await published(one)
      registry.publish({ name: `theirs-${String(count)}`, version: '1.0.0' })
      await s3.stop()
      try {
        assert.deepEqual(await codes(two.get(`/${escaped}`)), [503, 'internal-error'])
        assert.deepEqual(await codes(publish(two, { version: '2.0.0' })), [503, 'internal-error'])
        assert.equal(await status(two, `/theirs-${String(count)}`), 200)
      } finally {
        await s3.listen()
      }
      assert.deepEqual(await versions(two), ['1.0.0'])
      await published(two, { version: '2.0.0' })
    })
    it('down: what a mirror has verified it goes on serving', async () => {
      await published(one)
      assert.equal(await status(two, tarball()), 200)
      s3.fault = () => 500
      assert.deepEqual(await versions(two), ['1.0.0'])
      assert.equal(await status(two, tarball()), 200)
    })
    it('silent: packages of uplinks wait for it once, and not for long', async () => {
      const name = `theirs-${String(count)}`
      registry.publish({ name, version: '1.0.0' })
      let release = (): void => undefined
      const silence = new Promise<undefined>((resolve) => { release = () => { resolve(undefined) } })
      s3.fault = () => silence
      try {
        const began = Date.now()
        assert.equal(await status(two, `/${name}`), 200)
        assert.equal(await status(two, tarball('1.0.0', name)), 200)
        assert.ok(Date.now() - began < 2500)
      } finally {
        release()
      }
    })
    it('full in the middle of a publish: 503, no version, and the next try succeeds', async () => {
      await published(one)
      s3.fault = ({ method, key }) => (method === 'PUT' && key === `${NAME}/package.json` ? 503 : undefined)
      assert.equal((await publish(two, { version: '2.0.0' })).status, 503)
      s3.fault = undefined
      assert.deepEqual(await versions(one), ['1.0.0'])
      await published(two, { version: '2.0.0' })
      assert.equal(await status(one, tarball('2.0.0')), 200)
    })
    it('one that lets writers overwrite each other is not used', async () => {
      const loose = await FakeS3.start({ conditions: 'ignored' })
      try {
        const options = { registry, section: { shared: { keys: [{ id: 'one', secret_env: 'BUCKET_KEY' }] } }, core: { store: { 'provenance/s3': { bucket: BUCKET, endpoint: loose.url } } } }
        await assert.rejects(startTestMirror(options), /lets two writers overwrite each other/)
      } finally {
        await loose.stop()
      }
    })
    it('down at the start: a mirror that was there before goes on with what it knew, users and uplinks included', async () => {
      await published(one)
      const { dir: earlier, url } = two
      assert.equal(await status(two, tarball()), 200)
      await two.close({ keep: true })
      s3.fault = () => 500
      registry.publish({ name: `theirs-${String(count)}`, version: '1.0.0' })
      two = await start({}, earlier)
      assert.notEqual(two.url, url)
      assert.deepEqual([await versions(two), await status(two, tarball()), await status(two, `/theirs-${String(count)}`)], [['1.0.0'], 200, 200])
      const ready = await two.json('/-/provenance/ready')
      assert.deepEqual([ready.ready, (ready.warnings as string[]).some((warning) => warning.includes(`the bucket ${BUCKET} does not answer`))], [true, true])
      assert.match(await (await two.get('/-/provenance/metrics')).text(), /provenance_store_up\{store="packages"\} 0/)
      assert.equal((await two.json('/-/whoami', { authorization: `Bearer ${token}` })).username, 'alice')
      assert.equal((await publish(two, { version: '2.0.0' })).status, 503)
      s3.fault = undefined
      await published(two, { version: '2.0.0' })
      assert.deepEqual(await versions(one), ['1.0.0', '2.0.0'])
    })
    it('where Verdaccio loads another storage than the configured one, nothing starts', async () => {
      const plugins = mkdtempSync(path.join(tmpdir(), 'plugins-'))
      try {
        mkdirSync(path.join(plugins, 'verdaccio-provenance', 's3'), { recursive: true })
        const other = 'module.exports = () => ({ getPackageStorage() {}, getSecret: async () => "", setSecret: async (secret) => secret, get: (done) => { done(null, []) } })'
        writeFileSync(path.join(plugins, 'verdaccio-provenance', 's3', 'index.js'), other)
        const options = { registry, section: { shared: { keys: [{ id: 'one', secret_env: 'BUCKET_KEY' }] } }, core: { plugins, store: { 'provenance/s3': { bucket: BUCKET, endpoint: s3.url } } } }
        await assert.rejects(startTestMirror(options), /did not load the storage that `store` names/)
      } finally {
        rmSync(plugins, { recursive: true })
      }
    })
    it('down at the start: a mirror that was never there does not start, and says why', async () => {
      s3.fault = () => 500
      await assert.rejects(start(), /in the bucket packages failed: 500/)
    })
    it('a mirror that starts now has what was published before', async () => {
      await published(one)
      await fresh(async (mirror) => { assert.equal(await status(mirror, tarball()), 200) })
    })
  })
})
