/** `notify test`: what receivers get, also over TLS and through a proxy, and what is said of them. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { stringify } from 'yaml'
import { testNotify } from '../../../plugin/cli/notify-command.ts'
import { ConfigurationError } from '../../../plugin/domain/errors.ts'
import { startTls } from '../../support/tls-server.ts'
import { Receiver } from '../notify/support.ts'

describe('cli: notify test', function () {
  this.timeout(20_000)
  let dir: string
  let receiver: Receiver
  beforeEach(async () => {
    dir = mkdtempSync(path.join(tmpdir(), 'cli-notify-'))
    receiver = await Receiver.start()
    writeFileSync(path.join(dir, 'secret'), `whsec_${Buffer.alloc(32, 3).toString('base64')}\n`)
  })
  afterEach(async () => {
    await receiver.close()
    rmSync(dir, { recursive: true, force: true })
  })
  const configured = (...notifications: readonly object[]): { readonly config: string } => {
    const config = path.join(dir, 'config.yaml')
    writeFileSync(config, stringify({ storage: './storage', uplinks: { fake: { url: 'https://registry.example/' } }, packages: { '**': { access: '$all', proxy: 'fake' } }, middlewares: { provenance: { notifications } } }))
    return { config }
  }

  it('every receiver gets a test message, signed where it has a secret', async () => {
    const options = configured({ name: 'siem', url: receiver.url.href, secret_file: './secret' }, { name: 'chat', url: receiver.url.href, type: 'slack' })
    const { code, lines } = await testNotify(undefined, options)
    assert.equal(code, 0)
    assert.match(lines.join('\n'), /^siem {2}took it\n {2}127\.0\.0\.1:\d+ {2}generic, signed, told of refused,/)
    const generic = receiver.received.find(({ body }) => body.type === 'provenance.test')
    const slack = receiver.received.find(({ body }) => typeof body.text === 'string')
    assert.match(String(generic?.headers['webhook-signature']), /^v1,/)
    assert.equal(slack?.headers['webhook-signature'], undefined)
    assert.match(slack?.text ?? '', /^\{"text":"A test message of verdaccio-provenance/)
  })
  it('one is meant by its name', async () => {
    const options = configured({ name: 'siem', url: receiver.url.href }, { name: 'chat', url: receiver.url.href })
    await testNotify('chat', options)
    assert.equal(receiver.received.length, 1)
    await assert.rejects(testNotify('nobody', options), (error) => error instanceof ConfigurationError && error.message.includes('These are: siem, chat'))
    await assert.rejects(testNotify(undefined, configured()), ConfigurationError)
  })
  it('one that does not take it: exit code 3, and nothing of its address but the host', async () => {
    receiver.answers.push(404)
    const refused = await testNotify(undefined, configured({ url: receiver.url.href }))
    const down = await testNotify(undefined, configured({ url: 'http://127.0.0.1:1/VerySecretPath' }))
    assert.deepEqual([refused.code, down.code], [3, 3])
    assert.match(refused.lines.join('\n'), /DID NOT TAKE IT: it answered 404/)
    assert.match(down.lines.join('\n'), /DID NOT TAKE IT: ECONNREFUSED/)
    for (const line of [...refused.lines, ...down.lines]) assert.equal(line.includes('VerySecretPath'), false)
  })
  it('over TLS: by the authority that is named, and by no other', async function () {
    let asked = 0
    const server = await startTls(dir, (_request, response) => {
      asked++
      response.end()
    })
    if (server === undefined) return this.skip()
    const [trusting, strict] = [await testNotify(undefined, configured({ url: `${server.url}/x`, ca: './cert.pem' })), await testNotify(undefined, configured({ url: `${server.url}/x` }))]
    server.close()
    assert.deepEqual([trusting.code, strict.code, asked], [0, 3, 1])
    assert.match(strict.lines.join('\n'), /DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY/)
  })
  it('through a proxy, where one is named', async function () {
    let asked = 0
    const server = await startTls(dir, (_request, response) => {
      asked++
      response.end()
    })
    if (server === undefined) return this.skip()
    const proxy = spawn(process.execPath, ['--no-warnings', path.resolve(import.meta.dirname, '../../support/connect-proxy.ts')], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [port] = (await once(proxy.stdout, 'data')) as [Buffer]
    const hook = { url: `${server.url}/x`, ca: './cert.pem', https_proxy: `http://127.0.0.1:${port.toString().trim()}` }
    const through = await testNotify(undefined, configured(hook))
    proxy.kill()
    await once(proxy, 'exit')
    const cut = await testNotify(undefined, configured(hook))
    server.close()
    assert.deepEqual([through.code, cut.code, asked], [0, 3, 1])
  })
})
