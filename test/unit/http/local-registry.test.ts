import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { mock } from 'node:test'
import type { VerdaccioStorage } from '../../../plugin/http/access.ts'
import { LocalRegistry } from '../../../plugin/http/local-registry.ts'
import { PUBLISHED_HERE } from '../../../plugin/domain/ports.ts'
import { SqliteLedger } from '../../../plugin/store/ledger.ts'
import { integrityOf } from '../../support/tarball.ts'

const BYTES = Buffer.from('the bytes')

describe('http: what is stored here, as a registry', () => {
  it('[17d] of versions without a sha512 a few are read at one time, each once and for good', async () => {
    const ledger = new SqliteLedger({ file: ':memory:' })
    const opened = { now: 0, most: 0, all: 0 }
    const versions = Object.fromEntries(Array.from({ length: 100 }, (_, index) => {
      const version = `1.0.${String(index)}`
      return [version, { name: 'old', version, dist: { tarball: `http://localhost/old/-/old-${version}.tgz`, shasum: 'x' } }]
    }))
    const getTarball = (): Readable => {
      opened.all++
      opened.most = Math.max(opened.most, ++opened.now)
      const stream = Readable.from([BYTES])
      stream.once('end', () => { opened.now-- })
      setImmediate(() => stream.emit('open'))
      return stream
    }
    const storage = { getPackage: ({ callback }: { callback: (error: null, manifest: object) => void }) => { callback(null, { name: 'old', versions }) }, localStorage: { getTarball } } as unknown as VerdaccioStorage
    const registry = new LocalRegistry({ storage, unjudged: (run) => { run() }, ledger, evidence: ledger, maintainers: ledger, clock: { now: () => new Date('2026-01-01T00:00:00.000Z') } })
    const document = await registry.packument('old')
    assert.ok(document !== 'absent')
    assert.ok([...document.packument.versions.values()].every(({ dist }) => dist.integrity === integrityOf(BYTES)))
    const records = mock.method(ledger, 'records')
    await registry.packument('old')
    assert.deepEqual([opened.all, opened.now, opened.most <= 4], [100, 0, true])
    assert.equal(records.mock.callCount(), 1)
    assert.equal(ledger.records(PUBLISHED_HERE, 'old').size, 100)
    ledger.close()
  })

  it('a file that does not open in time is let go of', async () => {
    const ledger = new SqliteLedger({ file: ':memory:' })
    mock.timers.enable({ apis: ['setTimeout'] })
    try {
      const abort = mock.fn()
      const stream = Object.assign(new Readable({ read: () => undefined }), { abort })
      const storage = { localStorage: { getTarball: () => stream } } as unknown as VerdaccioStorage
      const registry = new LocalRegistry({ storage, unjudged: (run) => { run() }, ledger, evidence: ledger, maintainers: ledger, clock: { now: () => new Date('2026-01-01T00:00:00.000Z') } })
      const asked = registry.tarball('local:///old/old-1.0.0.tgz')
      mock.timers.tick(60_000)
      await assert.rejects(asked, { name: 'Unavailable' })
      assert.deepEqual([abort.mock.callCount(), stream.destroyed], [1, true])
    } finally {
      mock.timers.reset()
      ledger.close()
    }
  })
})
