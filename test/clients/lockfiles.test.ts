/** Lockfiles as the real clients write them, read and judged. */
import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { check } from '../../plugin/check/index.ts'
import { MirrorSource } from '../../plugin/check/mirror-source.ts'
import { readLockfile } from '../../plugin/lockfile/index.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { startTestMirror, type TestMirror } from '../support/mirror.ts'
import { githubIdentity, PrivateSigstore } from '../support/private-sigstore.ts'
import { temporaryDirectory } from '../support/process.ts'
import { CLIENTS } from './support/clients.ts'
import { installedDigest, pinnedDigest } from './support/programs.ts'
import { Project } from './support/project.ts'

/** As the matrix: one of each kind of lockfile, or those of CLIENTS. */
const chosen = process.env.CLIENTS ?? 'npm11,pnpm11,yarn1,yarn4,bun'
const clients = CLIENTS.filter(({ id }) => id !== 'deno' && (chosen === 'all' || chosen.split(',').includes(id)))

describe('clients: lockfiles', function () {
  this.timeout(120_000)
  let registry: FakeRegistry
  let mirror: TestMirror
  let dir: string

  before(async function () {
    if (installedDigest() !== pinnedDigest()) {
      process.stdout.write('    skipped: the clients are not installed (npm run clients)\n')
      this.skip()
    }
    dir = temporaryDirectory('lockfiles-')
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    const publish = (name: string, version: string, packageJson = {}): void => void registry.publish({ name, version, packageJson: { repository: 'https://github.com/acme/widget', ...packageJson }, provenance: githubIdentity({ ref: `refs/tags/v${version}` }) })
    publish('left', '1.0.0')
    publish('left', '2.0.0')
    publish('middle', '1.0.0', { dependencies: { left: '^1.0.0' } })
    publish('native-none', '1.0.0', { os: ['aix'] })
    mirror = await startTestMirror({ registry })
  })
  after(async () => {
    for (const one of [mirror, registry] as readonly ({ close(): Promise<void> } | undefined)[]) await one?.close()
    if ((dir as string | undefined) !== undefined) rmSync(dir, { recursive: true, force: true })
  })

  for (const client of clients)
    it(client.title, async () => {
      const home = path.join(dir, client.id)
      const project = Project.create(client, home, { dependencies: { middle: '^1.0.0', renamed: 'npm:left@^2.0.0' }, optionalDependencies: { 'native-none': '1.0.0' } })
      const { code, output } = await project.install({ registry: mirror.url })
      assert.equal(code, 0, output)
      const folder = path.join(home, 'project')
      const file = path.join(folder, client.lockfile)
      const { format, version, packages } = readLockfile({ file, bytes: readFileSync(file), manifest: readFileSync(path.join(folder, 'package.json'), 'utf8') })
      assert.deepEqual(
        packages.map(({ kind, name, version: which, optional, paths }) => `${kind} ${name}@${which}${optional ? ' optional' : ''} ${paths.map((way) => way.join('>')).join(' ')}`).sort(),
        ['alias left@2.0.0 renamed', 'registry left@1.0.0 middle>left', 'registry middle@1.0.0 middle', 'registry native-none@1.0.0 optional native-none'],
      )
      const source = await MirrorSource.open({ url: new URL(mirror.url), token: undefined })
      const checked = await check({ file, format, formatVersion: version, packages }, { source, addresses: { mirrors: [new URL(mirror.url)], replaced: [] }, limit: (task) => task() })
      assert.deepEqual([checked.findings, checked.counts.allowed], [[], 4])
    })
})
