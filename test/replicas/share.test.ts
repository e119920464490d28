/** What a mirror that ran alone remembers, as the beginning of a ledger that several share. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { shareLedger } from '../../plugin/compose-share.ts'
import { ConfigurationError } from '../../plugin/domain/errors.ts'
import type { VersionRecord } from '../../plugin/domain/ports.ts'
import { FileByteStore } from '../../plugin/store/bytes.ts'
import { SqliteLedger } from '../../plugin/store/ledger.ts'
import { SharedDocuments } from '../../plugin/store/shared-documents.ts'
import { hasPostgres, startPostgres, type Postgres } from '../support/postgres.ts'
import { Replicas } from '../support/replicas.ts'

const R = 'https://registry.example'
const record = (version: string, attestations?: string): VersionRecord => ({
  version, integrity: 'sha512-first', recordedAt: new Date(0), because: 'attestation', signatures: [], attestations, had: { publishAttestation: false, provenance: attestations !== undefined },
})

describe('replicas: ledger share', () => {
  let server: Postgres
  let replicas: Replicas
  let url: string
  let dir: string
  let count = 0
  before(async function () {
    if (!hasPostgres()) this.skip()
    this.timeout(60_000)
    server = await startPostgres()
    process.env.SHARE_TEST_SECRET = Buffer.alloc(32, 1).toString('latin1').replaceAll('\u0001', 'k')
  })
  after(async () => {
    delete process.env.SHARE_TEST_SECRET
    await (server as Postgres | undefined)?.close()
  })
  beforeEach(async () => {
    replicas = new Replicas()
    url = await server.database(`share${String(++count)}`)
    dir = mkdtempSync(path.join(tmpdir(), 'share-'))
  })
  afterEach(async () => {
    await replicas.close()
    rmSync(dir, { recursive: true, force: true })
  })

  const keys = () => [{ id: 'one', secret: Buffer.from(process.env.SHARE_TEST_SECRET ?? '') }] as const
  const share = (): ReturnType<typeof shareLedger> =>
    shareLedger({ configPath: path.join(dir, 'config.yaml'), middlewares: { provenance: { uplinks: { fake: { url: R } }, packages: { '**': ['fake'] }, store: url, shared: { keys: [{ id: 'one', secret_env: 'SHARE_TEST_SECRET' }] } } } }, path.join(dir, 'provenance.db'))
  /** A mirror that ran alone, with a proof in its cache. */
  const alone = async (): Promise<string> => {
    const bytes = await FileByteStore.open({ dir: path.join(dir, 'cache') })
    const sha256 = await bytes.put(Buffer.from('a proof'))
    await bytes.close()
    const ledger = new SqliteLedger({ file: path.join(dir, 'provenance.db') })
    ledger.sight(R, 'widget', ['1.0.0'], new Date(5))
    ledger.record(R, 'widget', [record('1.0.0', sha256)], true)
    ledger.recalls.add({ name: 'gadget', range: '2.0.0', reason: 'r', by: 'ann', at: new Date(7) })
    ledger.close()
    return sha256
  }

  it('mirrors begin with all of it, proofs too', async () => {
    const sha256 = await alone()
    assert.deepEqual(await share(), { packages: 1, documents: 1, missing: 0 })
    const a = await replicas.open(url, { keys: keys() })
    assert.deepEqual(a.ledger.firstSeen(R, 'widget'), new Date(5))
    assert.equal(a.ledger.records(R, 'widget').get('1.0.0')?.attestations, sha256)
    assert.equal(a.ledger.origin('widget'), R)
    assert.equal(a.ledger.recalls.of('gadget').length, 1)
    const empty = await FileByteStore.open({ dir: path.join(dir, 'another') })
    const found = await new SharedDocuments(empty, a.log).store.get(sha256)
    assert.equal(Buffer.from(found ?? []).toString(), 'a proof')
    await empty.close()
  })

  it('[18a] a proof that was altered in the database is none', async () => {
    const sha256 = await alone()
    await share()
    const a = await replicas.open(url, { keys: keys() })
    await a.log.query('UPDATE ledger_document SET body = $1', [Buffer.from('another')])
    const empty = await FileByteStore.open({ dir: path.join(dir, 'another') })
    assert.equal(await new SharedDocuments(empty, a.log).store.get(sha256), undefined)
    await empty.close()
  })

  it('is refused once mirrors have begun to share', async () => {
    await alone()
    const a = await replicas.open(url, { keys: keys() })
    a.ledger.setSigns(R)
    await a.replication.settled()
    await assert.rejects(share(), (error) => error instanceof ConfigurationError && error.message.includes('begun'))
    assert.equal(a.replication.state.state, 'current')
  })

  it('a copy is shared again into a new database when the old one is gone', async () => {
    await alone()
    await share()
    const file = path.join(dir, 'copy.db')
    const a = await replicas.open(url, { keys: keys(), file })
    a.ledger.record(R, 'widget', [record('1.1.0')])
    await a.replication.settled()
    await a.close()
    url = await server.database(`share${String(++count)}`)
    rmSync(path.join(dir, 'provenance.db'))
    const { copyLedger } = await import('../../plugin/store/ledger-copy.ts')
    copyLedger(file, path.join(dir, 'provenance.db'))
    await share()
    const b = await replicas.open(url, { keys: keys() })
    assert.deepEqual([...b.ledger.records(R, 'widget').keys()], ['1.0.0', '1.1.0'])
  })

  it('a copy of another log halts', async () => {
    const file = path.join(dir, 'copy.db')
    await (await replicas.open(url, { keys: keys(), file })).close()
    const other = await replicas.open(await server.database(`share${String(++count)}`), { keys: keys(), file })
    assert.equal(other.replication.state.state, 'halted')
  })
})
