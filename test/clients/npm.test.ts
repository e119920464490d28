/** Real packages with their real evidence, through the built mirror, to the real npm. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import type { JsonObject } from '../../plugin/domain/json.ts'
import type { FakeRegistry } from '../support/fake-registry.ts'
import { NpmProject, isBuilt, serveProcess, temporaryDirectory, type MirrorProcess } from '../support/process.ts'
import { publicTrust, realData, replayRegistry, type Twin } from '../support/real-data.ts'

const PLAYWRIGHT = '@playwright/cli'
const PROVENANCE_TEST = '@laurentsimon/provenance-npm-test'

const policyFor = (name: string, provenance: JsonObject): JsonObject => ({
  version: 1,
  extends: 'recommended',
  defaults: { minimumReleaseAge: '0' },
  rules: [{ name: `${name} is built by its own workflow`, packages: [name], require: { provenance } }],
})

describe('npm: real packages through the mirror', function () {
  this.timeout(120_000)
  const data = realData()
  let dir: string
  let registry: FakeRegistry
  let mirror: MirrorProcess | undefined
  let project: NpmProject

  before(function () {
    if (isBuilt() && data !== undefined) return
    process.stderr.write(data === undefined ? 'skipped: no real data beside the repository\n' : 'skipped: not built (npm run build)\n')
    this.skip()
  })
  beforeEach(() => {
    dir = temporaryDirectory('npm-')
    project = new NpmProject(dir)
  })
  afterEach(async () => {
    await mirror?.stop()
    mirror = undefined
    await registry.close()
    rmSync(dir, { recursive: true, force: true })
  })

  async function start(policy: JsonObject, twin: Twin = 'good'): Promise<string> {
    if (data === undefined) throw new Error('skipped above')
    registry = await replayRegistry(data, twin)
    // What the real packages depend on is not part of what is tested; these have no evidence, and need none.
    for (const [name, version] of [['minimist', '1.2.8'], ['playwright', '1.59.0-alpha-1771104257000'], ['@actions/core', '1.10.0']] as const)
      registry.publish({ name, version, signed: false })
    mirror = await serveProcess(dir, { policy, uplinks: { replay: { url: registry.url, trust: { registry: publicTrust().registry } } } })
    return mirror.url
  }

  it('@playwright/cli installs under a rule that names its repository, workflow and tag', async () => {
    const url = await start(policyFor(PLAYWRIGHT, {
      issuer: 'github-actions',
      sourceRepository: 'https://github.com/microsoft/playwright-cli',
      sourceRef: 'refs/tags/v{version}',
      workflow: '.github/workflows/publish.yml',
      trigger: ['release', 'push', 'workflow_dispatch'],
      runner: 'github-hosted',
    }))
    const { code, output } = await project.npm(url, 'install', `${PLAYWRIGHT}@0.1.1`)
    assert.equal(code, 0, output)
    assert.ok(project.has(`${PLAYWRIGHT}/package.json`))
  })

  it('@playwright/cli is refused under a rule that names another repository', async () => {
    const url = await start(policyFor(PLAYWRIGHT, { sourceRepository: 'https://github.com/acme/*' }))
    const { code, output } = await project.npm(url, 'install', `${PLAYWRIGHT}@0.1.1`)
    assert.notEqual(code, 0)
    assert.match(output, /E403[^]*@playwright\/cli[^]*github\.com\/microsoft\/playwright-cli/)
    assert.equal(project.has(PLAYWRIGHT), false)
  })

  it('@laurentsimon/provenance-npm-test passes, in both versions', async () => {
    const url = await start(policyFor(PROVENANCE_TEST, { sourceRepository: 'https://github.com/laurentsimon/provenance-npm-test' }))
    for (const version of ['1.0.3', '1.0.5']) {
      project.reset()
      const { code, output } = await project.npm(url, 'install', `${PROVENANCE_TEST}@${version}`)
      assert.equal(code, 0, output)
    }
  })

  for (const twin of ['spoiled-provenance', 'spoiled-publish'] as const)
    it(`@laurentsimon/provenance-npm-test is refused with its ${twin.replace('spoiled-', '')} spoiled`, async () => {
      const url = await start({ version: 1, extends: 'recommended', defaults: { minimumReleaseAge: '0' } }, twin)
      for (const version of ['1.0.3', '1.0.5']) {
        project.reset()
        const { code } = await project.npm(url, 'install', `${PROVENANCE_TEST}@${version}`)
        assert.notEqual(code, 0, version)
        const response = await fetch(`${url}/${PROVENANCE_TEST}/-/provenance-npm-test-${version}.tgz`)
        assert.equal(response.status, 403)
        const { reasons } = (await response.json()) as { reasons: { code: string }[] }
        assert.equal(reasons[0]?.code, twin === 'spoiled-publish' ? 'publish-attestation-invalid' : 'provenance-invalid')
      }
    })
})
