/** Waivers, conditions and files of teams, through a running mirror. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { isObject, type JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { settableClock, startTestMirror, type TestMirror } from '../support/mirror.ts'
import { githubIdentity, PrivateSigstore } from '../support/private-sigstore.ts'

const HOUR = 3_600_000
/** Later than any day on which this runs, since a waiver that is over is refused by the real clock. */
const NOW = new Date('2090-01-10T00:00:00.000Z')
const FRESH = new Date(NOW.getTime() - HOUR)
const OLD = new Date('2026-01-01T00:00:00.000Z')

describe('policy through a mirror', function () {
  this.timeout(20_000)
  let registry: FakeRegistry
  let mirror: TestMirror
  const clock = settableClock(NOW)

  beforeEach(async () => {
    clock.set(NOW)
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
  })
  afterEach(async () => {
    await mirror.close()
    await registry.close()
  })
  const start = async (policy: JsonObject): Promise<void> => {
    mirror = await startTestMirror({ registry, clock, policy: { version: 1, extends: 'recommended', ...policy } })
  }
  const versions = async (name: string): Promise<string[]> => {
    const document = await mirror.json(`/${name}`)
    return Object.keys(isObject(document.versions) ? document.versions : {})
  }
  const status = async (file: string): Promise<number> => (await mirror.get(file)).status

  it('a waiver lists and serves the version it is for, until it ends', async () => {
    registry.publish({ name: 'fix', version: '1.0.0', time: OLD })
    registry.publish({ name: 'fix', version: '1.0.1', time: FRESH })
    registry.publish({ name: 'fix', version: '1.0.2', time: FRESH })
    const waiver = { package: 'fix@1.0.1', waives: ['release-too-young'], reason: 'a fix', approvedBy: 'security', expires: '2090-01-10T05:00:00Z' }
    await start({ defaults: { minimumReleaseAge: '3d' }, waivers: [waiver] })

    assert.deepEqual(await versions('fix'), ['1.0.0', '1.0.1'])
    assert.equal(await status('/fix/-/fix-1.0.1.tgz'), 200)
    assert.equal(await status('/fix/-/fix-1.0.2.tgz'), 403)
    const warned = mirror.decisions.find(({ kind, ref }) => kind === 'warned' && ref.version === '1.0.1')
    assert.equal(warned?.verdict.waiver?.approvedBy, 'security')

    clock.advance(5 * HOUR)
    assert.deepEqual(await versions('fix'), ['1.0.0'])
    assert.equal(await status('/fix/-/fix-1.0.1.tgz'), 403)
  })

  it('a condition reads the certificate, and asks for provenance that the rule ignores', async () => {
    registry.publish({ name: 'built', version: '1.0.0', time: OLD, provenance: githubIdentity({ ref: 'refs/tags/v1.0.0' }) })
    registry.publish({ name: 'built', version: '1.0.1', time: OLD })
    const rules = [{ packages: ['built'], require: { provenance: 'ignore' }, where: 'identity.sourceRef == "refs/tags/v1.0.0"' }]
    await start({ rules })
    assert.deepEqual(await versions('built'), ['1.0.0'])
    assert.equal(await status('/built/-/built-1.0.0.tgz'), 200)
    assert.equal(await status('/built/-/built-1.0.1.tgz'), 403)
  })

  it('a file of a team is read from the disk', async () => {
    registry.publish({ name: 'ours', version: '1.0.0', time: OLD })
    const dir = mkdtempSync(path.join(os.tmpdir(), 'include-'))
    try {
      const file = path.join(dir, 'team.yaml')
      writeFileSync(file, 'version: 1\nrules:\n  - { packages: [ours], verdict: deny, reason: replaced }\n')
      await start({ include: [{ file, packages: ['ours'] }] })
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
    assert.equal(await status('/ours'), 403)
  })
})
