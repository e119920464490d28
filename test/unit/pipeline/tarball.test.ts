import assert from 'node:assert/strict'
import { NotATarball } from '../../../plugin/domain/ports.ts'
import { Unavailable } from '../../../plugin/domain/errors.ts'
import type { ReasonCode } from '../../../plugin/domain/reason.ts'
import { verifiedTarball } from '../../../plugin/pipeline/tarball.ts'
import { versionOfFile } from '../../../plugin/pipeline/tarball-name.ts'
import { parsePackument } from '../../../plugin/domain/packument.ts'
import { World, address, codes, digestOf, documentOf, manifestOf, unavailable, type Draft } from './support.ts'

describe('the bytes of a version', () => {
  let world: World
  beforeEach(() => { world = new World() })
  const ask = async (draft: Draft = {}): Promise<{ there: boolean; faults: readonly ReasonCode[] }> => {
    const context = await world.open(documentOf({ '1.0.0': draft }))
    const { tarball, faults } = await verifiedTarball(context, manifestOf(context), digestOf('1.0.0'), world.deps)
    await context.facts.save()
    return { there: tarball !== undefined, faults: codes(faults) }
  }

  it('fetched, hashed and looked into', async () => {
    assert.deepEqual(await ask(), { there: true, faults: [] })
    assert.equal(world.inspector.inspected, 1)
  })
  it('from disk the second time', async () => {
    await ask()
    await ask()
    assert.equal(world.upstream.asked.length, 1)
    assert.equal(world.inspector.inspected, 1)
  })
  it('looked into by another mirror since: not again', async () => {
    await ask()
    const { stored } = world.facts
    world = new World()
    world.facts.look = () => Promise.resolve(stored)
    assert.deepEqual([await ask(), world.inspector.inspected], [{ there: true, faults: [] }, 0])
  })
  it('[3a] other bytes are not kept, not looked into and not handed out', async () => {
    world.upstream.tarballs.set(address('1.0.0'), Buffer.from('other'))
    assert.deepEqual(await ask(), { there: false, faults: ['integrity-mismatch'] })
    assert.deepEqual([world.bytes.tarballs.size, world.inspector.inspected], [0, 0])
  })
  it('[14a] an address that is not allowed', async () => {
    assert.deepEqual(await ask({ dist: { tarball: 'https://elsewhere.example/x-1.0.0.tgz' } }), { there: false, faults: ['tarball-host-refused'] })
  })
  it('no address is not allowed either', async () => {
    assert.deepEqual(await ask({ dist: { tarball: undefined } }), { there: false, faults: ['tarball-host-refused'] })
  })
  it('listed and 404: undecided, not absent', async () => {
    world.upstream.tarballs.set(address('1.0.0'), 'absent')
    await assert.rejects(ask(), Unavailable)
  })
  it('[3b] a registry that fails: undecided', async () => {
    world.upstream.tarballs.set(address('1.0.0'), unavailable())
    await assert.rejects(ask(), Unavailable)
  })
  it('[20a] a manifest inside that contradicts the packument', async () => {
    world.inspector.inside = { fault: 'has other dependencies' }
    assert.deepEqual(await ask(), { there: true, faults: ['manifest-mismatch'] })
  })
  it('[3f] no tarball at all, known for good', async () => {
    world.inspector.refusal = new NotATarball('not gzip')
    assert.deepEqual(await ask(), { there: true, faults: ['manifest-mismatch'] })
    world.inspector.refusal = undefined
    assert.deepEqual(await ask(), { there: true, faults: ['manifest-mismatch'] })
  })
  it('a look that failed for another reason says nothing of the tarball, and nothing is stored', async () => {
    world.inspector.refusal = new Error('the disk is full')
    await assert.rejects(ask(), /disk/)
    assert.equal(world.facts.stored.size, 0)
  })
})

describe('the version that a tarball\'s file name asks for', () => {
  const packument = (name: string, versions: Readonly<Record<string, string | undefined>>) =>
    parsePackument({ name, versions: Object.fromEntries(Object.entries(versions).map(([version, tarball]) => [version, { dist: { tarball } }])) }, name)
  const of = (file: string, versions: Readonly<Record<string, string | undefined>>, name = 'widget'): string | undefined =>
    versionOfFile(packument(name, versions), file)
  const at = (file: string): string => `https://registry.example/widget/-/${file}`

  it('the mirror\'s own name for it', () => assert.equal(of('widget-1.0.0.tgz', { '1.0.0': undefined, '1.1.0': undefined }), '1.0.0'))
  it('without the scope', () => assert.equal(of('widget-1.0.0.tgz', { '1.0.0': undefined }, '@acme/widget'), '1.0.0'))
  it('the upstream\'s', () => assert.equal(of('other.tgz', { '1.0.0': at('other.tgz'), '1.1.0': at('widget-1.1.0.tgz') }), '1.0.0'))
  it('the upstream\'s, decoded', () => assert.equal(of('a b.tgz', { '1.0.0': at('a%20b.tgz') }), '1.0.0'))
  it('[15] not the undecoded one', () => assert.equal(of('a%20b.tgz', { '1.0.0': at('a%20b.tgz') }), undefined))
  it('[14b] an upstream name that is another version\'s own stays that one\'s', () => {
    assert.equal(of('widget-1.0.0.tgz', { '1.1.0': at('widget-1.0.0.tgz'), '1.0.0': at('widget-1.0.0.tgz') }), '1.0.0')
  })
  it('an upstream name that two versions share is neither\'s', () => {
    assert.equal(of('x.tgz', { '1.0.0': at('x.tgz'), '1.1.0': at('x.tgz') }), undefined)
  })
  it('[15d] an unknown file', () => assert.equal(of('widget-9.9.9.tgz', { '1.0.0': at('widget-1.0.0.tgz') }), undefined))
  it('[15c] package.json', () => assert.equal(of('package.json', { '1.0.0': at('widget-1.0.0.tgz') }), undefined))
  for (const tarball of ['not an address', 'https://registry.example/%E0%A4%A', undefined])
    it(`an address that cannot be read is passed over: ${String(tarball)}`, () => {
      assert.equal(of('x.tgz', { '1.0.0': tarball, '1.1.0': at('x.tgz') }), '1.1.0')
    })
})
