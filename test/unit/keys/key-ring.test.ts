/** The keys in use: made when needed, rotated while the mirror runs, kept when their file is spoilt. */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createPublicKey, verify } from 'node:crypto'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ConfigurationError } from '../../../plugin/domain/errors.ts'
import { keyFileIn } from '../../../plugin/keys/key-file.ts'
import { asRegistryKeys, KeyRing, rotateKeys } from '../../../plugin/keys/key-ring.ts'
import { parseRegistryKeys } from '../../../plugin/verify/registry-keys.ts'
import { keysDocument } from '../../../plugin/http/evidence.ts'

const NOW = new Date('2026-05-01T12:00:00.000Z')
const HOUR = 3_600_000
const MESSAGE = Buffer.from('@acme/widget@1.0.0:sha512-x')

describe('keys: the ring', () => {
  let dir: string
  let warnings: string[]
  beforeEach(() => {
    dir = path.join(mkdtempSync(path.join(tmpdir(), 'keys-')), 'keys')
    warnings = []
  })
  afterEach(() => { rmSync(path.dirname(dir), { recursive: true, force: true }) })
  const open = (): KeyRing => new KeyRing({ dir, clock: { now: () => NOW }, warn: (message) => warnings.push(message) })
  const rotate = (overlap = HOUR, revoke = false): void => void rotateKeys(dir, NOW, { overlap, revoke })

  it('looking makes no key, signing does', () => {
    const ring = open()
    assert.deepEqual(ring.keys, [])
    assert.equal(existsSync(dir), false)
    const { keyid } = ring.sign(MESSAGE)
    assert.equal(open().current.keyid, keyid)
  })
  it('is listed as npm lists keys, and its signature verifies by that', () => {
    const ring = open()
    const { keyid, sig } = ring.sign(MESSAGE)
    const document = keysDocument(asRegistryKeys(ring.keys))
    const [key] = parseRegistryKeys(document, 'keys')
    assert.deepEqual([key?.keyid, key?.keytype, key?.expires], [keyid, 'ecdsa-sha2-nistp256', null])
    assert.match(keyid, /^SHA256:[A-Za-z0-9+/]{43}=$/)
    const publicKey = createPublicKey({ key: Buffer.from(key?.spki ?? '', 'base64'), format: 'der', type: 'spki' })
    assert.equal(verify('sha256', MESSAGE, publicKey, Buffer.from(sig, 'base64')), true)
    assert.equal(JSON.stringify(document).includes('PRIVATE'), false)
  })
  it('two processes that begin at once have one key', () => {
    const [one, other] = [open(), open()]
    assert.deepEqual([one.keys, other.keys], [[], []])
    assert.equal(one.current.keyid, other.current.keyid)
  })
  it('a rotation is seen without a restart: the new key signs, the old one is listed with its end', () => {
    const ring = open()
    const old = ring.current.keyid
    rotate()
    assert.notEqual(ring.sign(MESSAGE).keyid, old)
    assert.deepEqual(ring.keys.map(({ keyid, expires }) => [keyid === old, expires?.toISOString() ?? null]), [[true, '2026-05-01T13:00:00.000Z'], [false, null]])
  })
  it('a second rotation leaves the first one\'s end as it was', () => {
    open().sign(MESSAGE)
    rotate(HOUR)
    rotate(3 * HOUR)
    assert.deepEqual(open().keys.map(({ expires }) => expires?.getTime() ?? null), [NOW.getTime() + HOUR, NOW.getTime() + 3 * HOUR, null])
  })
  it('a revoked key is listed no more', () => {
    const ring = open()
    const old = ring.current.keyid
    rotate(0, true)
    assert.deepEqual(ring.keys.map(({ keyid }) => keyid === old), [false])
  })
  it('rotating before there was a key makes the first', () => {
    rotate()
    assert.deepEqual(open().keys.map(({ expires }) => expires), [null])
  })
  for (const [what, spoil] of [
    ['opened to others', () => { chmodSync(keyFileIn(dir), 0o644) }],
    ['spoilt', () => { writeFileSync(keyFileIn(dir), '{}') }],
    ['deleted', () => { rmSync(keyFileIn(dir)) }],
  ] as const)
    it(`a file ${what} while the mirror runs changes nothing, and is said once`, () => {
      const ring = open()
      const { keyid } = ring.current
      spoil()
      assert.deepEqual([ring.current.keyid, ring.sign(MESSAGE).keyid], [keyid, keyid])
      assert.equal(warnings.length, 1)
    })
  it('a spoilt file is never replaced by a new key', () => {
    open().sign(MESSAGE)
    writeFileSync(keyFileIn(dir), '{}')
    assert.throws(() => open().current, ConfigurationError)
    assert.throws(() => { rotate() }, ConfigurationError)
  })
})
