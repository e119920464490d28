/** What a manifest of a package published here says of its signatures, and who may list keys. */
import assert from 'node:assert/strict'
import type { RegistryKey } from '../../../plugin/domain/ports.ts'
import { keysRoute } from '../../../plugin/http/keys.ts'
import { withSignatures, type Signer } from '../../../plugin/http/local-signatures.ts'
import type { StoredManifest } from '../../../plugin/http/second-line.ts'
import { Served, json } from './support.ts'

type Asked = Parameters<Signer['signatures']>
const SIG = { keyid: 'SHA256:own', sig: 'c2ln' }

describe('signatures of packages published here', () => {
  let asked: Asked[]
  let answer: ReadonlyMap<string, typeof SIG>
  const signer: Signer = {
    signatures: (...args) => {
      asked.push(args)
      return answer
    },
    revision: () => '',
  }
  beforeEach(() => {
    asked = []
    answer = new Map([['1.0.0', SIG]])
  })
  const manifest = (dist: object, time?: object): StoredManifest =>
    ({ name: 'widget', versions: { '1.0.0': { name: 'widget', version: '1.0.0', _npmUser: { trustedPublisher: { id: 'github' } }, dist } }, ...(time === undefined ? {} : { time }) }) as StoredManifest
  const distOf = (signed: StoredManifest): object | undefined => signed.versions?.['1.0.0']?.dist

  it('the signer is asked with integrity and time, as they stand', () => {
    withSignatures(manifest({ integrity: 'sha512-x' }, { '1.0.0': '2026-01-02T00:00:00.000Z' }), signer)
    assert.deepEqual(asked, [['widget', [{ version: '1.0.0', integrity: 'sha512-x', time: new Date('2026-01-02T00:00:00.000Z') }]]])
  })
  it('a time or integrity that is none is none', () => {
    withSignatures(manifest({ integrity: 7 }, { '1.0.0': 'soon' }), signer)
    assert.deepEqual(asked[0]?.[1], [{ version: '1.0.0', integrity: undefined, time: undefined }])
  })
  it('the signature is added, and nothing else changes', () => {
    const before = manifest({ integrity: 'sha512-x', attestations: { url: 'u' } }, { '1.0.0': '2026-01-02T00:00:00.000Z' })
    const signed = withSignatures(before, signer)
    assert.deepEqual(signed, { ...before, versions: { '1.0.0': { ...before.versions?.['1.0.0'], dist: { integrity: 'sha512-x', attestations: { url: 'u' }, signatures: [SIG] } } } })
    assert.equal(Object.hasOwn(distOf(before) ?? {}, 'signatures'), false)
  })
  it('what a publisher wrote there is not served, signed or not', () => {
    const forged = { integrity: 'sha512-x', signatures: [{ keyid: 'SHA256:own', sig: 'Zm9yZ2Vk' }] }
    assert.deepEqual(distOf(withSignatures(manifest(forged), signer)), { integrity: 'sha512-x', signatures: [SIG] })
    answer = new Map()
    assert.deepEqual(distOf(withSignatures(manifest(forged), signer)), { integrity: 'sha512-x' })
  })
  it('[16b] a version named __proto__ is data', () => {
    const versions = JSON.parse('{"__proto__": {"dist": {"integrity": "sha512-x"}}}') as NonNullable<StoredManifest['versions']>
    answer = new Map([['__proto__', SIG]])
    const signed = withSignatures({ name: 'widget', versions }, signer)
    assert.equal(JSON.stringify(signed.versions), '{"__proto__":{"dist":{"integrity":"sha512-x","signatures":[{"keyid":"SHA256:own","sig":"c2ln"}]}}}')
  })
  it('what has no dist is left as it is', () => {
    const odd = { name: 'widget', versions: { '1.0.0': null, '1.1.0': { dist: null } } } as unknown as StoredManifest
    assert.deepEqual(withSignatures(odd, signer), odd)
  })
})

describe('the list of keys', () => {
  const served = new Served()
  before(() => served.start())
  after(() => served.stop())
  const key = (keyid: string, spki: string): RegistryKey => ({ keyid, spki, keytype: 't', scheme: 's', expires: null, starts: null, usages: ['signatures'] })
  const ask = async (names: readonly string[], needed: boolean[] = [], foreign = 'SHA256:npm'): Promise<unknown> => {
    const storage = { localStorage: { storagePlugin: { get: () => Promise.resolve(names) } } }
    const localKeys = (need: boolean): readonly RegistryKey[] => {
      needed.push(need)
      return [key('SHA256:own', 'own')]
    }
    const route = keysRoute({ storage: storage as never, registryKeys: () => [key(foreign, 'foreign')], localKeys })
    served.handler = (request, response) => route(request, response)
    return json(await served.ask({ path: '/keys' })).keys
  }

  it('the uplinks\' and this mirror\'s', async () => {
    const keys = (await ask(['widget'])) as readonly { keyid: string }[]
    assert.deepEqual(keys.map(({ keyid }) => keyid), ['SHA256:npm', 'SHA256:own'])
  })
  it('a key is needed where something is published here', async () => {
    const needed: boolean[] = []
    await ask([], needed)
    await ask(['widget'], needed)
    assert.deepEqual(needed, [false, true])
  })
  it('[1e] a registry\'s key under the id of this mirror\'s is not listed', async () => {
    const keys = (await ask(['widget'], [], 'SHA256:own')) as readonly { key: string }[]
    assert.deepEqual(keys.map((one) => one.key), ['own'])
  })
})
