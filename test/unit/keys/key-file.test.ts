/** The file of signing keys: who may read it, what it must hold, and that nothing of it is said aloud. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ConfigurationError } from '../../../plugin/domain/errors.ts'
import { accessProblem, createKeyFile, keyFileIn, readKeyFile, replaceKeyFile, withNewKey } from '../../../plugin/keys/key-file.ts'

const NOW = new Date('2026-05-01T12:00:00.000Z')

interface Document {
  purpose: string
  keys: { keyid: string; key: string; created: string; expires: string | null; privateKey?: string }[]
}

describe('keys: the file', () => {
  let dir: string
  let file: string
  beforeEach(() => {
    dir = path.join(mkdtempSync(path.join(tmpdir(), 'keys-')), 'keys')
    file = keyFileIn(dir)
  })
  afterEach(() => { rmSync(path.dirname(dir), { recursive: true, force: true }) })

  const create = (): Document => {
    createKeyFile(dir, withNewKey([], NOW))
    return JSON.parse(readFileSync(file, 'utf8')) as Document
  }
  const fails = (part: RegExp): string => {
    try {
      readKeyFile(dir)
    } catch (error) {
      assert.ok(error instanceof ConfigurationError)
      assert.ok(error.message.startsWith(file), error.message)
      assert.match(error.message, part)
      assert.notEqual(error.problems[0]?.remedy, '')
      return error.message
    }
    return assert.fail('it was read')
  }

  it('is this user\'s alone, in a directory of this user\'s alone, and leaves nothing beside it', () => {
    create()
    assert.equal(statSync(file).mode & 0o777, 0o600)
    assert.equal(statSync(dir).mode & 0o777, 0o700)
    assert.deepEqual(readdirSync(dir), [path.basename(file)])
  })
  it('is read back as it was written', () => {
    const made = createKeyFile(dir, withNewKey([], NOW))
    const read = readKeyFile(dir)
    assert.deepEqual([read?.keys, read?.current], [made.keys, made.current])
    assert.equal(read?.privateKey.equals(made.privateKey), true)
  })
  it('is not there at first, which is no error', () => assert.equal(readKeyFile(dir), undefined))
  it('the second of two who make it has the keys of the first', () => {
    const first = createKeyFile(dir, withNewKey([], NOW))
    assert.equal(createKeyFile(dir, withNewKey([], NOW)).current.keyid, first.current.keyid)
    assert.deepEqual(readdirSync(dir), [path.basename(file)])
  })
  it('of a retired key the private half is gone', () => {
    const first = createKeyFile(dir, withNewKey([], NOW))
    replaceKeyFile(dir, withNewKey([{ ...first.current, expires: NOW }], NOW))
    const { keys } = JSON.parse(readFileSync(file, 'utf8')) as Document
    assert.deepEqual(keys.map(({ privateKey }) => privateKey === undefined), [true, false])
    assert.equal(statSync(file).mode & 0o777, 0o600)
  })
  it('a directory that cannot be written is told with the remedy', () => {
    writeFileSync(dir, 'a file')
    assert.throws(() => createKeyFile(dir, withNewKey([], NOW)), (error) => error instanceof ConfigurationError && error.message.includes('keys.dir'))
  })

  for (const mode of [0o640, 0o644, 0o604, 0o660, 0o602])
    it(`refused with mode ${mode.toString(8)}`, () => {
      create()
      chmodSync(file, mode)
      fails(new RegExp(`mode ${mode.toString(8)}.*chmod 600.*--revoke`))
    })
  it('what a link leads to is looked at, not the link', () => {
    create()
    const target = path.join(path.dirname(dir), 'target')
    writeFileSync(target, readFileSync(file), { mode: 0o644 })
    rmSync(file)
    symlinkSync(target, file)
    fails(/mode 644/)
  })
  it('as PostgreSQL has it: root\'s for a group, another user\'s never', () => {
    const of = (uid: number, mode: number, user = 1000): boolean => accessProblem({ uid, mode: 0o100000 | mode }, user) === undefined
    assert.deepEqual([of(1000, 0o600), of(0, 0o640), of(0, 0o400)], [true, true, true])
    assert.deepEqual([of(1000, 0o640), of(0, 0o660), of(0, 0o644), of(1001, 0o600), of(0, 0o640, 0)], [false, false, false, false, false])
  })

  const SPOILT: readonly (readonly [string, (document: Document) => unknown])[] = [
    ['another purpose', (document) => ({ ...document, purpose: 'attestations' })],
    ['no keys', (document) => ({ ...document, keys: [] })],
    ['an entry that is none', (document) => ({ ...document, keys: [null, ...document.keys] })],
    ['no private key', ({ purpose, keys: [key] }) => ({ purpose, keys: [{ ...key, privateKey: undefined }] })],
    ['a private key that is none', ({ purpose, keys: [key] }) => ({ purpose, keys: [{ ...key, privateKey: 'SECRET' }] })],
    ['another key\'s private key', ({ purpose, keys: [key] }) => ({ purpose, keys: [{ ...key, privateKey: pem() }] })],
    ['another key\'s id', ({ purpose, keys: [key] }) => ({ purpose, keys: [{ ...key, keyid: withNewKey([], NOW).current.keyid }] })],
    ['a current key that ended', ({ purpose, keys: [key] }) => ({ purpose, keys: [{ ...key, expires: NOW.toISOString() }] })],
    ['two that sign', ({ purpose, keys: [key] }) => ({ purpose, keys: [{ ...entry(), expires: null }, key] })],
    ['the same twice', ({ purpose, keys: [key] }) => ({ purpose, keys: [{ ...key, expires: NOW.toISOString() }, key] })],
    ['a time that is none', ({ purpose, keys: [key] }) => ({ purpose, keys: [{ ...key, created: 'yesterday' }] })],
  ]
  const entry = (): Document['keys'][number] => {
    const { keyid, spki, created } = withNewKey([], NOW).current
    return { keyid, key: spki, created: created.toISOString(), expires: null }
  }
  const pem = (): string => withNewKey([], NOW).privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
  for (const [what, spoil] of SPOILT)
    it(`refused: ${what}, and no secret in the message`, () => {
      const document = create()
      writeFileSync(file, JSON.stringify(spoil(document)))
      const message = fails(/holds no keys that can be used/)
      const secret = document.keys[0]?.privateKey?.split('\n')[1] ?? ''
      assert.ok(secret.length > 20)
      for (const part of [secret, 'SECRET', 'PRIVATE KEY']) assert.equal(message.includes(part), false)
    })
  it('refused: cut short', () => {
    create()
    writeFileSync(file, readFileSync(file).subarray(0, 200))
    fails(/holds no keys that can be used/)
  })
  it('refused: a directory in its place', () => {
    rmSync(dir, { recursive: true, force: true })
    createKeyFile(path.join(dir, 'registry-signing.json'), withNewKey([], NOW))
    fails(/is not a file of keys|cannot be read/)
  })
})
