/** Properties of what clients ask, operators write and publishers pack. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { ConfigurationError } from '../../plugin/domain/errors.ts'
import { NotATarball } from '../../plugin/domain/ports.ts'
import { readInstallManifest } from '../../plugin/enforce/manifest.ts'
import { createTarballInspector } from '../../plugin/enforce/tarball.ts'
import { publicBase } from '../../plugin/http/host.ts'
import { parsePolicy } from '../../plugin/policy/index.ts'
import { escapedName, packumentUrl } from '../../plugin/upstream/paths.ts'
import { tarballOf } from '../support/tarball.ts'
import { candidate, failed, NOW } from '../unit/policy/support.ts'

const RUNS = { seed: 20_260_101, numRuns: 300 } as const

describe('property: requests', () => {
  const addresses = { urls: [new URL('https://npm.acme.example/npm')], prefix: '' }
  const host = fc.oneof(fc.string(), fc.webAuthority({ withPort: true }), fc.ipV6().map((ip) => `[${ip}]`), fc.ipV4(), fc.constantFrom('localhost', 'npm.acme.example', 'localhost.evil.test'))

  it('[15g] any Host is an address of this mirror, or none', () => {
    fc.assert(
      fc.property(host, (value) => {
        const base = publicBase({ headers: { host: value }, socket: {} } as never, addresses)
        if (base !== undefined && base !== 'https://npm.acme.example/npm') assert.match(new URL(base).hostname, /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/)
      }),
      RUNS,
    )
  })

  it('[15b] any name is one segment of an uplink\'s path, or none', () => {
    const base = new URL('https://registry.example/npm/')
    const part = fc.oneof(fc.string(), fc.constantFrom('..', '.', '%2e%2e', '-', '@', 'a?b', 'a#b', '\\'))
    fc.assert(
      fc.property(fc.oneof(part, fc.tuple(part, part).map(([scope, name]) => `@${scope}/${name}`)), (name) => {
        const escaped = escapedName(name)
        if (escaped === undefined) return
        assert.equal(decodeURIComponent(escaped), name)
        const url = packumentUrl(base, name)
        assert.deepEqual([url?.origin, url?.pathname, url?.search, url?.hash], [base.origin, `/npm/${escaped}`, '', ''])
      }),
      RUNS,
    )
  })
})

describe('property: policies', () => {
  const CANDIDATES = [candidate(), candidate({ provenance: { state: 'claimed' } }), candidate({ signature: failed('invalid', 'signature-invalid'), provenance: { state: 'absent' } })]
  const parsed = (text: unknown) => {
    try {
      return parsePolicy(text, 'policy.yaml')
    } catch (error) {
      assert.ok(error instanceof ConfigurationError)
      assert.ok(error.problems.every(({ message, remedy }) => message !== '' && remedy !== ''))
      return undefined
    }
  }
  const assertJudges = (policy: ReturnType<typeof parsed>): void => {
    for (const one of policy === undefined ? [] : CANDIDATES)
      for (const stage of ['listing', 'gate'] as const) policy?.evaluate(one, stage, NOW)
  }
  const glob = fc.oneof(fc.constantFrom('**', '@acme/*', '*', 'widget@1', 'widget@>=1', '__proto__', 'a**b'), fc.string())
  const level = fc.constantFrom('required', 'ifPresent', 'ignore', 'whereSigned', 'no')
  const identity = fc.record({ issuer: fc.oneof(glob, fc.constant('github-actions')), sourceRepository: glob, sourceRef: fc.oneof(glob, fc.constant('refs/tags/v{version}')), workflow: glob, trigger: fc.array(glob) }, { requiredKeys: [] })
  const require = fc.record({ registrySignature: level, publishAttestation: level, provenance: fc.oneof(level, identity), minimumReleaseAge: fc.oneof(fc.constantFrom('3d', '0', '1e3d'), fc.integer()) }, { requiredKeys: [] })
  const rule = fc.record({ name: fc.string(), packages: fc.array(glob), require: fc.oneof(require, fc.record({ anyOf: fc.array(require) })), verdict: fc.constantFrom('allow', 'deny'), reason: fc.string() }, { requiredKeys: ['packages'] })
  const policy = fc.record({ version: fc.constant(1), extends: fc.constantFrom('observe', 'strict', 'lockdown', 'none'), rules: fc.array(rule, { maxLength: 4 }), defaults: require }, { requiredKeys: ['version'] })

  it('any text is a policy or a ConfigurationError with a remedy', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => { assertJudges(parsed(text)) }), RUNS)
  })

  it('a policy that is nearly right is one or a ConfigurationError, and one that is never throws when it judges', () => {
    fc.assert(fc.property(policy, (document) => { assertJudges(parsed(document)) }), RUNS)
  })

  it('inline or as text, it is the same policy', () => {
    fc.assert(
      fc.property(policy, (document) => {
        assert.equal(parsed(JSON.stringify(document))?.revision, parsed(document)?.revision)
      }),
      { ...RUNS, numRuns: 100 },
    )
  })
})

describe('property: tarballs', () => {
  const inspector = createTarballInspector({ unpacked: 1024 ** 2 })
  let folder: string
  before(() => { folder = mkdtempSync(path.join(tmpdir(), 'property-')) })
  after(() => { rmSync(folder, { recursive: true, force: true }) })
  const inspect = async (bytes: Buffer) => {
    const file = path.join(folder, 'x.tgz')
    writeFileSync(file, bytes)
    try {
      return await inspector.inspect(file)
    } catch (error) {
      assert.ok(error instanceof NotATarball)
      return undefined
    }
  }

  it('any bytes, compressed or not, are a tarball or NotATarball', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2048 }), fc.boolean(), async (bytes, zip) => {
        assert.equal(await inspect(zip ? gzipSync(bytes) : Buffer.from(bytes)), undefined)
      }),
      { ...RUNS, numRuns: 100 },
    )
  })

  it('any package.json is read as it was packed', async () => {
    const dependencies = fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.jsonValue()))
    const manifest = fc.record({ name: fc.string(), version: fc.string(), dependencies, bin: fc.oneof(fc.string(), dependencies, fc.jsonValue()), scripts: fc.jsonValue(), engines: fc.jsonValue() }, { requiredKeys: [] })
    await fc.assert(
      fc.asyncProperty(manifest, async (value) => {
        const text = JSON.stringify(value)
        const read = await inspect(tarballOf({ 'package/package.json': text, 'package/index.js': 'x' }))
        assert.deepEqual(read, readInstallManifest(Buffer.from(text), new Set(['package.json', 'index.js'])))
      }),
      { ...RUNS, numRuns: 100 },
    )
  })
})
