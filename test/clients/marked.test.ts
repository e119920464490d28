/** `withheld: marked`, as the real npm sees it. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { FakeRegistry } from '../support/fake-registry.ts'
import { startTestMirror, type TestMirror } from '../support/mirror.ts'
import { PrivateSigstore } from '../support/private-sigstore.ts'
import { NpmProject, temporaryDirectory } from '../support/process.ts'

describe('npm: marked versions', function () {
  this.timeout(60_000)
  let dir: string
  let registry: FakeRegistry
  let mirror: TestMirror

  before(async () => {
    dir = temporaryDirectory('marked-')
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    for (const version of ['1.0.0', '1.1.0']) registry.publish({ name: 'ui', version })
    const rules = [{ packages: ['ui@1.1.0'], verdict: 'deny', reason: 'see our list' }]
    mirror = await startTestMirror({ registry, policy: { version: 1, extends: 'recommended', withheld: 'marked', rules } })
  })
  after(async () => {
    await mirror.close()
    await registry.close()
    rmSync(dir, { recursive: true, force: true })
  })

  it('are seen with the reason, left out by ranges, and refused by number', async () => {
    const project = new NpmProject(dir)
    const seen = await project.npm(mirror.url, 'view', 'ui@1.1.0', 'deprecated')
    assert.match(seen.output, /refused by this registry mirror: .*see our list/)
    const ranged = await project.npm(mirror.url, 'install', 'ui@^1.0.0')
    assert.equal(ranged.code, 0, ranged.output)
    assert.match((await project.npm(mirror.url, 'ls', 'ui')).output, /ui@1\.0\.0/)
    const exact = await project.npm(mirror.url, 'install', 'ui@1.1.0')
    assert.notEqual(exact.code, 0)
    assert.match(exact.output, /E403[^]*see our list/)
  })
})
