/** Verification summaries: for what passes, signed so that others can verify them, and for nothing else. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash, createPublicKey, verify } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ownString, type JsonObject } from '../../plugin/domain/json.ts'
import { issueSummary } from '../../plugin/vsa/issue.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { NO_AGE, startTestMirror, type TestMirror } from '../support/mirror.ts'
import { githubIdentity, PrivateSigstore } from '../support/private-sigstore.ts'
import { register } from '../support/raw.ts'
import { publishTo } from '../support/stored.ts'

interface Envelope { readonly payloadType: string; readonly payload: string; readonly signatures: readonly { readonly keyid: string; readonly sig: string }[] }
interface Statement {
  readonly _type: string
  readonly subject: readonly { readonly name: string; readonly digest: { readonly sha512: string } }[]
  readonly predicateType: string
  readonly predicate: {
    readonly verifier: { readonly id: string }
    readonly timeVerified: string
    readonly resourceUri: string
    readonly policy: { readonly uri: string; readonly digest: { readonly sha256: string } }
    readonly inputAttestations: readonly { readonly uri: string; readonly digest: { readonly sha256: string } }[]
    readonly verificationResult: string
    readonly verifiedLevels: readonly string[]
    readonly slsaVersion: string
  }
}

/** From the text of the DSSE specification alone: "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body. */
const pae = (type: string, body: Buffer): Buffer => Buffer.concat([Buffer.from('DSSEv1 '), Buffer.from(`${String(Buffer.from(type).length)} ${type} `), Buffer.from(`${String(body.length)} `), body])

describe('verification summaries', function () {
  this.timeout(30_000)
  let registry: FakeRegistry
  let mirror: TestMirror
  const rules = [
    { packages: ['refused'], verdict: 'deny', reason: 'not here' },
    { packages: ['ignored'], require: { provenance: 'ignore', publishAttestation: 'ignore' } },
    { packages: ['**'], origin: 'local', require: {} },
  ]

  before(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    const provenance = githubIdentity({ ref: 'refs/tags/v1.0.0' })
    registry.publish({ name: 'widget', version: '1.0.0', provenance })
    registry.publish({ name: '@acme/ui', version: '1.0.0', provenance })
    registry.publish({ name: 'own-runner', version: '1.0.0', provenance: githubIdentity({ ref: 'refs/tags/v1.0.0', runner: 'self-hosted' }) })
    for (const name of ['plain', 'refused']) registry.publish({ name, version: '1.0.0' })
    registry.publish({ name: 'ignored', version: '1.0.0', provenance })
    mirror = await startTestMirror({ registry, policy: { ...NO_AGE, rules }, section: { publicUrl: 'https://npm.acme.example' } })
  })
  after(async () => {
    await mirror.close()
    await registry.close()
  })

  /** Verified as a stranger would: by the listed key, over the encoding that the specification says. */
  async function summary(where: string): Promise<Statement> {
    const answer = await mirror.get(`/-/provenance/v1/vsa/${where}`)
    assert.equal(answer.status, 200, await answer.clone().text())
    const { payloadType, payload, signatures } = (await answer.json()) as Envelope
    assert.equal(payloadType, 'application/vnd.in-toto+json')
    const { keys } = (await mirror.json('/-/provenance/v1/keys')) as unknown as { readonly keys: readonly { readonly keyid: string; readonly key: string; readonly purpose: string }[] }
    const key = keys.find(({ keyid }) => keyid === signatures[0]?.keyid)
    assert.equal(key?.purpose, 'vsa')
    const body = Buffer.from(payload, 'base64')
    const publicKey = createPublicKey({ key: Buffer.from(key.key, 'base64'), format: 'der', type: 'spki' })
    assert.ok(verify('sha256', pae(payloadType, body), publicKey, Buffer.from(signatures[0]?.sig ?? '', 'base64')))
    assert.equal(verify('sha256', body, publicKey, Buffer.from(signatures[0]?.sig ?? '', 'base64')), false)
    return JSON.parse(body.toString()) as Statement
  }

  it('says what was verified, of which bytes, by which policy, from which attestations', async () => {
    const { _type, subject, predicateType, predicate } = await summary('@acme%2fui/1.0.0')
    const tarball = Buffer.from(await (await mirror.get('/@acme%2fui/-/ui-1.0.0.tgz')).arrayBuffer())
    assert.deepEqual([_type, predicateType], ['https://in-toto.io/Statement/v1', 'https://slsa.dev/verification_summary/v1'])
    assert.deepEqual(subject, [{ name: 'pkg:npm/%40acme/ui@1.0.0', digest: { sha512: createHash('sha512').update(tarball).digest('hex') } }])
    assert.deepEqual([predicate.verifier.id, predicate.resourceUri, predicate.verificationResult, predicate.slsaVersion], ['https://npm.acme.example', 'pkg:npm/%40acme/ui@1.0.0', 'PASSED', '1.1'])
    assert.equal(predicate.policy.digest.sha256, mirror.engine.policy.digest)
    assert.equal(predicate.policy.digest.sha256.slice(0, 12), mirror.engine.policy.revision)
    const [input] = predicate.inputAttestations
    const served = Buffer.from(await (await mirror.get(new URL(input?.uri ?? '').pathname)).arrayBuffer())
    assert.equal(createHash('sha256').update(served).digest('hex'), input?.digest.sha256)
    assert.ok(Math.abs(Date.parse(predicate.timeVerified) - Date.now()) < 60_000)
  })

  it('a mirror without an address for others names policy and attestations by their digests', async () => {
    const ref = { name: 'widget', version: '1.0.0' }
    const document = Buffer.from('{}')
    const issued = await issueSummary(ref, { pipeline: mirror.engine.pipeline, attestations: () => Promise.resolve(document), base: undefined }, mirror.engine.routes.vsa)
    assert.ok(issued.kind === 'issued')
    const { predicate } = JSON.parse(Buffer.from(ownString(issued.envelope, 'payload') ?? '', 'base64').toString()) as Statement
    const named = (sha256: string): string => `ni:///sha-256;${Buffer.from(sha256, 'hex').toString('base64url')}`
    assert.equal(predicate.policy.uri, named(predicate.policy.digest.sha256))
    assert.deepEqual(predicate.inputAttestations.map(({ uri, digest }) => [uri, digest.sha256]), [[named(createHash('sha256').update(document).digest('hex')), createHash('sha256').update(document).digest('hex')]])
  })

  for (const [name, level, inputs] of [
    ['widget', 'SLSA_BUILD_LEVEL_2', 1],
    ['own-runner', 'SLSA_BUILD_LEVEL_1', 1],
    ['plain', 'SLSA_BUILD_LEVEL_0', 0],
    ['ignored', 'SLSA_BUILD_LEVEL_UNEVALUATED', 0],
  ] as const)
    it(`${name}: ${level}, and no more than was verified`, async () => {
      const { predicate } = await summary(`${name}/1.0.0`)
      assert.deepEqual([predicate.verifiedLevels, predicate.inputAttestations.length], [[level], inputs])
    })

  it('a version that is refused has none, and is told why; one that is not there is 404', async () => {
    const refused = await mirror.get('/-/provenance/v1/vsa/refused/1.0.0')
    const { reasons } = (await refused.json()) as { readonly reasons: readonly { readonly code: string }[] }
    assert.deepEqual([refused.status, reasons[0]?.code], [403, 'denied-by-rule'])
    assert.equal((await mirror.get('/-/provenance/v1/vsa/widget/9.9.9')).status, 404)
    assert.equal((await mirror.get('/-/provenance/v1/vsa/nobody/1.0.0')).status, 404)
  })

  it('bytes that are not the promised ones have none', async () => {
    registry.publish({ name: 'swapped', version: '1.0.0' })
    registry.serveTarball('swapped', '1.0.0', Buffer.from('other'))
    assert.equal((await mirror.get('/-/provenance/v1/vsa/swapped/1.0.0')).status, 403)
  })

  it('what monitor serves although policy refuses it has none', async () => {
    const monitor = await startTestMirror({ registry, policy: { ...NO_AGE, mode: 'monitor', rules: [{ packages: ['refused'], verdict: 'deny', reason: 'not here' }] } })
    try {
      assert.equal((await monitor.get('/refused/-/refused-1.0.0.tgz')).status, 200)
      assert.equal((await monitor.get('/-/provenance/v1/vsa/refused/1.0.0')).status, 403)
      // Without an address of its own, the mirror is named by its key.
      const { payload } = (await (await monitor.get('/-/provenance/v1/vsa/widget/1.0.0')).json()) as Envelope
      assert.match((JSON.parse(Buffer.from(payload, 'base64').toString()) as Statement).predicate.verifier.id, /^ni:\/\/\/sha-256;[\w-]{43}$/)
    } finally {
      await monitor.close()
    }
  })

  it('a package published here has one too', async () => {
    const token = await register(mirror.url, 'ann')
    assert.equal((await publishTo(mirror.url, token, 'home-made', '1.0.0')).status, 201)
    assert.deepEqual((await summary('home-made/1.0.0')).predicate.verifiedLevels, ['SLSA_BUILD_LEVEL_0'])
  })

  it('the key signs summaries and nothing else: it is in no list that npm reads, and in a file of its own', async () => {
    const { keys: own } = (await mirror.json('/-/provenance/v1/keys')) as unknown as { readonly keys: readonly JsonObject[] }
    const { keys: npm } = (await mirror.json('/-/npm/v1/keys')) as unknown as { readonly keys: readonly JsonObject[] }
    assert.equal(own.length, 1)
    assert.equal(npm.some(({ keyid }) => keyid === own[0]?.keyid), false)
    assert.equal((JSON.parse(readFileSync(path.join(mirror.dir, 'keys/vsa-signing.json'), 'utf8')) as JsonObject).purpose, 'vsa-signing')
  })

  it('openssl verifies it, without a line of this program', async function () {
    const dir = mkdtempSync(path.join(tmpdir(), 'vsa-'))
    try {
      const { payloadType, payload, signatures } = (await mirror.json('/-/provenance/v1/vsa/widget/1.0.0')) as unknown as Envelope
      const [key] = ((await mirror.json('/-/provenance/v1/keys')) as unknown as { readonly keys: readonly { readonly key: string }[] }).keys
      const file = (name: string, bytes: string | Buffer): string => {
        writeFileSync(path.join(dir, name), bytes)
        return path.join(dir, name)
      }
      const spki = key?.key.match(/.{1,64}/g)?.join('\n') ?? ''
      const pem = file('key.pem', `-----BEGIN PUBLIC KEY-----\n${spki}\n-----END PUBLIC KEY-----\n`)
      const sig = file('sig', Buffer.from(signatures[0]?.sig ?? '', 'base64'))
      const message = file('message', pae(payloadType, Buffer.from(payload, 'base64')))
      let said: string
      try {
        said = execFileSync('openssl', ['dgst', '-sha256', '-verify', pem, '-signature', sig, message], { encoding: 'utf8' })
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return this.skip()
        throw error
      }
      assert.match(said, /Verified OK/)
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  })
})
