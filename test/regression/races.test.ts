/** What changes while a tarball is on its way. */
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { FakeRegistry } from '../support/fake-registry.ts'
import { startTestMirror } from '../support/mirror.ts'
import { PrivateSigstore } from '../support/private-sigstore.ts'

describe('regression: races', function () {
  this.timeout(20_000)

  it('[3d] bytes that are on their way while others are served under the version come too late', async () => {
    const registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    const mirror = await startTestMirror({ registry })
    try {
      const [name, version] = ['widget', '1.0.0']
      const tarball = `/${name}/-/${name}-${version}.tgz`
      const late = registry.publish({ name, version, signed: false, files: { 'package/index.js': 'evil()' } })
      let held: ServerResponse | undefined
      const asked = new Promise<void>((resolve) => {
        registry.behave(tarball, (response) => {
          held = response
          resolve()
        }, { times: 1 })
      })
      const first = mirror.get(tarball)
      await asked
      registry.publish({ name, version, signed: false })
      assert.equal((await mirror.get(tarball)).status, 200)
      held?.end(late.tarball)
      const answer = await first
      assert.equal(answer.status, 403)
      const { reasons } = (await answer.json()) as { reasons: { code: string }[] }
      assert.deepEqual(reasons.map(({ code }) => code), ['integrity-changed'])
    } finally {
      await mirror.close()
      await registry.close()
    }
  })
})
