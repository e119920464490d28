/** What people do with the real npm beside installing, through a whole mirror: looking, logging in, keeping what they published, auditing. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { FakeRegistry } from '../support/fake-registry.ts'
import { NO_AGE, startTestMirror, type TestMirror } from '../support/mirror.ts'
import { githubIdentity, PrivateSigstore } from '../support/private-sigstore.ts'
import { register } from '../support/raw.ts'
import { advisory } from '../support/registry/advisories.ts'
import { publishTo } from '../support/stored.ts'
import { run, type Ran } from './support/run.ts'

const NPM = process.env.npm_execpath === undefined ? ['npm'] : [process.execPath, process.env.npm_execpath]
const FLAGS = ['--no-fund', '--no-update-notifier', '--fetch-retries=0']
const PASSWORD = 'a long password'

describe('npm: commands', function () {
  this.timeout(90_000)
  let dir: string
  let registry: FakeRegistry
  let mirror: TestMirror

  before(async () => {
    dir = mkdtempSync(path.join(tmpdir(), 'commands-'))
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    for (const version of ['1.0.0', '1.1.0', '1.2.0'])
      registry.publish({ name: 'widget', version, provenance: githubIdentity({ ref: `refs/tags/v${version}` }) })
    registry.advisories = { widget: [advisory(7, '<1.1.0')] }
    mirror = await startTestMirror({
      registry,
      dir: path.join(dir, 'mirror'),
      policy: { ...NO_AGE, rules: [{ packages: ['widget@1.2.0'], verdict: 'deny', reason: 'taken over' }] },
    })
  })
  after(async () => {
    await mirror.close()
    await registry.close()
    rmSync(dir, { recursive: true, force: true })
  })

  /** A person with a home of his own, logged in where he has a token. */
  class Person {
    readonly home: string
    readonly project: string
    constructor(name: string, token?: string) {
      this.home = path.join(dir, name)
      this.project = path.join(this.home, 'project')
      mkdirSync(this.project, { recursive: true })
      const login = token === undefined ? '' : `${mirror.url.replace(/^http:/, '')}/:_authToken=${token}\n`
      writeFileSync(path.join(this.home, '.npmrc'), `registry=${mirror.url}/\n${login}`)
      this.writes({})
    }
    writes(dependencies: Readonly<Record<string, string>>): void {
      writeFileSync(path.join(this.project, 'package.json'), JSON.stringify({ name: 'secret-project', version: '1.0.0', private: true, dependencies }))
    }
    npm(...args: readonly string[]): Promise<Ran> {
      return run([...NPM, ...args, ...FLAGS], { cwd: this.project, home: this.home })
    }
    /** @returns what it printed, which is fine */
    async does(...args: readonly string[]): Promise<string> {
      const { code, output } = await this.npm(...args)
      assert.equal(code, 0, `npm ${args.join(' ')}:\n${output}`)
      return output
    }
  }

  describe('anybody', () => {
    let anybody: Person
    before(() => { anybody = new Person('anybody') })

    it('ping', async () => assert.match(await anybody.does('ping'), /PONG/))
    it('view: what is withheld is not there', async () => {
      const output = await anybody.does('view', 'widget', 'versions', 'time', 'dist.integrity', 'dist-tags', '--json')
      const seen = JSON.parse(output.slice(output.indexOf('{'), output.lastIndexOf('}') + 1)) as { versions: string[]; time: object; 'dist.integrity': string; 'dist-tags': object }
      assert.deepEqual(seen.versions, ['1.0.0', '1.1.0'])
      assert.deepEqual([Object.keys(seen.time).includes('1.2.0'), Object.keys(seen.time).includes('1.1.0')], [false, true])
      assert.match(seen['dist.integrity'], /^sha512-/)
      assert.deepEqual(seen['dist-tags'], { latest: '1.1.0' })
    })
    it('view of one version, in words', async () => assert.match(await anybody.does('view', 'widget@1.0.0'), /widget@1\.0\.0/))
    it('dist-tag ls of an uplink\'s package', async () => assert.match(await anybody.does('dist-tag', 'ls', 'widget'), /^latest: 1\.1\.0$/m))
    it('outdated compares with what passes', async () => {
      const person = new Person('outdated')
      person.writes({ widget: '1.0.0' })
      await person.does('install', '--no-audit')
      const { output } = await person.npm('outdated', '--json')
      const { widget } = JSON.parse(output.slice(output.indexOf('{'), output.lastIndexOf('}') + 1)) as { widget: { current: string; latest: string } }
      assert.deepEqual([widget.current, widget.latest], ['1.0.0', '1.1.0'])
    })
  })

  describe('audit', () => {
    it('works, and tells the uplink of its own packages only', async () => {
      const token = await register(mirror.url, 'auditor')
      for (const name of ['@home/audited', 'home-audited']) assert.equal((await publishTo(mirror.url, token, name, '1.0.0')).status, 201)
      const person = new Person('audit', token)
      person.writes({ widget: '1.0.0', '@home/audited': '1.0.0', 'home-audited': '1.0.0' })
      registry.askedAdvisories.length = 0
      assert.match(await person.does('install'), /1 high severity vulnerability/)
      const { code, output } = await person.npm('audit', '--json')
      assert.equal(code, 1, output)
      const report = JSON.parse(output.slice(output.indexOf('{'), output.lastIndexOf('}') + 1)) as { vulnerabilities: Record<string, { severity: string; nodes: string[] }> }
      assert.deepEqual(Object.entries(report.vulnerabilities).map(([name, { severity, nodes }]) => [name, severity, nodes]), [['widget', 'high', ['node_modules/widget']]])
      assert.ok(registry.askedAdvisories.length >= 2)
      for (const { headers, body } of registry.askedAdvisories) {
        assert.deepEqual(JSON.parse(body), { widget: ['1.0.0'] })
        assert.deepEqual([headers.authorization, headers['npm-command'], JSON.stringify(headers).includes('secret-project')], [undefined, undefined, false])
      }
      assert.match(await person.does('audit', 'fix', '--force'), /found 0 vulnerabilities/)
      const { packages } = JSON.parse(readFileSync(path.join(person.project, 'package-lock.json'), 'utf8')) as { packages: Record<string, { version: string }> }
      // Not 1.2.0, which is withheld.
      assert.equal(packages['node_modules/widget']?.version, '1.1.0')
    })
  })

  describe('login', () => {
    /** Answers npm's questions, one by one. */
    function answering(person: Person, command: readonly string[], answers: readonly (readonly [RegExp, string])[]): Promise<Ran> {
      return new Promise((resolve) => {
        const [file = '', ...args] = [...NPM, ...command, ...FLAGS]
        const env = { PATH: `${path.dirname(process.execPath)}${path.delimiter}${process.env.PATH ?? ''}`, HOME: person.home, NO_COLOR: '1' }
        const child = spawn(file, args, { cwd: person.project, env, stdio: ['pipe', 'pipe', 'pipe'] })
        const left = [...answers]
        let output = ''
        const heard = (chunk: Buffer): void => {
          output += chunk.toString()
          if (left[0]?.[0].test(output) === true) child.stdin.write(`${left.shift()?.[1] ?? ''}\n`)
        }
        child.stdout.on('data', heard)
        child.stderr.on('data', heard)
        child.once('close', (code) => { resolve({ code: code ?? 1, output, took: 0 }) })
      })
    }
    for (const [command, name] of [[['adduser', '--auth-type=legacy'], 'carol'], [['adduser'], 'dora']] as const)
      it(`${command.join(' ')}, then whoami, and login again`, async () => {
        const person = new Person(name)
        const questions = [[/username/i, name], [/password/i, PASSWORD], [/email/i, `${name}@mail.example`]] as const
        const made = await answering(person, command, questions)
        assert.equal(made.code, 0, made.output)
        assert.match(await person.does('whoami'), new RegExp(`^${name}$`, 'm'))
        const again = await answering(person, ['login', ...command.slice(1)], questions.slice(0, 2))
        assert.equal(again.code, 0, again.output)
      })
    it('whoami of nobody', async () => assert.notEqual((await new Person('nobody').npm('whoami')).code, 0))
    it('tokens: list, revoke', async () => {
      const login = await register(mirror.url, 'erin')
      const person = new Person('erin', login)
      const made = await fetch(`${mirror.url}/-/npm/v1/tokens`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${login}` },
        body: JSON.stringify({ password: PASSWORD, readonly: true, cidr_whitelist: [] }),
      })
      const { key, token } = (await made.json()) as { key: string; token: string }
      assert.match(await person.does('token', 'list'), new RegExp(key.slice(0, 6)))
      assert.match(await new Person('erin-ci', token).does('whoami'), /^erin$/m)
      await person.does('token', 'revoke', key)
      assert.notEqual((await new Person('erin-ci', token).npm('whoami')).code, 0)
    })
    it('logout ends the token', async () => {
      const person = new Person('frank', await register(mirror.url, 'frank'))
      await person.does('logout')
      assert.notEqual((await person.npm('whoami')).code, 0)
    })
  })

  describe('what is published here', () => {
    let person: Person
    before(async () => {
      const token = await register(mirror.url, 'grace')
      person = new Person('grace', token)
      for (const version of ['1.0.0', '1.1.0']) assert.equal((await publishTo(mirror.url, token, '@home/kept', version, { description: 'findable gadget' })).status, 201)
    })
    const versions = async (): Promise<readonly string[]> => Object.keys(((await mirror.json('/@home%2fkept')).versions ?? {}) as object)

    it('search finds it, and nothing of uplinks', async () => {
      const found = await person.does('search', 'gadget', '--json')
      assert.deepEqual((JSON.parse(found.slice(found.indexOf('['))) as { name: string }[]).map(({ name }) => name), ['@home/kept'])
      assert.match(await person.does('search', 'widget'), /No matches found/)
    })
    it('dist-tag add, ls, rm', async () => {
      await person.does('dist-tag', 'add', '@home/kept@1.0.0', 'old')
      assert.match(await person.does('dist-tag', 'ls', '@home/kept'), /^old: 1\.0\.0$/m)
      await person.does('dist-tag', 'rm', '@home/kept', 'old')
      assert.doesNotMatch(await person.does('dist-tag', 'ls', '@home/kept'), /old/)
    })
    it('deprecate, and undo it', async () => {
      await person.does('deprecate', '@home/kept@1.0.0', 'use the next')
      assert.match(await person.does('view', '@home/kept@1.0.0', 'deprecated'), /use the next/)
      await person.does('deprecate', '@home/kept@1.0.0', '')
      assert.doesNotMatch(await person.does('view', '@home/kept@1.0.0', 'deprecated'), /use the next/)
      assert.deepEqual(await versions(), ['1.0.0', '1.1.0'])
    })
    it('star, stars, unstar', async () => {
      await person.does('star', '@home/kept')
      assert.match(await person.does('stars'), /@home\/kept/)
      await person.does('unstar', '@home/kept')
      assert.deepEqual(await versions(), ['1.0.0', '1.1.0'])
    })
    it('owner add, ls, rm', async () => {
      assert.match(await person.does('owner', 'ls', '@home/kept'), /^grace /m)
      await person.does('owner', 'add', 'heidi', '@home/kept')
      assert.match(await person.does('owner', 'ls', '@home/kept'), /^heidi /m)
      await person.does('owner', 'rm', 'grace', '@home/kept')
      assert.doesNotMatch(await person.does('owner', 'ls', '@home/kept'), /grace/)
      assert.deepEqual(await versions(), ['1.0.0', '1.1.0'])
    })
    it('owner: the last one stays, and strangers change nothing', async () => {
      assert.notEqual((await person.npm('owner', 'rm', 'heidi', '@home/kept')).code, 0)
      assert.notEqual((await new Person('nobody', 'no-token').npm('owner', 'add', 'nobody', '@home/kept')).code, 0)
      assert.match(await person.does('owner', 'ls', '@home/kept'), /^heidi /m)
    })
    it('unpublish one version, then all', async () => {
      await person.does('unpublish', '@home/kept@1.0.0')
      assert.deepEqual(await versions(), ['1.1.0'])
      await person.does('unpublish', '@home/kept', '--force')
      assert.notEqual((await mirror.get('/@home%2fkept')).status, 200)
    })
    it('an uplink\'s package is nobody\'s to change', async () => {
      for (const args of [['dist-tag', 'add', 'widget@1.0.0', 'mine'], ['deprecate', 'widget@1.0.0', 'no'], ['star', 'widget']])
        assert.notEqual((await person.npm(...args)).code, 0, args.join(' '))
      // To which npm says that it was unpublished, whatever it is answered that is 404.
      await person.npm('unpublish', 'widget', '--force')
      assert.deepEqual(Object.keys((await mirror.json('/widget')).versions as object), ['1.0.0', '1.1.0'])
    })
  })
})
