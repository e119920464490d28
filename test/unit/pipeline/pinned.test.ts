import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { own, ownObject } from '../../../plugin/domain/json.ts'
import { parsePackument } from '../../../plugin/domain/packument.ts'
import { integrityOf as integrity, shasumFaults, withPinnedIntegrities } from '../../../plugin/pipeline/pinned.ts'
import { verifiedTarball } from '../../../plugin/pipeline/tarball.ts'
import { NAME, NOW, World, codes, digestOf, documentOf, integrityOf, manifestOf, plainPolicy } from './support.ts'
import type { UpstreamPackument } from '../../../plugin/domain/ports.ts'

const PIN = integrityOf('1.0.0')
const policy = plainPolicy({ pinnedIntegrities: (name) => new Map(name === NAME ? [['1.0.0', PIN], ['9.9.9', PIN]] : []) })
/** `dist` of version 1.0.0, as JSON text so that it may be anything. */
const answering = (dist: string): UpstreamPackument => ({
  ...documentOf({}),
  packument: parsePackument(JSON.parse(`{"name":"${NAME}","versions":{"1.0.0":{"name":"${NAME}","version":"1.0.0","dist":${dist}}}}`), NAME),
})

describe('integrities that waivers pin', () => {
  for (const dist of ['{}', '{"integrity":""}', '{"integrity":null}', '{"shasum":"00"}'])
    it(`${dist} has none, and is given it, for clients as well`, () => {
      const pinned = withPinnedIntegrities(answering(dist), policy, NOW).packument.versions.get('1.0.0')
      assert.ok(pinned)
      assert.equal(own(ownObject(pinned.raw, 'dist') ?? {}, 'integrity'), PIN)
      assert.deepEqual(integrity(pinned), { state: 'ok', sri: PIN, sha512: digestOf('1.0.0'), pinned: true })
    })
  for (const dist of [`{"integrity":"${integrityOf('other')}"}`, '{"integrity":"sha1-AAAA"}', '{"integrity":7}', '{"integrity":[]}', `{"integrity":"${PIN} ${PIN}"}`])
    it(`${dist.slice(0, 30)} stays what it is`, () => {
      const document = answering(dist)
      assert.equal(withPinnedIntegrities(document, policy, NOW), document)
    })
  it('an answer without pins is the answer, unread', () => {
    const document = answering('{}')
    assert.equal(withPinnedIntegrities(document, plainPolicy(), NOW), document)
  })
  it('leave what came from the upstream alone', () => {
    const document = answering('{}')
    withPinnedIntegrities(document, policy, NOW)
    assert.equal(document.packument.versions.get('1.0.0')?.dist.integrity, undefined)
  })
  it('are of no version that the answer does not have', () => {
    assert.deepEqual([...withPinnedIntegrities(answering('{}'), policy, NOW).packument.versions.keys()], ['1.0.0'])
  })
  it('are said to be so only where they are', () => {
    assert.deepEqual(integrity(manifestOfFirst(documentOf({ '1.0.0': {} }))), { state: 'ok', sri: PIN, sha512: digestOf('1.0.0') })
  })

  describe('and the shasum', () => {
    const sha1 = createHash('sha1').update(`/bytes/${digestOf('1.0.0')}`).digest('hex')
    const faultsUnder = async (shasum: unknown, pinned = true): Promise<readonly string[]> => {
      const world = new World()
      const tarball = manifestOfFirst(documentOf({ '1.0.0': {} })).dist.tarball
      const document = answering(JSON.stringify({ tarball, ...(shasum === undefined ? {} : { shasum }), ...(pinned ? {} : { integrity: PIN }) }))
      const context = await world.open(withPinnedIntegrities(document, policy, NOW))
      const { faults } = await verifiedTarball(context, manifestOf(context), digestOf('1.0.0'), world.deps)
      await verifiedTarball(context, manifestOf(context), digestOf('1.0.0'), world.deps)
      return codes(faults)
    }
    it('agrees', async () => { assert.deepEqual(await faultsUnder(sha1), []) })
    it('is that of these bytes, whatever was looked at before', async () => {
      const world = new World()
      const { tarball } = manifestOfFirst(documentOf({ '1.0.0': {} })).dist
      const context = await world.open(withPinnedIntegrities(answering(JSON.stringify({ tarball, shasum: sha1 })), policy, NOW))
      const inspector = { ...world.deps.inspector, sha1: (path: string) => Promise.resolve(path === 'own' ? sha1 : 'f'.repeat(40)) }
      const of = async (path: string): Promise<readonly string[]> => codes(await shasumFaults(context, manifestOf(context), { path, sha512: path }, inspector))
      assert.deepEqual([await of('own'), await of('other'), await of('own')], [[], ['integrity-mismatch'], []])
    })
    it('agrees in capitals', async () => { assert.deepEqual(await faultsUnder(sha1.toUpperCase()), []) })
    it('is not there', async () => { assert.deepEqual(await faultsUnder(undefined), []) })
    for (const other of ['0'.repeat(40), '', sha1.slice(1), 7, [sha1], true])
      it(`[3a] ${JSON.stringify(other).slice(0, 12)} is of other bytes`, async () => { assert.deepEqual(await faultsUnder(other), ['integrity-mismatch']) })
    it('does not matter where the registry gives an integrity', async () => { assert.deepEqual(await faultsUnder('0'.repeat(40), false), []) })
  })
})

const manifestOfFirst = ({ packument }: UpstreamPackument) => {
  const manifest = packument.versions.get('1.0.0')
  if (manifest === undefined) throw new Error('no 1.0.0 in this test')
  return manifest
}
