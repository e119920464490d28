/** The real npm, publishing to the built mirror. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { githubIdentity, PrivateSigstore, REGISTRY } from '../support/private-sigstore.ts'
import { isBuilt, NpmProject, serveProcess, temporaryDirectory, type CommandResult, type MirrorProcess } from '../support/process.ts'
import { bundleFor } from '../support/publish.ts'
import { register } from '../support/raw.ts'

/** Makes npm send a bundle of another Sigstore than the public one, which it would verify over the network first. */
const STUB = path.resolve(import.meta.dirname, '../../../shared/tools/sigstore-verify-stub.cjs')
const NAME = '@acme/ui'
const REPOSITORY = 'https://github.com/acme/ui'
const RULE: JsonObject = { name: 'ours, built by us', packages: ['@acme/*'], origin: 'local', require: { provenance: { sourceRepository: REPOSITORY } } }

describe('npm: publishing', function () {
  this.timeout(120_000)
  const sigstore = PrivateSigstore.create()
  let dir: string | undefined
  let registry: FakeRegistry
  let mirror: MirrorProcess
  let project: NpmProject
  let token: string

  before(async function () {
    if (!isBuilt() || !existsSync(STUB)) {
      process.stderr.write(isBuilt() ? 'skipped: no tools beside the repository\n' : 'skipped: not built (npm run build)\n')
      this.skip()
    }
    dir = temporaryDirectory('publish-')
    registry = await FakeRegistry.start({ sigstore })
    writeFileSync(path.join(dir, 'root.json'), JSON.stringify(sigstore.trustedRoot()))
    writeFileSync(path.join(dir, 'keys.json'), JSON.stringify(sigstore.registryKeys()))
    const policy = { version: 1, extends: 'recommended', defaults: { minimumReleaseAge: '0' }, rules: [RULE] }
    const uplinks = { fake: { url: registry.url, trust: { registry: REGISTRY, registryKeys: './keys.json' } } }
    mirror = await serveProcess(dir, { policy, uplinks, trust: { trustedRoot: './root.json' } })
    token = await register(mirror.url, 'alice')
  })
  after(async () => {
    if (dir === undefined) return
    await mirror.stop()
    await registry.close()
    rmSync(dir, { recursive: true, force: true })
  })

  const npm = (...args: readonly string[]): Promise<CommandResult> => project.npm(mirror.url, ...args)
  /** A package in its directory, packed: its bundle is of the bytes that npm will send. */
  const packed = async (version: string, repo = 'acme/ui'): Promise<string> => {
    project = new NpmProject(dir ?? '')
    const { host } = new URL(mirror.url)
    writeFileSync(path.join(project.dir, '.npmrc'), `//${host}/:_authToken=${token}\n`)
    writeFileSync(path.join(project.dir, 'package.json'), JSON.stringify({ name: NAME, version, repository: `git+${REPOSITORY}.git` }))
    const { code, output } = await npm('pack')
    assert.equal(code, 0, output)
    const tarball = path.join(project.dir, `acme-ui-${version}.tgz`)
    const bundle = bundleFor(sigstore, { name: NAME, version }, readFileSync(tarball), githubIdentity({ repo }))
    writeFileSync(path.join(project.dir, 'bundle.json'), JSON.stringify(bundle))
    return tarball
  }
  const publish = (tarball: string, ...more: readonly string[]): Promise<CommandResult> => {
    process.env.NODE_OPTIONS = `--require=${STUB}`
    return npm('publish', tarball, ...more).finally(() => { delete process.env.NODE_OPTIONS })
  }

  it('with --provenance-file: accepted, and installed again', async () => {
    const { code, output } = await publish(await packed('1.0.0'), '--provenance-file', 'bundle.json', '--access', 'public')
    assert.equal(code, 0, output)
    project.reset()
    const installed = await npm('install', `${NAME}@1.0.0`)
    assert.equal(installed.code, 0, installed.output)
    assert.ok(project.has(`${NAME}/package.json`))
  })
  it('without: refused, and the person reads why', async () => {
    const { code, output } = await publish(await packed('1.0.1'), '--access', 'public')
    assert.notEqual(code, 0)
    assert.match(output, /E403[^]*publishing @acme\/ui@1\.0\.1 is refused: [^]*provenance/)
  })
  it('with provenance of another repository: refused, and the person reads whose', async () => {
    const { code, output } = await publish(await packed('1.0.2', 'evil/ui'), '--provenance-file', 'bundle.json', '--access', 'public')
    assert.notEqual(code, 0)
    assert.match(output, /E403[^]*github\.com\/evil\/ui/)
  })
  it('deprecate, dist-tag and unpublish work, and take no other version', async () => {
    const tarball = await packed('1.1.0')
    assert.equal((await publish(tarball, '--provenance-file', 'bundle.json', '--access', 'public')).code, 0)
    for (const args of [['deprecate', `${NAME}@1.0.0`, 'old'], ['dist-tag', 'add', `${NAME}@1.0.0`, 'stable'], ['unpublish', `${NAME}@1.1.0`]]) {
      const { code, output } = await npm(...args)
      assert.equal(code, 0, `${args.join(' ')}: ${output}`)
    }
    const { output } = await npm('view', NAME, 'versions', 'dist-tags', '--json', '--prefer-online')
    assert.doesNotMatch(output, /1\.1\.0/)
    assert.match(output, /"stable": "1\.0\.0"/)
  })
})
