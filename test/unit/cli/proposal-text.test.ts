import assert from 'node:assert/strict'
import { proposalText } from '../../../plugin/cli/proposal-text.ts'

const nothing = { date: new Date('2026-01-01T00:00:00.000Z'), versions: 2, packages: 2, rules: [], waivers: [], open: [] }

describe('cli: a proposed policy', () => {
  it('says so when nothing was verified that a rule could be made of', () => {
    assert.match(proposalText({ ...nothing, verified: 0 }), /^# None of them has provenance that was verified/m)
  })
  it('says how many packages are held to who built them', () => {
    assert.match(proposalText({ ...nothing, verified: 1 }), /^# 0 packages of them are held to who was verified to have built them/m)
  })
})
