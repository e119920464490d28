/** A Redis that speaks TLS and nothing else. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { GuardedStorage } from '../../../plugin/store/guarded-storage.ts'
import { KeyvRedis } from '../../../plugin/store/keyv-redis.ts'
import { hasRedis, startRedis, type Redis } from '../../support/redis.ts'
import { startTls } from '../../support/tls-server.ts'

const ROOT = path.resolve(import.meta.dirname, '../../..')
/** Says what it read of what it wrote, or why it could not. */
const PROGRAM = `
  const { KeyvRedis } = await import('./plugin/store/keyv-redis.ts')
  const { GuardedStorage } = await import('./plugin/store/guarded-storage.ts')
  const storage = new KeyvRedis(process.argv[1])
  const isThere = await new GuardedStorage({ storage }).open(5000)
  if (isThere) await storage.set('a', 'over TLS')
  console.log(isThere ? await storage.get('a') : 'nothing')
  await storage.disconnect()
`

describe('store: keyv adapter on Redis with TLS', function () {
  this.timeout(20_000)
  const dir = mkdtempSync(path.join(tmpdir(), 'redis-tls-'))
  let redis: Redis | undefined
  let certificate: string
  before(async function () {
    if (!hasRedis()) this.skip()
    const made = await startTls(dir, () => undefined)
    if (made === undefined) this.skip()
    made.close()
    certificate = made.certificate
    redis = await startRedis({ password: 's3cret', tls: { cert: certificate, key: path.join(dir, 'key.pem') } })
  })
  after(async () => {
    await redis?.close()
    rmSync(dir, { recursive: true, force: true })
  })

  const urlOf = (): string => redis?.url() ?? ''

  it('is spoken to where its certificate is trusted, as rediss:// and valkeys://', async () => {
    for (const protocol of ['rediss', 'valkeys']) {
      const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', PROGRAM, urlOf().replace('rediss', protocol)], { cwd: ROOT, env: { ...process.env, NODE_EXTRA_CA_CERTS: certificate } })
      assert.equal(stdout.trim(), 'over TLS')
    }
  })
  it('is not spoken to where it is not: no password is sent', async () => {
    const storage = new KeyvRedis(urlOf())
    let cause: unknown
    const guard = new GuardedStorage({ storage, onChange: (_isUp, why) => { cause = why } })
    assert.equal(await guard.open(1000), false)
    assert.match((cause as Error).message, /self.signed/i)
    await guard.disconnect()
  })
  it('is not spoken to without TLS', async () => {
    const guard = new GuardedStorage({ storage: new KeyvRedis(urlOf().replace('rediss', 'redis')) })
    assert.equal(await guard.open(500), false)
    await guard.disconnect()
  })
})
