import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import path from 'node:path'
import { bundleFromJSON } from '@sigstore/bundle'
import { X509Certificate } from '@sigstore/core'
import { getTrustedRoot, initTUF } from '@sigstore/tuf'
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
import {
  emailIdentity,
  githubIdentity,
  gitlabIdentity,
  mergeTrustedRoots,
  PrivateSigstore,
  provenanceStatement,
  publishStatement,
  type Bundle,
  type CryptoFault,
  type EntryKind,
} from '../../support/private-sigstore.ts'
import { verifierOf } from './plain-verifier.ts'

const sigstore = PrivateSigstore.create()
const artifact = { name: '@acme/widget', version: '1.0.0', sha512: 'ab'.repeat(64) }
const identity = githubIdentity()
const statement = provenanceStatement(artifact, identity)

const keys = sigstore.registryKeysTarget()
const trusted = verifierOf(sigstore.trustedRoot(), keys)
const verify = (bundle: Bundle, verifier = trusted) => verifier.verify(toSignedEntity(bundleFromJSON(bundle)))
const refuses = (bundle: Bundle, code: string): void => {
  assert.throws(() => verify(bundle), { code })
}
const leafOf = (bundle: Bundle): X509Certificate =>
  X509Certificate.parse(Buffer.from(bundle.verificationMaterial.certificate?.rawBytes ?? '', 'base64'))

describe('private Sigstore', () => {
  describe('mints evidence that verifies', () => {
    const kinds: readonly EntryKind[] = ['dsse/0.0.1', 'intoto/0.0.2', 'hashedrekord/0.0.1', 'dsse/0.0.2', 'hashedrekord/0.0.2']
    for (const kind of kinds) {
      it(`keyless, logged as ${kind}`, () => {
        assert.equal(verify(sigstore.keyless(statement, identity, { kind })).identity?.subjectAlternativeName, identity.san)
      })
      it(`keyed, logged as ${kind}`, () => {
        assert.equal(verify(sigstore.keyed(publishStatement(artifact), { kind })).identity, undefined)
      })
    }

    for (const bundle of ['0.1', '0.2', '0.3'] as const) {
      it(`in a bundle v${bundle}`, () => {
        verify(sigstore.keyless(statement, identity, { bundle }))
        verify(sigstore.keyed(publishStatement(artifact), { bundle }))
      })
    }

    it('of a GitLab job, SLSA v0.2', () => {
      const id = gitlabIdentity()
      const signer = verify(sigstore.keyless(provenanceStatement(artifact, id), id))
      assert.equal(signer.identity?.extensions?.issuer, 'https://gitlab.com')
    })

    it('of a person, by e-mail', () => {
      const signer = verify(sigstore.keyless(statement, emailIdentity('a@b.example')))
      assert.equal(signer.identity?.subjectAlternativeName, 'a@b.example')
    })

    it('of 2023, with the claims 1 to 6 only', () => {
      const early = githubIdentity({ early: true })
      const at = new Date('2023-02-01')
      const bundle = sigstore.keyless(provenanceStatement(artifact, early, 'early'), early, { bundle: '0.2', at })
      const signer = verify(bundle)
      const claims = (signer.identity?.oids ?? []).map(({ oid }) => oid?.id.join('.') ?? '')
      const fulcio = claims.filter((id) => id.startsWith('1.3.6.1.4.1.57264.1.')).map((id) => Number(id.split('.').at(-1)))
      assert.deepEqual(fulcio, [1, 2, 3, 4, 5, 6])
    })

    it('at any time since 2020, certificates valid around it', () => {
      const at = new Date('2021-06-01T12:34:56Z')
      const bundle = sigstore.keyless(statement, identity, { at, timestamp: true })
      verify(bundle)
      verify(sigstore.keyless(statement, identity, { at, kind: 'dsse/0.0.2' }))
      assert.equal(bundle.verificationMaterial.tlogEntries[0]?.integratedTime, String(at.getTime() / 1000))
      assert.ok(leafOf(bundle).validForDate(at))
    })

    it('at the time of its clock', () => {
      const at = new Date('2022-02-02T02:02:02Z')
      const bundle = PrivateSigstore.create({ clock: { now: () => at } }).keyed(publishStatement(artifact))
      assert.equal(bundle.verificationMaterial.tlogEntries[0]?.integratedTime, String(at.getTime() / 1000))
    })

    it('and two of one name trust each other', () => {
      verify(PrivateSigstore.create().keyless(statement, identity))
    })

    it('and a merged root trusts both of two', () => {
      const other = PrivateSigstore.create({ name: 'other' })
      const both = verifierOf(mergeTrustedRoots(sigstore.trustedRoot(), other.trustedRoot()), keys)
      verify(sigstore.keyless(statement, identity), both)
      verify(other.keyless(statement, identity, { kind: 'hashedrekord/0.0.2' }), both)
    })
  })

  it('states the identity in extensions: raw bytes up to 6, UTF8String from 8', () => {
    const leaf = leafOf(sigstore.keyless(statement, identity))
    assert.equal(leaf.extension('1.3.6.1.4.1.57264.1.5')?.value.toString(), 'acme/widget')
    assert.equal(leaf.extension('1.3.6.1.4.1.57264.1.12')?.valueObj.subs[0]?.value.toString(), 'https://github.com/acme/widget')
  })

  describe('mints bundles with one fault', () => {
    const faults: readonly (readonly [title: string, fault: CryptoFault, code: string])[] = [
      ['[12a] no SCT', 'no-sct', 'CERTIFICATE_ERROR'],
      ['[12b] foreign SCT', 'foreign-sct', 'CERTIFICATE_ERROR'],
      ['[12c] no log entry', 'no-log-entry', 'TIMESTAMP_ERROR'],
      ['[12d] foreign log', 'foreign-log', 'TLOG_INCLUSION_PROMISE_ERROR'],
      ['[12e] altered SET', 'altered-set', 'TLOG_INCLUSION_PROMISE_ERROR'],
      ['[12e] altered log time', 'altered-time', 'TLOG_INCLUSION_PROMISE_ERROR'],
      ['[12f] bad proof', 'bad-proof', 'TLOG_INCLUSION_PROOF_ERROR'],
      ['[12f] bad checkpoint', 'bad-checkpoint', 'TLOG_INCLUSION_PROOF_ERROR'],
      ['[12h] log time outside the certificate', 'log-time', 'CERTIFICATE_ERROR'],
      ['[12i] duplicate entries', 'duplicate-entries', 'TIMESTAMP_ERROR'],
      ['[12j] another Sigstore instance', 'foreign-instance', 'CERTIFICATE_ERROR'],
      ['[12k] payload altered', 'altered-payload', 'TLOG_BODY_ERROR'],
      ['[12k] signature altered', 'altered-signature', 'TLOG_BODY_ERROR'],
      ['[4b] payload type altered', 'altered-payload-type', 'SIGNATURE_ERROR'],
      ['[17h] megabytes of proof', 'huge-proof', 'TLOG_INCLUSION_PROOF_ERROR'],
    ]
    for (const [title, fault, code] of faults) {
      it(title, () => {
        refuses(sigstore.keyless(statement, identity, { fault }), code)
      })
    }

    it('[12g] Rekor v2 without timestamp', () => {
      refuses(sigstore.keyless(statement, identity, { kind: 'dsse/0.0.2', timestamp: false }), 'TIMESTAMP_ERROR')
      refuses(sigstore.keyless(statement, identity, { kind: 'dsse/0.0.2', fault: 'no-timestamp' }), 'TIMESTAMP_ERROR')
    })

    it('[12l] two contents: both are there', () => {
      const bundle = sigstore.keyless(statement, identity, { fault: 'two-contents' })
      assert.ok(bundle.messageSignature)
      const holders = sigstore.keyless(statement, identity, { fault: 'two-holders' }).verificationMaterial
      assert.ok(holders.certificate && holders.publicKey)
    })

    it('[12m] unknown media type: nothing else is wrong', () => {
      const bundle = sigstore.keyless(statement, identity, { fault: 'unknown-media-type' })
      assert.match(bundle.mediaType, /v0\.9/)
      verify({ ...bundle, mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json' })
    })

    it('[5b] DSSE keyid is not the hint: verifies, since nothing signs it', () => {
      verify(sigstore.keyed(publishStatement(artifact), { keyid: 'SHA256:another' }))
    })

    it('a hint of no key', () => {
      refuses(sigstore.keyed(publishStatement(artifact), { hint: 'SHA256:unknown' }), 'PUBLIC_KEY_ERROR')
    })

    it('a key used after its end', () => {
      const key = sigstore.expiredKey
      refuses(sigstore.keyed(publishStatement(artifact), { key, at: new Date('2025-02-01') }), 'PUBLIC_KEY_ERROR')
      verify(sigstore.keyed(publishStatement(artifact), { key, at: new Date('2024-02-01') }))
    })
  })

  it('signs name@version:integrity for the registry, by the key in both lists', () => {
    const { keyid, sig } = sigstore.signRegistry('a', '1.0.0', 'sha512-x')
    const listed = sigstore.registryKeys().keys as readonly { readonly keyid: string; readonly key: string }[]
    const key = listed.find((candidate) => candidate.keyid === keyid)?.key ?? ''
    const publicKey = crypto.createPublicKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'spki' })
    assert.ok(crypto.verify('sha256', Buffer.from('a@1.0.0:sha512-x'), publicKey, Buffer.from(sig, 'base64')))
  })

  it('serves root and keys over TUF, and new ones after an update', async () => {
    const server = await sigstore.serveTUF()
    try {
      const cachePath = path.join(server.directory, 'cache')
      const options = { mirrorURL: server.url, rootPath: server.rootPath, cachePath, retry: 0 }
      verify(sigstore.keyless(statement, identity), new Verifier(toTrustMaterial(await getTrustedRoot(options), {})))
      const client = await initTUF(options)
      assert.deepEqual(JSON.parse(await client.getTarget('registry.example/keys.json')), sigstore.registryKeysTarget())
      const other = PrivateSigstore.create({ name: 'other' })
      server.update({ 'trusted_root.json': other.trustedRoot() })
      const renewed = new Verifier(toTrustMaterial(await getTrustedRoot(options), {}))
      verify(other.keyless(statement, identity), renewed)
      assert.throws(() => verify(sigstore.keyless(statement, identity), renewed), { code: 'CERTIFICATE_ERROR' })
      assert.ok(server.hits.includes('/timestamp.json'))
    } finally {
      await server.close()
    }
  })
})
