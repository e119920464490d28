/** Cold paths, by what they ask of an uplink and how much of it at one time: never by how long they take. */
import assert from 'node:assert/strict'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { askedAttestations, FakeRegistry } from '../support/fake-registry.ts'
import { startTestMirror, type TestMirror } from '../support/mirror.ts'
import { githubIdentity, PrivateSigstore } from '../support/private-sigstore.ts'
import { send, type Answer } from '../support/registry/behaviour.ts'

const ATTESTATIONS = /^\/-\/npm\/v1\/attestations\//
const ABBREVIATED = { accept: 'application/vnd.npm.install-v1+json' }

/** Answers requests when so many of them are there at one time: one after another they would wait for ever. */
function together(registry: FakeRegistry, match: RegExp, count: number): void {
  let waiting: (() => void)[] = []
  let open = false
  registry.behave(match, (response, answer: () => Answer) => {
    waiting.push(() => { send(response, answer()) })
    open ||= waiting.length >= count
    if (!open) return
    for (const release of waiting) release()
    waiting = []
  })
}

describe('cold paths', function () {
  this.timeout(60_000)
  let registry: FakeRegistry
  let mirror: TestMirror
  beforeEach(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
  })
  afterEach(async () => {
    await mirror.close()
    await registry.close()
  })
  const start = async (): Promise<void> => {
    mirror = await startTestMirror({ registry, uplink: { maxage: '5m', timeout: '20s' } })
  }
  /** Twelve release lines of nine versions, all with provenance. */
  const publishMany = (): readonly string[] => {
    const versions = Array.from({ length: 12 }, (_, major) => Array.from({ length: 9 }, (_, minor) => `${String(major + 1)}.${String(minor)}.0`)).flat()
    for (const version of versions) registry.publish({ name: 'many', version, provenance: githubIdentity() })
    return versions
  }
  const versionsIn = (packument: JsonObject): readonly string[] => Object.keys(packument.versions as JsonObject)

  it('of many claimed provenances the likely ones are asked for together before the answer, the rest behind it, each once', async () => {
    const versions = publishMany()
    together(registry, ATTESTATIONS, 24)
    await start()
    assert.equal(versionsIn(await mirror.json('/many', ABBREVIATED)).length, versions.length)
    await mirror.engine.settled()
    const asked = askedAttestations(registry).map(({ version }) => version ?? '')
    assert.deepEqual(asked.toSorted(), versions.toSorted())
    // The three newest of each line came first.
    assert.deepEqual(asked.slice(0, 36).toSorted(), versions.filter((version) => /\.[678]\.0$/.test(version)).toSorted())
  })

  it('and no later request, in any form, asks for anything', async () => {
    publishMany()
    await start()
    await mirror.json('/many', ABBREVIATED)
    await mirror.engine.settled()
    registry.requests.length = 0
    for (const form of ['/many', '/many/3.0.0', '/-/package/many/dist-tags']) await mirror.json(form)
    for (let times = 0; times < 3; times++) await mirror.json('/many', ABBREVIATED)
    await mirror.engine.settled()
    assert.deepEqual(registry.requests, [])
  })

  it('a lockfile\'s packages and tarballs do not wait for one another', async () => {
    const names = Array.from({ length: 40 }, (_, index) => `part-${String(index)}`)
    for (const name of names) registry.publish({ name, version: '1.0.0' })
    together(registry, /^\/part-\d+$/, names.length)
    together(registry, /\.tgz$/, names.length)
    await start()
    const answers = await Promise.all(names.map((name) => mirror.get(`/${name}/-/${name}-1.0.0.tgz`)))
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
    await Promise.all(answers.map((answer) => answer.arrayBuffer()))
    assert.equal(registry.requests.filter(({ path }) => path.startsWith('/part-')).length, 2 * names.length)
  })
})
