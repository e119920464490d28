import assert from 'node:assert/strict'
import { readConfiguration } from '../../../plugin/config/configuration.ts'

const read = (dashboard: object | undefined, web?: { readonly enable: boolean }) =>
  readConfiguration({ configPath: '/etc/mirror/config.yaml', middlewares: { provenance: { packages: { '**': ['a'] }, uplinks: { a: { url: 'https://registry.example/' } }, ...(dashboard && { dashboard }) } }, web }, {}).dashboard

describe('configuration of the dashboard', () => {
  it('users may read and nobody may write, unless it says who', () =>
    assert.deepEqual(read(undefined), { enabled: true, read: ['$authenticated'], write: [], hasWebLogin: true }))
  it('names groups', () => assert.deepEqual(read({ read: ['dev'], write: ['security'] }, { enable: false }), { enabled: true, read: ['dev'], write: ['security'], hasWebLogin: false }))
})
