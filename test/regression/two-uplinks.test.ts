/** One uplink must not be able to spoil what another one serves. */
import assert from 'node:assert/strict'
import { FakeRegistry } from '../support/fake-registry.ts'
import { NO_AGE, startTestMirror } from '../support/mirror.ts'
import { PrivateSigstore, githubIdentity } from '../support/private-sigstore.ts'

describe('regression: two uplinks', function () {
  this.timeout(20_000)

  it('a download under the same digest at another uplink does not decide about this one', async () => {
    const good = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    const bad = await FakeRegistry.start({ sigstore: PrivateSigstore.create({ name: 'bad' }), name: 'bad' })
    const mirror = await startTestMirror({ registry: good, registries: { bad } })
    try {
      const { integrity } = good.publish({ name: 'widget', version: '1.0.0' })
      bad.publish({ name: 'evil', version: '1.0.0', signed: false, manifest: { dist: { integrity, tarball: `${bad.url}/evil/-/evil-1.0.0.tgz` } } })
      let finish = (): void => undefined
      const asked = new Promise<void>((resolve) => {
        bad.behave('/evil/-/evil-1.0.0.tgz', (response) => {
          response.writeHead(200, { 'content-type': 'application/octet-stream' })
          response.write('not ')
          finish = () => { response.end('the widget') }
          resolve()
        })
      })
      const evil = mirror.get('/evil/-/evil-1.0.0.tgz')
      await asked
      // Were it to wait for the other download, this would never end: that one ends after it.
      const widget = await mirror.get('/widget/-/widget-1.0.0.tgz', { connection: 'close' })
      assert.equal(widget.status, 200)
      finish()
      assert.equal((await evil).status, 403)
    } finally {
      await mirror.close()
      await Promise.all([good.close(), bad.close()])
    }
  })

  it('attestations that one uplink does not answer for take no turn of another one', async () => {
    const good = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    const bad = await FakeRegistry.start({ sigstore: PrivateSigstore.create({ name: 'bad' }), name: 'bad' })
    const policy = { ...NO_AGE, listing: 'verified' }
    const mirror = await startTestMirror({ registry: good, registries: { bad }, policy, deadline: 1500 })
    try {
      const provenance = githubIdentity({ ref: 'refs/tags/v1.0.0' })
      // More than there are turns.
      for (let major = 1; major <= 80; major++) bad.publish({ name: 'evil', version: `${major}.0.0`, signed: false, publishAttestation: true })
      bad.hang(/attestations/)
      good.publish({ name: 'widget', version: '1.0.0', provenance })
      const evil = mirror.get('/evil')
      while (bad.hits(/attestations/) < 16) await new Promise((resolve) => { setImmediate(resolve) })
      assert.equal((await mirror.get('/widget')).status, 200)
      await evil
    } finally {
      await mirror.close()
      await Promise.all([good.close(), bad.close()])
    }
  })
})
