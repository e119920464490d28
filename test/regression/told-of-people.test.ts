/** What an explanation tells anybody: no e-mail address that an operator wrote, and no password of an uplink. */
import assert from 'node:assert/strict'
import path from 'node:path'
import { SqliteLedger } from '../../plugin/store/ledger.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { startTestMirror } from '../support/mirror.ts'
import { githubIdentity, PrivateSigstore, REGISTRY } from '../support/private-sigstore.ts'

describe('regression: what an explanation tells', function () {
  this.timeout(20_000)
  let registry: FakeRegistry
  before(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
  })
  after(() => registry.close())

  it('who approved an identity is named without an e-mail address', async () => {
    registry.publish({ name: 'widget', version: '1.0.0', provenance: githubIdentity() })
    const mirror = await startTestMirror({ registry })
    try {
      await (await mirror.get('/widget')).text()
      const ledger = new SqliteLedger({ file: path.join(mirror.dir, 'provenance.db') })
      const identity = { issuer: 'https://issuer.example', sourceRepository: 'https://host.example/acme/widget', sourceRepositoryId: '1', sourceOwnerId: '2', workflow: undefined }
      const reason = 'asked bob@acme.example by phone'
      ledger.identities.decide({ registry: REGISTRY, name: 'widget', decision: 'approve', identity, reason, by: 'alice@acme.example', at: new Date() })
      ledger.close()
      const told = await (await mirror.get('/-/provenance/v1/packages/widget')).text()
      assert.match(told, /by phone/)
      assert.doesNotMatch(told, /alice|bob|acme\.example/)
    } finally {
      await mirror.close()
    }
  })

  for (const uplink of [{ url: 'https://user:secret@registry.example/' }, { trust: { registry: 'https://secret@registry.example/' } }])
    it(`an uplink's address is a name, and holds no secret: ${Object.keys(uplink).join('')}`, async () => {
      await assert.rejects(startTestMirror({ registry, uplink }), (error: Error) => error.message.includes('user or a password') && !error.message.includes('secret'))
    })
})
