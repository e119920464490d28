/** `keys list` and `keys rotate`: what they print, and that no secret is in it. */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { stringify } from 'yaml'
import { listKeys, rotateSigningKeys } from '../../../plugin/cli/keys.ts'
import { readConfiguration } from '../../../plugin/config/configuration.ts'
import { ConfigurationError } from '../../../plugin/domain/errors.ts'

const NOW = new Date('2026-05-01T12:00:00.000Z')
interface Listed { readonly keyid: string; readonly created: string; readonly expires: string | null; readonly signs: boolean }

describe('cli: keys', () => {
  let dir: string
  let config: string
  let file: string
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'cli-keys-'))
    config = path.join(dir, 'config.yaml')
    file = path.join(dir, 'secrets/registry-signing.json')
    writeFileSync(config, stringify({ storage: './storage', middlewares: { provenance: { keys: { dir: './secrets' } } } }))
  })
  afterEach(() => { rmSync(dir, { recursive: true, force: true }) })
  const listed = (): readonly Listed[] => JSON.parse(listKeys({ config, json: true }).join('\n')) as readonly Listed[]
  const rotate = (overlap = '1d', more: { revoke?: boolean; json?: boolean } = {}): readonly string[] => rotateSigningKeys({ config, overlap, ...more }, NOW)

  it('before there is a key: none, and looking makes none', () => {
    assert.deepEqual(listed(), [])
    assert.equal(listKeys({ config }).length, 1)
    assert.equal(existsSync(file), false)
  })
  it('rotate makes the first, then ends it after the overlap', () => {
    rotate()
    assert.deepEqual(listed().map(({ created, expires, signs }) => [created, expires, signs]), [[NOW.toISOString(), null, true]])
    rotate('12h')
    assert.deepEqual(listed().map(({ expires, signs }) => [expires, signs]), [['2026-05-02T00:00:00.000Z', false], [null, true]])
  })
  it('--json prints the keys as list does, plain text a line for each', () => {
    assert.deepEqual(JSON.parse(rotate('0', { json: true }).join('\n')), listed())
    assert.deepEqual(rotate('0').map((line) => line.split('  ')[0]), listed().map(({ keyid }) => keyid))
  })
  it('--revoke drops what was there', () => {
    rotate()
    const [old] = listed()
    rotate('0', { revoke: true })
    assert.deepEqual(listed().map(({ keyid }) => keyid === old?.keyid), [false])
  })
  it('nothing secret is printed', () => {
    const printed = [...rotate(), ...rotate('0', { json: true }), ...listKeys({ config }), ...listKeys({ config, json: true })].join('\n')
    const [secret = ''] = /MI[A-Za-z0-9+/]{40,}/.exec(JSON.stringify((JSON.parse(readFileSync(file, 'utf8')) as { keys: { privateKey?: string }[] }).keys.at(-1)?.privateKey)) ?? []
    assert.ok(secret.length > 40)
    assert.equal(printed.includes(secret) || printed.includes('PRIVATE'), false)
  })
  for (const overlap of ['soon', '', '-1d', '1'])
    it(`an overlap that is none ("${overlap}") changes nothing`, () => {
      assert.throws(() => rotate(overlap), ConfigurationError)
      assert.equal(existsSync(file), false)
    })
  it('a file that others can read is refused', () => {
    rotate()
    chmodSync(file, 0o644)
    assert.throws(() => listed(), ConfigurationError)
    assert.throws(() => rotate(), ConfigurationError)
  })
})

describe('configuration: keys', () => {
  const read = (keys: unknown): ReturnType<typeof readConfiguration> =>
    readConfiguration({ configPath: '/etc/mirror/config.yaml', packages: { '**': { proxy: 'npmjs' } }, middlewares: { provenance: { ...(keys === undefined ? {} : { keys }) } } }, {})
  it('lie beside the configuration, unless it names another directory', () => {
    assert.equal(read(undefined).keysDir, path.resolve('/etc/mirror/keys'))
    assert.equal(read({ dir: '/run/secrets' }).keysDir, path.resolve('/run/secrets'))
  })
  for (const [what, keys] of [['a misspelt key', { directory: './x' }], ['an empty name', { dir: '' }], ['a path alone', './x']] as const)
    it(`refused: ${what}`, () => assert.throws(() => read(keys), (error) => error instanceof ConfigurationError && error.message.includes('middlewares.provenance.keys')))
})
