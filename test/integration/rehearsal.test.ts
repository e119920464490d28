/** What a process does before its first request, so that nobody waits for the compiler. */
import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { REHEARSED } from '../../plugin/compose-rehearsal.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { startTestMirror, type TestMirror } from '../support/mirror.ts'
import { PrivateSigstore } from '../support/private-sigstore.ts'

describe('a rehearsal', function () {
  this.timeout(20_000)
  let registry: FakeRegistry
  let mirror: TestMirror
  let statuses: readonly number[]
  let was: { readonly files: readonly string[]; readonly metrics: string; readonly work: object }
  let asked: number

  const files = (): readonly string[] =>
    readdirSync(mirror.dir, { recursive: true, encoding: 'utf8' }).filter((file) => statSync(path.join(mirror.dir, file)).isFile()).toSorted()
  /** Without what a process says of itself. */
  const metrics = async (): Promise<string> => (await (await mirror.get('/-/metrics')).text()).split('\n').filter((line) => line.startsWith('provenance_') && !/seconds|bytes|open/.test(line)).join('\n')
  const work = (): object => ({ ...mirror.engine.work })

  before(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    mirror = await startTestMirror({ registry })
    await mirror.engine.settled()
    // What the log begins with is written.
    await mirror.engine.log.find({})
    was = { files: files(), metrics: await metrics(), work: work() }
    asked = registry.requests.length
    statuses = await mirror.engine.rehearse()
    await mirror.engine.settled()
  })
  after(async () => {
    await mirror.close()
    await registry.close()
  })

  it('goes the whole way: packuments and a version are written, a tarball is refused', () => {
    assert.deepEqual(statuses, [200, 200, 200, 200, 403])
  })
  it('asks no uplink', () => {
    assert.equal(registry.requests.length, asked)
  })
  it('is no decision', async () => {
    assert.deepEqual(mirror.decisions, [])
    assert.deepEqual((await mirror.engine.log.find({ text: REHEARSED })).entries, [])
  })
  it('leaves nothing in the ledger, nor a file', () => {
    assert.deepEqual(mirror.engine.ledger.registriesOf(REHEARSED), [])
    assert.deepEqual(files(), was.files)
  })
  it('is counted nowhere', async () => {
    assert.deepEqual(work(), was.work)
    assert.equal(await metrics(), was.metrics)
  })
  it('is not asked of again: the package is none', async () => {
    assert.equal((await mirror.get(`/${REHEARSED}`)).status, 404)
  })
})
