import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { readConfiguration } from '../../../plugin/config/configuration.ts'
import type { ConfiguredShared } from '../../../plugin/config/shared.ts'
import { ConfigurationError } from '../../../plugin/domain/errors.ts'

const SECRET = 'what only mirrors know, and nobody else does'
const KEYS = { keys: [{ id: 'k1', secret_env: 'SECRET' }] }

describe('configuration: facts', () => {
  let dir: string
  before(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'facts-'))
    writeFileSync(path.join(dir, 'password'), 'p/w@rd\n')
    writeFileSync(path.join(dir, 'empty'), '\n')
  })
  after(() => { rmSync(dir, { recursive: true, force: true }) })
  const read = (provenance: object): ConfiguredShared =>
    readConfiguration({ configPath: path.join(dir, 'config.yaml'), middlewares: { provenance: { packages: { '**': ['npmjs'] }, uplinks: { npmjs: { url: 'https://registry.example' } }, ...provenance } } }, { SECRET, PASSWORD: 's3:cret' }).shared
  const problemsOf = (provenance: object): readonly string[] => {
    try {
      read(provenance)
      return []
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error
      return error.problems.map(({ path: place, message }) => `${place}: ${message}`)
    }
  }

  it('are a file beside the ledger when nothing is said', () => {
    const { facts, factsAreShared } = read({})
    assert.deepEqual([path.relative(dir, facts), factsAreShared], ['provenance-facts.db', false])
  })
  it('are in the PostgreSQL of the ledger', () => {
    const { facts, factsAreShared } = read({ store: 'postgres://m@db.example/mirror', shared: KEYS })
    assert.deepEqual([facts, factsAreShared], ['postgres://m@db.example/mirror', true])
  })
  for (const url of ['redis://cache.example', 'rediss://u@cache.example:6380/2', 'valkey://cache.example', 'valkeys://cache.example/1', 'postgres://m@db.example/facts', 'postgresql://m@db.example/facts'])
    it(`may be at ${url}`, () => {
      assert.deepEqual(read({ facts: url, shared: KEYS }), read({ facts: { url }, shared: KEYS }))
      assert.deepEqual([read({ facts: url, shared: KEYS }).facts, read({ facts: url, shared: KEYS }).factsAreShared], [url, true])
    })
  it('have their password from a variable or a file, whatever is in it', () => {
    assert.equal(new URL(read({ facts: { url: 'redis://m@cache.example/3', password_env: 'PASSWORD' }, shared: KEYS }).facts).password, encodeURIComponent('s3:cret'))
    assert.equal(new URL(read({ facts: { url: 'redis://cache.example', password_file: './password' }, shared: KEYS }).facts).password, encodeURIComponent('p/w@rd'))
  })
  for (const [what, facts, found] of [
    ['an address that is none', 'redis:/cache', 'middlewares.provenance.facts: is not a store of facts'],
    ['another kind of store', 'mysql://cache', 'middlewares.provenance.facts: is not a store of facts'],
    ['no text', 7, 'middlewares.provenance.facts: is of the wrong type'],
    ['an address that is none, in a mapping', { url: 'redis' }, 'middlewares.provenance.facts.url: is not a store of facts'],
    ['a key that is none', { url: 'redis://cache', pass: 'x' }, 'middlewares.provenance.facts.pass: is not a known key'],
    ['two passwords', { url: 'redis://u:p@cache', password_env: 'PASSWORD' }, 'middlewares.provenance.facts: has a password in its address and another beside it'],
    ['two places for one', { url: 'redis://cache', password_env: 'PASSWORD', password_file: './password' }, 'middlewares.provenance.facts: names two places for the password'],
    ['a variable that is not there', { url: 'redis://cache', password_env: 'NOWHERE' }, 'middlewares.provenance.facts: the environment has no NOWHERE'],
    ['a file that is empty', { url: 'redis://cache', password_file: './empty' }, 'middlewares.provenance.facts: the file of its password is empty'],
    ['a password of a file', { url: 'sqlite:./facts.db', password_env: 'PASSWORD' }, 'middlewares.provenance.facts: is a file, and has no password'],
  ] as const)
    it(`refuse ${what}`, () => assert.deepEqual(problemsOf({ facts, shared: KEYS }), [found]))
  it('refuse to be shared without a key', () => {
    assert.deepEqual(problemsOf({ facts: 'redis://cache' }).map((problem) => problem.split(':')[0]), ['middlewares.provenance.shared.keys'])
  })
  it('no problem shows a password', () => {
    assert.ok(!problemsOf({ facts: 'redis//:hunter2@cache', shared: KEYS }).join().includes('hunter2'))
  })
})
