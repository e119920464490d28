import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import { bundleFromJSON } from '@sigstore/bundle'
import { toSignedEntity } from '@sigstore/verify'
import { isObject, type JsonObject } from '../../../plugin/domain/json.ts'
import { parsePackument } from '../../../plugin/domain/packument.ts'
import type { FakeRegistry } from '../../support/fake-registry.ts'
import { isNegative, publicTrust, realData, replayRegistry, type Twin } from '../../support/real-data.ts'
import { sha512Of } from '../../support/tarball.ts'
import { spkiKey, verifierOf } from './plain-verifier.ts'

const data = realData()
const { trustedRoot, registryKeys } = publicTrust()
const verifier = verifierOf(trustedRoot, registryKeys)

const codeOf = (bundle: unknown): string => {
  try {
    verifier.verify(toSignedEntity(bundleFromJSON(bundle)))
    return 'valid'
  } catch (error) {
    return `fail:${(error as { readonly code?: string }).code ?? ''}`
  }
}

describe(`real data${data === undefined ? ' (skipped: shared/data is not beside the repository)' : ''}`, () => {
  before(function () {
    if (data === undefined) this.skip()
  })

  it('every bundle verifies as its row says', () => {
    for (const row of data?.evidence ?? []) assert.equal(codeOf(data?.bundle(row)), row.expected, `${row.file} ${row.kind}`)
  })

  it('every registry signature verifies, but the negative one', () => {
    const keys = registryKeys.keys as readonly { readonly keyId: string; readonly publicKey: { readonly rawBytes: string } }[]
    for (const row of data?.signatures ?? []) {
      const key = spkiKey(keys.find(({ keyId }) => keyId === row.keyid)?.publicKey.rawBytes ?? '')
      const signed = Buffer.from(`${row.name}@${row.version}:${row.integrity}`)
      const verified = crypto.verify('sha256', signed, key, Buffer.from(row.sig, 'base64'))
      assert.equal(verified, !isNegative(row), `${row.name}@${row.version}`)
    }
  })

  describe('replayed', () => {
    let registry: FakeRegistry | undefined
    const start = async (twin: Twin): Promise<FakeRegistry> => {
      assert.ok(data)
      return (registry = await replayRegistry(data, twin))
    }
    afterEach(async () => {
      await registry?.close()
      registry = undefined
    })
    const json = async (url: string) => (await (await fetch(url)).json()) as JsonObject
    const codes = async (url: string) => {
      const { attestations } = (await json(url)) as { attestations: readonly JsonObject[] }
      return attestations.map(({ bundle }) => codeOf(bundle))
    }

    for (const [name, version] of [
      ['@playwright/cli', '0.1.1'],
      ['@laurentsimon/provenance-npm-test', '1.0.3'],
      ['@laurentsimon/provenance-npm-test', '1.0.5'],
    ] as const)
      it(`${name}@${version}: bytes, integrity, manifest and evidence agree`, async () => {
        const { url } = await start('good')
        const entry = parsePackument(await json(`${url}/${name.replace('/', '%2f')}`), name).versions.get(version)
        assert.ok(entry?.dist.tarball !== undefined && entry.dist.attestations?.url !== undefined)
        assert.equal(entry.raw.name, name)
        assert.ok(isObject(entry.raw.repository) || typeof entry.raw.repository === 'string')
        const bytes = Buffer.from(await (await fetch(entry.dist.tarball)).arrayBuffer())
        assert.equal(entry.dist.integrity, `sha512-${Buffer.from(sha512Of(bytes), 'hex').toString('base64')}`)
        assert.equal(entry.dist.signatures, undefined)
        assert.deepEqual(await codes(entry.dist.attestations.url), ['valid', 'valid'])
      })

    it('spoiled twins: one of the two attestations fails', async () => {
      const at = '/-/npm/v1/attestations/@laurentsimon%2fprovenance-npm-test@1.0.5'
      const provenance = await start('spoiled-provenance')
      assert.deepEqual(await codes(provenance.url + at), ['valid', 'fail:TLOG_BODY_ERROR'])
      await provenance.close()
      const publish = await start('spoiled-publish')
      assert.deepEqual(await codes(publish.url + at), ['fail:TLOG_BODY_ERROR', 'valid'])
    })

    it('evidence without bytes: listed with its signature, the tarball 404', async () => {
      const { url } = await start('good')
      const packument = parsePackument(await json(`${url}/sigstore`), 'sigstore')
      assert.deepEqual([...packument.versions.keys()], ['1.0.0', '0.4.0', '1.3.0'])
      const entry = packument.versions.get('1.0.0')
      assert.equal(entry?.dist.signatures?.length, 1)
      assert.equal((await fetch(entry.dist.tarball ?? '')).status, 404)
      assert.deepEqual(await codes(`${url}/-/npm/v1/attestations/sigstore@1.3.0`), ['valid', 'valid'])
    })
  })
})
