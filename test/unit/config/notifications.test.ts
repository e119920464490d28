/** `notifications`: every mistake names its place, and none of them an address or a secret. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { readConfiguration } from '../../../plugin/config/configuration.ts'
import type { ConfiguredNotification } from '../../../plugin/config/notifications.ts'
import { ConfigurationError } from '../../../plugin/domain/errors.ts'
import { DEFAULT_EVENTS } from '../../../plugin/domain/notification.ts'

const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`
const URL_OF_SLACK = 'https://hooks.example/services/T0/B0/VerySecretPath'

describe('configuration: notifications', () => {
  let dir: string
  before(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'notifications-'))
    writeFileSync(path.join(dir, 'secret'), `${SECRET}\n`)
    writeFileSync(path.join(dir, 'url'), `${URL_OF_SLACK}\n`)
    writeFileSync(path.join(dir, 'empty'), '\n')
  })
  after(() => { rmSync(dir, { recursive: true, force: true }) })
  const read = (notifications: unknown, environment: Record<string, string> = {}): readonly ConfiguredNotification[] => {
    const section = { uplinks: { a: { url: 'https://registry.example/' } }, packages: { '**': ['a'] }, notifications }
    return readConfiguration({ configPath: path.join(dir, 'config.yaml'), middlewares: { provenance: section } }, environment).notifications
  }
  const url = URL_OF_SLACK

  for (const [title, one, place] of [
    ['an unknown key', { url, colour: 'red' }, '.colour'],
    ['no address', {}, ''],
    ['two addresses', { url, url_env: 'X' }, ''],
    ['an address that is none', { url: 'hooks.example/VerySecretPath' }, ''],
    ['http to another machine', { url: 'http://hooks.example/VerySecretPath' }, ''],
    ['http to a name that begins like this machine', { url: 'http://localhost.evil.example/VerySecretPath' }, ''],
    ['an address with a password', { url: 'https://ann:VerySecretPath@hooks.example/' }, ''],
    ['an address in a variable that is not set', { url_env: 'NO' }, '.url_env'],
    ['a file that is not there', { url_file: './none' }, '.url_file'],
    ['an empty file', { url, secret_file: './empty' }, '.secret_file'],
    ['two secrets', { url, secret_env: 'SHORT', secret_file: './secret' }, ''],
    ['a secret in a variable that is not set', { url, secret_env: 'NO' }, '.secret_env'],
    ['a secret that is too short', { url, secret_env: 'SHORT' }, ''],
    ['a secret that is no base64', { url, secret_env: 'NO_BASE64' }, ''],
    ['a type of another kind', { url, type: 'teams' }, '.type'],
    ['an event that there is not', { url, events: ['refusal'] }, '.events[0]'],
    ['no event', { url, events: [] }, '.events'],
    ['a window that is none', { url, window: 'soon' }, '.window'],
    ['an interval that is too long', { url, interval: '90d' }, '.interval'],
    ['a CA that cannot be read', { url, ca: './none.pem' }, '.ca'],
    ['a name that would break a line', { url, name: 'a\nb' }, '.name'],
  ] as const)
    it(`${title} is refused`, () => {
      assert.throws(() => read([one], { SHORT: 'a short secret', NO_BASE64: 'whsec_???' }), (error) => {
        assert.ok(error instanceof ConfigurationError, String(error))
        assert.deepEqual(error.problems.map((problem) => problem.path), [`middlewares.provenance.notifications[0]${place}`])
        for (const word of ['VerySecretPath', 'a short secret', 'whsec_???']) assert.equal(error.message.includes(word), false, error.message)
        return true
      })
    })
  it('two of one name are refused: what was told is remembered by it', () => {
    assert.throws(() => read([{ url }, { url: 'https://hooks.example/other' }]), ConfigurationError)
    assert.equal(read([{ url }, { url, name: 'other' }]).length, 2)
  })
  it('nothing is told unless somebody says so', () => { assert.deepEqual(read(undefined), []) })
  it('defaults', () => {
    const [{ url: address, ca, wants, ...rest } = assert.fail()] = read([{ url }])
    assert.deepEqual(rest, { name: 'hooks.example', type: 'generic', secret: undefined, events: new Set(DEFAULT_EVENTS), window: 60_000, interval: 60_000, proxy: undefined, noProxy: '' })
    assert.equal(address.href, url)
    assert.equal(ca, undefined)
    assert.equal(wants('anything'), true)
  })
  it('addresses and secrets come from files and variables', () => {
    const [fromFile, fromVariable] = read([{ name: 'a', url_file: './url', secret_file: './secret' }, { name: 'b', url_env: 'HOOK', secret_env: 'KEY' }], { HOOK: url, KEY: SECRET })
    assert.deepEqual([fromFile?.url.href, fromFile?.secret, fromVariable?.url.href, fromVariable?.secret], [url, SECRET, url, SECRET])
  })
  for (const host of ['localhost:1', '127.0.0.1:1', '[::1]:1']) it(`http to ${host} is fine`, () => { assert.equal(read([{ url: `http://${host}/x` }])[0]?.url.host, host) })
  it('packages are globs, as elsewhere in the configuration', () => {
    const [{ wants } = assert.fail()] = read([{ url, packages: ['@acme/*', 'left-pad'] }])
    assert.deepEqual(['@acme/ui', 'left-pad', '@evil/ui', 'left-pad-evil'].map(wants), [true, true, false, false])
  })
  it('a proxy is that of the environment, or its own', () => {
    const [one, other] = read([{ url }, { name: 'own', url, https_proxy: 'http://proxy.example:1', no_proxy: ['a', 'b'] }], { https_proxy: 'http://proxy.example:2' })
    assert.deepEqual([one?.proxy, other?.proxy, other?.noProxy], ['http://proxy.example:2', 'http://proxy.example:1', 'a,b'])
  })
})
