import assert from 'node:assert/strict'
import type { PendingChange } from '../../../plugin/domain/identity-memory.ts'
import type { IdentityPin } from '../../../plugin/domain/history.ts'
import { choosePins, type PinWish } from '../../../plugin/domain/pin-choice.ts'
import type { BuiltBy } from '../../../plugin/domain/pins.ts'
import type { Ledger } from '../../../plugin/domain/ports.ts'

const AT = new Date('2027-01-01')
const by = (id: string, more: Partial<BuiltBy> = {}): BuiltBy => ({
  issuer: 'https://token.actions.githubusercontent.com',
  sourceRepository: `https://github.com/acme/${id}`,
  sourceRepositoryId: id,
  sourceOwnerId: '1',
  workflow: '.github/workflows/release.yml',
  ...more,
})
const pin = (id: string, more: Partial<IdentityPin> = {}): IdentityPin => ({ ...by(id), version: '1.0.0', since: AT, latest: AT, because: 'found', until: undefined, ...more })

describe('which identity is meant', () => {
  let changes: readonly BuiltBy[]
  let pins: readonly IdentityPin[]
  beforeEach(() => {
    changes = []
    pins = []
  })
  const choose = (decision: 'approve' | 'drop', to: string, workflow?: string): unknown => {
    const ledger = {
      registriesOf: () => ['r'],
      identities: { changes: () => changes.map((one): PendingChange => ({ registry: 'r', name: 'a', to: one, from: by('1'), firstSeen: AT, versions: [] })), pins: () => pins },
    } as unknown as Ledger
    const wish: PinWish = { name: 'a', to, workflow }
    const choice = choosePins(decision, ledger, wish)
    return choice.fault ?? choice.chosen.map(({ identity }) => identity.sourceRepositoryId)
  }

  it('nothing to decide on', () => assert.deepEqual([choose('approve', '2'), choose('drop', '2')], ['nothing-pending', 'nothing-pinned']))
  it('by id, by address, with a slash at its end', () => {
    changes = [by('2'), by('3')]
    assert.deepEqual(['2', 'https://github.com/acme/2', 'https://github.com/acme/2/'].map((to) => choose('approve', to)), [['2'], ['2'], ['2']])
  })
  it('what waits only', () => {
    changes = [by('2')]
    pins = [pin('1')]
    assert.deepEqual([choose('approve', '1'), choose('drop', '2')], ['not-pending', 'not-pinned'])
  })
  it('a pin that was dropped is none', () => {
    pins = [pin('1', { because: 'dropped' })]
    assert.equal(choose('drop', '1'), 'not-pinned')
  })
  it('one address that was two repositories says too little', () => {
    changes = [by('2'), by('3', { sourceRepository: 'https://github.com/acme/2' })]
    assert.equal(choose('approve', 'https://github.com/acme/2'), 'ambiguous')
  })
  it('one number of two issuers too', () => {
    changes = [by('2'), by('2', { issuer: 'https://gitlab.com' })]
    assert.equal(choose('approve', '2'), 'ambiguous')
  })
  it('all workflows of a repository, or one', () => {
    changes = [by('2'), by('2', { workflow: 'other.yml' })]
    assert.deepEqual([choose('approve', '2'), choose('approve', '2', 'other.yml')], [['2', '2'], ['2']])
  })
})
