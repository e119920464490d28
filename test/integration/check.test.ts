/** `check` and `warm` as processes: on a mirror's own store, and against a running mirror. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { MAX_LOCKFILE } from '../../plugin/lockfile/index.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { startTestMirror, type TestMirror } from '../support/mirror.ts'
import { githubIdentity, PrivateSigstore, REGISTRY } from '../support/private-sigstore.ts'
import { isBuilt, runMain, temporaryDirectory, type CommandResult } from '../support/process.ts'

const POLICY = { version: 1, extends: 'recommended', defaults: { minimumReleaseAge: '0', provenance: 'required' } }

describe('check and warm', function () {
  this.timeout(120_000)
  let registry: FakeRegistry
  let mirror: TestMirror
  let closed: TestMirror
  let dir: string
  const run = (...args: readonly string[]): Promise<CommandResult> => runMain(dir, ...args)
  const write = (file: string, content: string | Uint8Array): void => {
    mkdirSync(path.dirname(path.join(dir, file)), { recursive: true })
    writeFileSync(path.join(dir, file), content)
  }
  const configured = (file: string, url: string): void => {
    write(file, JSON.stringify({
      storage: './storage',
      packages: { '**': { access: '$all' } },
      middlewares: {
        provenance: {
          policy: POLICY,
          uplinks: { fake: { url, timeout: '2s', maxage: '1h', trust: { registry: REGISTRY, registryKeys: './keys.json' } } },
          packages: { '**': ['fake'] },
          trust: { trustedRoot: './root.json', offline: true },
        },
      },
    }))
    write(path.join(path.dirname(file), 'root.json'), JSON.stringify(registry.sigstore.trustedRoot()))
    write(path.join(path.dirname(file), 'keys.json'), JSON.stringify(registry.sigstore.registryKeys()))
  }
  const lockfile = (packages: Readonly<Record<string, JsonObject>>): string => JSON.stringify({ lockfileVersion: 3, packages: { '': { name: 'p', dependencies: Object.fromEntries(Object.keys(packages).map((place) => [place.slice(13), '^1.0.0'])) }, ...packages } })

  before(async function () {
    if (!isBuilt()) this.skip()
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    const publish = (name: string, version: string, built = true): string =>
      registry.publish({ name, version, provenance: built ? githubIdentity({ ref: `refs/tags/v${version}` }) : false }).integrity
    const integrity = publish('good', '1.0.0')
    publish('left', '1.0.0')
    publish('left', '1.1.0', false)
    publish('native', '1.0.0', false)
    dir = temporaryDirectory('check-')
    configured('own/config.yaml', registry.url)
    write('package-lock.json', lockfile({
      'node_modules/good': { version: '1.0.0', integrity },
      'node_modules/left': { version: '1.1.0' },
      'node_modules/native': { version: '1.0.0', optional: true },
      'node_modules/forge': { version: '1.0.0', resolved: 'git+ssh://git@github.com/acme/forge.git#0123' },
    }))
    write('good/package-lock.json', lockfile({ 'node_modules/good': { version: '1.0.0', integrity } }))
    write('other/package-lock.json', lockfile({ 'node_modules/good': { version: '1.0.0', integrity: `sha512-${'A'.repeat(86)}==` } }))
    mirror = await startTestMirror({ registry, policy: POLICY, uplink: { maxage: '1h' } })
    closed = await startTestMirror({ registry, policy: POLICY, core: { packages: { '**': { access: '$authenticated' } } } })
  })
  after(async () => {
    for (const one of [mirror, closed, registry] as readonly ({ close(): Promise<void> } | undefined)[]) await one?.close()
    if (existsSync(dir)) rmSync(dir, { recursive: true, force: true })
  })

  interface Document {
    readonly subjects: readonly { readonly counts: JsonObject; readonly findings: readonly (JsonObject & { readonly explain?: string })[] }[]
  }
  const findingsIn = ({ output }: CommandResult): readonly string[] =>
    (JSON.parse(output) as Document).subjects.flatMap(({ findings }) => findings.map(({ level, code, package: name, nearest }) => [level, code, name, nearest ?? null].map((part) => (typeof part === 'string' ? part : JSON.stringify(part))).join(' '))).sort()
  const FOUND = [
    'refused provenance-absent native null',
    'refused trust-downgrade left {"version":"1.0.0","inRange":true}',
    'uncovered git-dependency forge null',
  ]

  it('both ways say the same, and which version passes', async () => {
    const [alone, asked] = await Promise.all([run('check', '--config', 'own/config.yaml', '--json'), run('check', '--mirror', mirror.url, '--json', 'package-lock.json')])
    assert.deepEqual([alone.code, asked.code], [1, 1])
    assert.deepEqual(findingsIn(alone), FOUND)
    assert.deepEqual(findingsIn(asked), FOUND)
  })
  it('a project that passes ends with 0; one that expects other bytes with 1', async () => {
    const [good, other] = await Promise.all([run('check', '--mirror', mirror.url, './good'), run('check', '--mirror', mirror.url, '--json', './other')])
    assert.deepEqual([good.code, other.code], [0, 1], good.output + other.output)
    assert.match(good.output, /^1 package: 1 allowed$/m)
    assert.deepEqual(findingsIn(other), ['refused integrity-mismatch good null'])
  })
  it('text: 80 columns, no colour and no progress where nobody looks; --output takes it all', async () => {
    const [shown, kept] = await Promise.all([run('check', '--mirror', mirror.url), run('check', '--mirror', mirror.url, '--format', 'sarif', '--output', 'out.sarif')])
    assert.doesNotMatch(shown.output, /[\u001b\r]/)
    for (const line of shown.output.split('\n')) assert.ok(line.length <= 80, line)
    assert.match(shown.output, /REFUSED {2}trust-downgrade {2}\(1\)[\s\S]+left@1\.1\.0[\s\S]+passes {2}1\.0\.0, which the range allows/)
    assert.match(shown.output, /native@1\.0\.0 {2}\[optional\]/)
    assert.deepEqual([kept.code, kept.output], [1, ''])
    assert.equal((JSON.parse(readFileSync(path.join(dir, 'out.sarif'), 'utf8')) as JsonObject).version, '2.1.0')
  })
  it('specs: a version, a range, a tag', async () => {
    const result = await run('check', '--config', 'own/config.yaml', '--json', 'left@1.0.0', 'left@^1.0.0', 'good')
    assert.deepEqual([result.code, findingsIn(result)], [1, ['refused trust-downgrade left {"version":"1.0.0","inRange":true}']])
  })

  const sentence = ({ output }: CommandResult): string => output.trim()
  it('bad input: one sentence, and 2', async () => {
    write('bad/none/readme.txt', 'hello')
    write('bad/cut/package-lock.json', '{"lockfileVersion":3,"packages":{"":')
    write('bad/large/package-lock.json', Buffer.alloc(MAX_LOCKFILE + 10, 32))
    const asked: readonly (readonly string[])[] = [['bad/none'], ['bad/cut'], ['bad/large/package-lock.json'], ['nowhere/yarn.lock'], ['left@9.9.9'], ['unheard-of'], ['--format', 'pdf'], ['--rate', 'x']]
    for (const half of [asked.slice(0, 4), asked.slice(4)])
      await Promise.all(half.map(async (args) => {
        const result = await run(...(args[0] === '--rate' ? ['warm'] : ['check']), '--mirror', mirror.url, ...args)
        assert.equal(result.code, 2, `${args.join(' ')}: ${result.output}`)
        assert.match(sentence(result), /^[^\n]+\. [A-Z][^\n]+\.$/, args.join(' '))
      }))
  })
  it('nobody answers: one sentence, and 3; nothing is called fine', async () => {
    configured('dark/config.yaml', 'http://127.0.0.1:9')
    const [alone, asked, spec] = await Promise.all([
      run('check', '--config', 'dark/config.yaml', '--json', 'good/package-lock.json'),
      run('check', '--mirror', 'http://127.0.0.1:9', 'good/package-lock.json'),
      run('check', '--config', 'dark/config.yaml', 'good@1.0.0'),
    ])
    assert.deepEqual([alone.code, asked.code, spec.code], [3, 3, 3], alone.output + asked.output + spec.output)
    assert.deepEqual(findingsIn(alone), ['undecided evidence-unavailable good null'])
    for (const result of [asked, spec]) assert.match(sentence(result), /^cannot decide: [^\n]+\.$/)
  })
  it('what is no mirror of this kind is said to be none', async () => {
    const result = await run('check', '--mirror', registry.url, './good')
    assert.deepEqual([result.code, sentence(result).split('\n').length], [2, 1])
    assert.match(result.output, /is no mirror of this kind/)
  })
  it('[15c] a mirror that asks who it is: the token of .npmrc, and a sentence without one', async () => {
    const without = await run('check', '--mirror', closed.url, './good')
    assert.equal(without.code, 2, without.output)
    assert.match(sentence(without), /does not let you read good [^\n]+--token-env\.$/)
    const user = await fetch(`${closed.url}/-/user/org.couchdb.user:ann`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name: 'ann', password: 'a long password' }) })
    const { token } = (await user.json()) as { token: string }
    write('.npmrc', `//${new URL(closed.url).host}/:_authToken=${token}\n`)
    const result = await run('check', '--mirror', closed.url, './good')
    assert.equal(result.code, 0, result.output)
  })

  const parsed = (output: string): unknown => {
    try {
      return JSON.parse(output)
    } catch {
      return assert.fail(output)
    }
  }
  it('warm: fetched once; a second run asks nobody for what is here', async () => {
    configured('warm/config.yaml', registry.url)
    const first = await run('warm', '--config', 'warm/config.yaml', '--json')
    const asked = registry.requests.length
    const second = await run('warm', '--config', 'warm/config.yaml', '--json', 'good/package-lock.json')
    const of = ({ output }: CommandResult): readonly unknown[] => {
      const { fetched, kept, refused } = parsed(output) as { fetched: number; kept: number; refused: readonly { code: string }[] }
      return [fetched, kept, refused.map(({ code }) => code).sort()]
    }
    assert.deepEqual([first.code, of(first)], [1, [1, 0, ['provenance-absent', 'trust-downgrade']]])
    assert.deepEqual([second.code, of(second)], [0, [0, 1, []]])
    assert.equal(registry.requests.length, asked)
  })
  it('warm --mirror: the running mirror has it then', async () => {
    const result = await run('warm', '--mirror', mirror.url, '--rate', '100/s', './good')
    assert.equal(result.code, 0, result.output)
    const before = registry.hits(/good-1\.0\.0\.tgz$/)
    assert.equal((await mirror.get('/good/-/good-1.0.0.tgz')).status, 200)
    assert.equal(registry.hits(/good-1\.0\.0\.tgz$/), before)
  })
})
