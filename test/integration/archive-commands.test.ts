/** `export`, `import`, `attest` and `keys public` as processes, from a lockfile to a mirror behind an air gap. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { stringify } from 'yaml'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry, type Published } from '../support/fake-registry.ts'
import { githubIdentity, PrivateSigstore } from '../support/private-sigstore.ts'
import { sectionFor } from '../support/stored.ts'

const MAIN = path.resolve(import.meta.dirname, '../../plugin/cli/main.ts')

describe('archives on the command line', function () {
  this.timeout(60_000)
  let dir: string
  let registry: FakeRegistry
  let widget: Published

  before(async () => {
    dir = mkdtempSync(path.join(tmpdir(), 'archive-cli-'))
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    widget = registry.publish({ name: 'widget', version: '1.0.0', provenance: githubIdentity({ ref: 'refs/tags/v1.0.0' }) })
    registry.publish({ name: 'refused', version: '1.0.0' })
    for (const [home, more] of [['out', {}], ['in', { offline: true }]] as const) {
      mkdirSync(path.join(dir, home))
      const section = sectionFor(path.join(dir, home), registry, { policy: { version: 1, extends: 'recommended', defaults: { minimumReleaseAge: '0' }, rules: [{ packages: ['refused'], verdict: 'deny', reason: 'not here' }] } })
      const fake = { ...(section.uplinks as { fake: JsonObject }).fake, ...more }
      const provenance = { ...section, uplinks: { fake }, trust: { trustedRoot: './root.json', offline: true }, ...(home === 'in' ? { import: { keys: ['./exporter.pem'] } } : {}) }
      writeFileSync(path.join(dir, home, 'config.yaml'), stringify({ storage: './storage', middlewares: { provenance } }))
    }
    const entry = { version: '1.0.0', resolved: widget.tarballUrl, integrity: widget.integrity }
    writeFileSync(path.join(dir, 'package-lock.json'), JSON.stringify({ name: 'app', version: '1.0.0', lockfileVersion: 3, packages: { '': { name: 'app', version: '1.0.0', dependencies: { widget: '^1.0.0' } }, 'node_modules/widget': entry } }))
  })
  after(async () => {
    await registry.close()
    rmSync(dir, { recursive: true, force: true })
  })

  const run = (...args: readonly string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }> =>
    new Promise((resolve) => {
      execFile(process.execPath, ['--no-warnings', MAIN, ...args], { cwd: dir, timeout: 50_000 }, (error, out, err) => {
        resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, out, err })
      })
    })

  it('takes what a lockfile names through the gap', async () => {
    const printed = await run('keys', 'public', 'archive', '--config', 'out/config.yaml')
    assert.match(printed.out, /^-----BEGIN PUBLIC KEY-----\n/)
    writeFileSync(path.join(dir, 'in/exporter.pem'), printed.out)

    const exported = await run('export', 'package-lock.json', '--output', 'one.tar', '--config', 'out/config.yaml')
    assert.equal(exported.code, 0, exported.err)
    assert.match(exported.out, /^one\.tar: 1 version of 1 package, \d+ bytes, serial \d+\nsigned by SHA256:\S+\n$/)

    const imported = await run('import', 'one.tar', '--config', 'in/config.yaml', '--json')
    assert.equal(imported.code, 0, imported.err)
    const { imported: taken, notAdmitted, notes } = JSON.parse(imported.out) as { imported: unknown; notAdmitted: unknown; notes: unknown }
    assert.deepEqual([taken, notAdmitted, notes], [['widget@1.0.0'], [], []])

    await registry.close()
    const checked = await run('attest', 'widget@1.0.0', '--config', 'in/config.yaml', '--output', 'widget.vsa.json')
    assert.equal(checked.code, 0, checked.err)
    const { payload } = JSON.parse(readFileSync(path.join(dir, 'widget.vsa.json'), 'utf8')) as { payload: string }
    const { subject, predicate } = JSON.parse(Buffer.from(payload, 'base64').toString()) as { subject: readonly { digest: { sha512: string } }[]; predicate: JsonObject }
    assert.equal(subject[0]?.digest.sha512, widget.sha512)
    assert.doesNotMatch(JSON.stringify(predicate), /localhost|127\.0\.0\.1/)

    const bytes = readFileSync(path.join(dir, 'one.tar'))
    bytes[bytes.length - 2000] = (bytes[bytes.length - 2000] ?? 0) ^ 1
    writeFileSync(path.join(dir, 'two.tar'), bytes)
    const refused = await run('import', 'two.tar', '--config', 'in/config.yaml')
    assert.deepEqual([refused.code, refused.out], [1, ''])
    assert.match(refused.err, /^two\.tar is refused, and nothing of it was taken: .+\n$/)
  })

  for (const [title, code, words, args] of [
    ['an archive that is not there', 2, /none\.tar: cannot be read/, ['import', 'none.tar', '--config', 'in/config.yaml']],
    ['no key is configured', 2, /import\.keys/, ['import', 'package-lock.json', '--config', 'out/config.yaml']],
    ['no output', 2, /--output/, ['export', 'widget']],
    ['a key that is none', 2, /private key/, ['export', 'widget', '--output', 'x.tar', '--key', 'package-lock.json', '--config', 'out/config.yaml']],
    ['a version without a number', 2, /NAME@VERSION/, ['attest', 'widget', '--config', 'out/config.yaml']],
    ['a purpose that is none', 2, /registry, vsa, archive/, ['keys', 'public', 'other', '--config', 'out/config.yaml']],
    ['no network', 3, /cannot decide/, ['attest', 'unknown@1.0.0', '--config', 'in/config.yaml']],
  ] as const)
    it(`${title}: one clear sentence, and ${String(code)}`, async () => {
      if (title === 'no network') writeFileSync(path.join(dir, 'in/exporter.pem'), (await run('keys', 'public', 'archive', '--config', 'out/config.yaml')).out)
      const ended = await run(...args)
      assert.equal(ended.code, code, ended.out + ended.err)
      assert.match(ended.err, words)
      assert.doesNotMatch(ended.err, /\n {4}at /)
    })
})
