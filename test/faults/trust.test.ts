/** Trust material that ends. */
import assert from 'node:assert/strict'
import type { Json } from '../../plugin/domain/json.ts'
import { PrivateSigstore, REGISTRY } from '../support/private-sigstore.ts'
import { draftOf } from '../support/registry/draft.ts'
import { fault, POLICY, tarballOf, type Scene } from './kit.ts'

const KEYS = `${new URL(REGISTRY).host}/keys.json`
const DAY = 86_400_000

describe('faults of trust material', () => {
  /** Keys and root come from a TUF repository of the scene's own. */
  async function withTuf(scene: Scene) {
    const tuf = await scene.registry.sigstore.serveTUF()
    scene.defer(() => tuf.close())
    const start = (clock: number) => scene.start({ clock, hurried: true, uplink: { trust: { registry: REGISTRY } }, section: { policy: POLICY, trust: { offline: false, tuf: { mirror: tuf.url, root: tuf.rootPath } } } })
    return { tuf, start }
  }

  fault({ name: 'TUF metadata expired', what: 'the repository is not signed anew in time, over a restart of the mirror', recovery: 'by itself, when the repository is signed again' }, async (scene) => {
    const { tuf, start } = await withTuf(scene)
    const known = scene.publish('built', '1.0.0')
    await start(0)
    await scene.installs(known)
    await scene.mirror.kill()

    scene.break()
    tuf.update({}, { expires: new Date(Date.now() - DAY) })
    await start(2 * DAY)
    await scene.metric('provenance_trust_refreshes_total{sigstore="default",outcome="failed"}', (value) => value > 0)
    // It is still what was last known to be true: without it nothing could be installed.
    await scene.installs(known)
    await scene.installs(scene.publish('fresh', '1.0.0'), 'what is new')
    const rotated = PrivateSigstore.create({ name: 'rotated' })
    scene.registry.add(draftOf({ name: 'rotated', version: '1.0.0' }, scene.registry.url, rotated))
    await scene.sees('403 signature-key-unknown', 'a version signed by a key that came since', tarballOf({ name: 'rotated', version: '1.0.0' }))
    await scene.isReady(true)

    tuf.update({ [KEYS]: { keys: [scene.registry.sigstore, rotated].flatMap((one) => one.registryKeysTarget().keys as readonly Json[]) } })
    scene.mended()
    // A refresh is tried at most once in ten minutes.
    await scene.shift(2 * DAY + 11 * 60_000)
    await scene.comes('200', tarballOf({ name: 'rotated', version: '1.0.0' }))
    await scene.sees('200', 'a version signed by a key that came since', tarballOf({ name: 'rotated', version: '1.0.0' }))
    await scene.installs(known)
    await scene.metric('provenance_trust_refreshes_total{sigstore="default",outcome="succeeded"}', (value) => value > 0)
    scene.recovered()
  })

  fault({ name: 'TUF repository away at the first start', what: 'there is no trust material at all yet', recovery: 'by itself, within a minute after the repository answers (a second in the test, whose minutes are short)' }, async (scene) => {
    const { tuf, start } = await withTuf(scene)
    const known = scene.publish('built', '1.0.0')
    tuf.down = true
    scene.break()
    await start(0)
    await scene.sees('503 trust-material-stale', 'everything', tarballOf(known))
    await scene.isReady(false, 'trust')
    tuf.down = false
    scene.mended()
    await scene.comes('200', tarballOf(known))
    await scene.installs(known, 'everything')
    await scene.isReady(true, 'trust')
    scene.recovered()
  })

  fault({ name: 'registry key expired', what: 'the registry goes on signing with a key whose end has passed', recovery: 'by itself, with the first refresh that brings a key in force' }, async (scene) => {
    const { tuf, start } = await withTuf(scene)
    const [old, current] = [scene.registry.sigstore, PrivateSigstore.create({ name: 'current' })]
    const target = old.registryKeysTarget()
    const ending = new Date(Date.now() + 30 * DAY).toISOString()
    const keys = (target.keys as readonly { readonly keyId: string; readonly publicKey: { readonly validFor: object } }[]).map((key) =>
      key.keyId === old.registryKey.keyid ? { ...key, publicKey: { ...key.publicKey, validFor: { ...key.publicKey.validFor, end: ending } } } : key)
    tuf.update({ [KEYS]: { keys } as unknown as Json })
    const known = scene.publish('built', '1.0.0')
    await start(0)
    await scene.installs(known)

    scene.break()
    await scene.shift(60 * DAY)
    const late = scene.publish('late', '1.0.0', { time: new Date(Date.now() + 50 * DAY), provenance: false })
    await scene.installs(known)
    await scene.sees('403 signature-key-expired', 'what was published after its end', tarballOf(late))
    await scene.metric('provenance_decision_reasons_total{kind="refused",code="signature-key-expired"}', (value) => value > 0)
    await scene.isReady(true)

    tuf.update({ [KEYS]: { keys: [...keys, ...(current.registryKeysTarget().keys as readonly Json[])] } as unknown as Json }, { expires: new Date(Date.now() + 365 * DAY) })
    scene.registry.add(draftOf({ name: 'late', version: '1.1.0', time: new Date(Date.now() + 50 * DAY) }, scene.registry.url, current))
    scene.mended()
    await scene.shift(61 * DAY)
    await scene.comes('200', tarballOf({ name: 'late', version: '1.1.0' }))
    await scene.sees('200', 'a version signed by the next key', tarballOf({ name: 'late', version: '1.1.0' }))
    await scene.sees('403 signature-key-expired', 'what was published after its end', tarballOf(late))
    await scene.installs(known)
    scene.recovered()
    assert.equal((await scene.ready()).ready, true)
  })
})
