/** `npm audit signatures` over packages of an uplink and packages published here, by the real npm. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { FakeRegistry } from '../support/fake-registry.ts'
import { startTestMirror, type TestMirror } from '../support/mirror.ts'
import { PrivateSigstore } from '../support/private-sigstore.ts'
import { register } from '../support/raw.ts'
import { publishTo } from '../support/stored.ts'
import { rotateKeys } from '../../plugin/keys/key-ring.ts'
import { script } from './support/programs.ts'
import { run, type Ran } from './support/run.ts'

/**
 * npm asks the public TUF repository for the keys of its registry's host first, which has none for a mirror's: loaded before npm,
 * this answers so without a network. What is verified, and how, stays npm's.
 */
const NO_KEYS_IN_TUF = `'use strict'
const Module = require('node:module')
const load = Module._load
Module._load = function (request, parent) {
  const loaded = load.apply(this, arguments)
  if (request !== '@sigstore/tuf' || !/[\\\\/]verify-signatures\\.js$/.test(parent?.filename ?? '')) return loaded
  const none = Object.assign(new Error('no such target'), { code: 'TUF_FIND_TARGET_ERROR' })
  return Object.create(loaded, { initTUF: { value: async () => ({ getTarget: async () => { throw none } }) } })
}
`
const here = process.env.npm_execpath === undefined ? ['npm'] : [process.execPath, process.env.npm_execpath]
const pinned = ['npm11', 'npm12'].map((alias) => [alias, script(alias, 'bin/npm-cli.js')] as const).filter(([, [, file = '']]) => existsSync(file))
/** Those that `npm run clients` fetched, or the one that is here anyway. */
const VERSIONS: readonly (readonly [string, readonly string[]])[] = pinned.length > 0 ? pinned : [['npm of this machine', here]]

interface Audit {
  readonly invalid: readonly { readonly name: string }[]
  readonly missing: readonly { readonly name: string }[]
}

for (const [title, program] of VERSIONS)
  for (const prefix of ['', '/deep/npm'])
    describe(`npm audit signatures: ${title}${prefix === '' ? '' : `, under ${prefix}`}`, function () {
      this.timeout(60_000)
      let dir: string
      let registry: FakeRegistry
      let mirror: TestMirror
      let proxy: http.Server
      let url: string
      let asked: string[]

      before(async () => {
        dir = mkdtempSync(path.join(tmpdir(), 'audit-'))
        registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
        registry.publish({ name: 'signed', version: '1.0.0' })
        registry.publish({ name: '@acme/signed', version: '1.0.0' })
        // A prefix is for proxies that take it off, as Verdaccio has it; what they are asked is what clients make of the addresses.
        asked = []
        let target = 0
        proxy = http.createServer((request, response) => {
          const where = request.url ?? ''
          asked.push(where)
          if (!where.startsWith(`${prefix}/`)) return void response.writeHead(404).end()
          const forwarded = http.request({ host: 'localhost', port: target, method: request.method, path: where.slice(prefix.length), headers: request.headers }, (answer) => {
            response.writeHead(answer.statusCode ?? 502, answer.headers)
            answer.pipe(response)
          })
          request.pipe(forwarded)
        })
        await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', () => { resolve() }))
        const outside = `http://127.0.0.1:${String((proxy.address() as AddressInfo).port)}`
        url = outside + prefix
        mirror = await startTestMirror({ registry, dir: path.join(dir, 'mirror'), core: { url_prefix: prefix }, policy: { version: 1, extends: 'strict', defaults: { minimumReleaseAge: '0', anyOf: [{ registrySignature: 'required' }] } } })
        target = Number(new URL(mirror.url).port)
        const token = await register(mirror.url, 'alice')
        for (const name of ['home-made', '@home/made']) assert.equal((await publishTo(mirror.url, token, name, '1.0.0')).status, 201)
        mkdirSync(path.join(dir, 'project'))
        const dependencies = Object.fromEntries(['signed', '@acme/signed', 'home-made', '@home/made'].map((name) => [name, '1.0.0']))
        writeFileSync(path.join(dir, 'project/package.json'), JSON.stringify({ name: 'project', version: '1.0.0', private: true, dependencies }))
        writeFileSync(path.join(dir, 'no-keys-in-tuf.cjs'), NO_KEYS_IN_TUF)
      })
      after(async () => {
        await mirror.close()
        await registry.close()
        proxy.closeAllConnections()
        proxy.close()
        rmSync(dir, { recursive: true, force: true })
      })

      const npm = (...args: readonly string[]): Promise<Ran> =>
        run([...program, ...args, '--registry', `${url}/`, '--cache', path.join(dir, 'cache'), '--no-audit', '--no-fund', '--no-update-notifier', '--fetch-retries=0'], {
          cwd: path.join(dir, 'project'),
          home: dir,
          env: { NODE_OPTIONS: `--require=${path.join(dir, 'no-keys-in-tuf.cjs')}` },
        })
      async function audit(): Promise<Audit> {
        const { code, output } = await npm('audit', 'signatures', '--json')
        assert.equal(code, 0, output)
        return JSON.parse(output.slice(output.indexOf('{'))) as Audit
      }

      it('nothing is missing and nothing is invalid, before and after a rotation of the keys', async () => {
        const installed = await npm('install')
        assert.equal(installed.code, 0, installed.output)
        assert.deepEqual(await audit(), { invalid: [], missing: [] })
        const keys = asked.filter((where) => where.endsWith('/-/npm/v1/keys'))
        assert.ok(keys.length > 0 && keys.every((where) => where === `${prefix}/-/npm/v1/keys`))
        rotateKeys(mirror.engine.configuration.keysDir, new Date(), { overlap: 0, revoke: false })
        const { code, output } = await npm('audit', 'signatures')
        assert.equal(code, 0, output)
        assert.match(output, /4 packages have verified registry signatures/)
      })
    })
