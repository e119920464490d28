/** What `npm pack` ships: what is needed, nothing else, and it runs from there. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { isBuilt, temporaryDirectory } from '../support/process.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
const npm = (cwd: string, ...args: readonly string[]): string => execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 300_000, env: { ...process.env, NODE_ENV: undefined } })

describe('package', function () {
  this.timeout(400_000)
  let dir: string | undefined
  let files: readonly string[] = []
  let tarball: string
  before(function () {
    if (!isBuilt()) {
      process.stderr.write('skipped: not built (npm run build)\n')
      this.skip()
    }
    dir = temporaryDirectory('packed-')
    const [packed] = JSON.parse(npm(ROOT, 'pack', '--json', '--ignore-scripts', '--pack-destination', dir)) as { filename: string; files: { path: string }[] }[]
    files = packed!.files.map((file) => file.path)
    tarball = path.join(dir, packed!.filename)
  })
  after(() => {
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true })
  })

  const ALLOWED = [/^dist\/.+\.(?:js|d\.ts)$/, /^dist\/dashboard\//, /^config\/(?:config|policy)\.yaml$/, /^config\/policy\.schema\.json$/, /^docs\/[\w-]+\.(?:md|svg|png)$/, /^(?:package\.json|README\.md|CHANGELOG\.md|LICENSE)$/]
  it('holds nothing that nobody needs', () => {
    assert.deepEqual(files.filter((file) => !ALLOWED.some((pattern) => pattern.test(file))), [])
  })
  it('holds what the commands, the plugin and the pages are made of', () => {
    for (const file of ['dist/index.js', 'dist/index.d.ts', 'dist/cli/main.js', 'config/config.yaml', 'config/policy.schema.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'docs/policy.md'])
      assert.ok(files.includes(file), file)
    const compiled = readdirSync(path.join(ROOT, 'dist'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.js'))
    assert.deepEqual(compiled.filter((file) => !files.includes(`dist/${file}`)), [])
  })

  describe('installed', () => {
    let project: string
    before(function () {
      if (process.env.CI !== 'true') {
        process.stderr.write('skipped: only in CI (CI=true): installs all dependencies\n')
        this.skip()
      }
      project = path.join(dir!, 'project')
      mkdirSync(project)
      writeFileSync(path.join(project, 'package.json'), JSON.stringify({ name: 'project', version: '1.0.0', private: true, overrides: { 'node-fetch': '2.7.0' } }))
      npm(project, 'install', tarball, '--no-audit', '--no-fund', '--prefer-offline')
    })
    const main = (...args: readonly string[]): readonly [string, readonly string[]] => [process.execPath, [path.join(project, 'node_modules/verdaccio-provenance/dist/cli/main.js'), ...args]]

    it('its commands run', () => {
      assert.match(execFileSync(...main('policy', 'show', 'strict'), { encoding: 'utf8', cwd: project }), /strict/)
    })
    it('its mirror starts, answers and ends', async () => {
      // Nothing outside this machine is asked: neither a registry nor TUF.
      const section = { trust: { offline: true }, uplinks: { nobody: { url: 'http://127.0.0.1:1/', trust: { registry: 'https://registry.example' } } } }
      writeFileSync(path.join(project, 'config.yaml'), JSON.stringify({ storage: './storage', middlewares: { provenance: section } }))
      const child = spawn(...main('serve', '--config', 'config.yaml', '--listen', '127.0.0.1:0'), { cwd: project, stdio: ['ignore', 'pipe', 'inherit'] })
      try {
        let printed = ''
        const url = await new Promise<string>((resolve, reject) => {
          child.stdout.on('data', (chunk: Buffer) => {
            printed += chunk.toString()
            const found = /listens on (\S+)/.exec(printed)?.[1]
            if (found !== undefined) resolve(found)
          })
          child.once('exit', () => { reject(new Error(printed)) })
        })
        assert.equal((await fetch(new URL('-/provenance/health', url))).status, 200)
        assert.equal((await fetch(new URL('-/ping', url))).status, 200)
      } finally {
        child.kill('SIGTERM')
      }
      assert.equal(await new Promise((resolve) => child.once('exit', resolve)), 0)
    })
  })
})
