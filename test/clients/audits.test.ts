/** `audit` of every client that `npm run clients` fetched: what is known against a package of an uplink arrives, and what is not its own is not told it. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { FakeRegistry } from '../support/fake-registry.ts'
import { startTestMirror, type TestMirror } from '../support/mirror.ts'
import { PrivateSigstore } from '../support/private-sigstore.ts'
import { register } from '../support/raw.ts'
import { advisory } from '../support/registry/advisories.ts'
import { publishTo } from '../support/stored.ts'
import { CLIENTS } from './support/clients.ts'
import { Project } from './support/project.ts'
import { run } from './support/run.ts'

const AUDIT: Readonly<Record<string, readonly string[]>> = { yarn4: ['npm', 'audit'] }
/** yarn 1 asks a registry of its own choice, whatever is configured (lib/cli.js, AUDIT): no mirror can help. */
const ELSEWHERE = new Set(['yarn1'])
/** They install nothing that was published today. */
const CAREFUL = new Set(['yarn4', 'deno'])
const fetched = CLIENTS.filter(({ id, program }) => !ELSEWHERE.has(id) && program.every((file) => existsSync(file)))

describe('audit', function () {
  this.timeout(100_000)
  let dir: string
  let registry: FakeRegistry
  let mirror: TestMirror

  before(async function () {
    if (fetched.length === 0) {
      process.stderr.write('skipped: no clients (npm run clients)\n')
      this.skip()
    }
    dir = mkdtempSync(path.join(tmpdir(), 'audits-'))
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    registry.publish({ name: 'widget', version: '1.0.0' })
    registry.advisories = { widget: [advisory(7, '<1.1.0')] }
    mirror = await startTestMirror({ registry, dir: path.join(dir, 'mirror'), uplink: { maxage: '1m' } })
    assert.equal((await publishTo(mirror.url, await register(mirror.url, 'alice'), 'home-made', '1.0.0')).status, 201)
  })
  after(async () => {
    if (fetched.length === 0) return
    await mirror.close()
    await registry.close()
    rmSync(dir, { recursive: true, force: true })
  })

  for (const client of fetched)
    it(client.title, async () => {
      const home = path.join(dir, client.id)
      mkdirSync(home)
      const project = Project.create(client, home, { dependencies: { widget: '1.0.0', ...(CAREFUL.has(client.id) ? {} : { 'home-made': '1.0.0' }) } })
      const installed = await project.install({ registry: mirror.url })
      assert.equal(installed.code, 0, installed.output)
      registry.askedAdvisories.length = 0
      const { code, output } = await run([...client.program, ...(AUDIT[client.id] ?? ['audit'])], { cwd: path.join(home, 'project'), home: path.join(home, 'home'), env: client.env ?? {} })
      assert.notEqual(code, 0, output)
      assert.match(output, /Weakness number 7/)
      assert.match(output, /widget/)
      for (const { body } of registry.askedAdvisories) assert.deepEqual(JSON.parse(body), { widget: ['1.0.0'] })
      assert.ok(registry.askedAdvisories.length > 0)
    })
})
