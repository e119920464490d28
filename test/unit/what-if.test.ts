/** What a policy that is only tried out learns must not outlast the question. */
import assert from 'node:assert/strict'
import { withoutLearning } from '../../plugin/compose-what-if.ts'
import type { IdentityPin } from '../../plugin/domain/history.ts'
import { SqliteLedger } from '../../plugin/store/ledger.ts'

const R = 'https://registry.example'
const at = new Date(Date.UTC(2026, 0, 1))
const pin: IdentityPin = { issuer: 'https://issuer.example', sourceRepository: 'https://git.example/a/b', sourceRepositoryId: '1', sourceOwnerId: '2', workflow: undefined, version: '1.0.0', since: at, latest: at, because: 'found', until: undefined }

describe('what-if ledger', () => {
  it('knows the pins it learned, and pins nobody and has no change wait for good', () => {
    const ledger = new SqliteLedger({ file: ':memory:' })
    try {
      const asked = withoutLearning(ledger)
      asked.identities.add(R, 'widget', [pin])
      asked.identities.noteChanges(R, 'widget', [{ version: '2.0.0', to: { ...pin, sourceRepositoryId: '9' }, from: pin, firstSeen: at }])
      assert.equal(asked.identities.pins(R, 'widget').length, 1)
      assert.deepEqual([ledger.identities.pins(R, 'widget'), ledger.identities.changes('widget')], [[], []])
    } finally {
      ledger.close()
    }
  })

  it('reads and keeps everything else in the ledger itself', () => {
    const ledger = new SqliteLedger({ file: ':memory:' })
    try {
      withoutLearning(ledger).sight(R, 'widget', ['1.0.0'], at)
      assert.deepEqual(withoutLearning(ledger).versions(R, 'widget'), ['1.0.0'])
      assert.deepEqual(ledger.versions(R, 'widget'), ['1.0.0'])
    } finally {
      ledger.close()
    }
  })
})
