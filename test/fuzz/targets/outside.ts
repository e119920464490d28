/** What clients ask and what operators write. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { validationUtils } from '@verdaccio/core'
import { readConfiguration } from '../../../plugin/config/configuration.ts'
import { takeOver } from '../../../plugin/config/take-over.ts'
import { readYaml } from '../../../plugin/config/yaml.ts'
import { ConfigurationError } from '../../../plugin/domain/errors.ts'
import { splitSpec, tarballFileName } from '../../../plugin/domain/package-ref.ts'
import { parsePackument } from '../../../plugin/domain/packument.ts'
import { publicBase } from '../../../plugin/http/host.ts'
import { versionOfFile } from '../../../plugin/pipeline/tarball-name.ts'
import { describePolicy, parsePolicy } from '../../../plugin/policy/index.ts'
import { attestationsUrl, escapedName, packumentUrl } from '../../../plugin/upstream/paths.ts'
import { candidate, failed, NOW } from '../../unit/policy/support.ts'
import { must, orRefused, type Target } from '../target.ts'

const versions = ['1.0.0', '1.0.1', '2.0.0-rc.1'].map((version) => [version, { name: '@acme/widget', version, dist: { tarball: `https://registry.example/@acme/widget/-/named-${version.slice(0, 1)}.tgz` } }] as const)
const packument = parsePackument({ name: '@acme/widget', versions: Object.fromEntries(versions) }, '@acme/widget')
const addresses = { urls: [new URL('https://npm.acme.example/npm')], prefix: '/npm' }
const BASE = new URL('https://registry.example/npm/')
const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

function assertHost(host: string): void {
  const base = publicBase({ headers: { host }, socket: {} } as never, addresses)
  if (base === undefined || base === 'https://npm.acme.example/npm') return
  const { hostname, origin, username } = new URL(base)
  must(LOOPBACK.test(hostname) && username === '' && base === `${origin}/npm`, `a host that is nobody's: ${base}`)
}

function assertName(name: string): void {
  const escaped = escapedName(name)
  if (escaped === undefined) return
  must(!escaped.includes('/') && decodeURIComponent(escaped) === name, 'a name that is more than one segment')
  const url = packumentUrl(BASE, name)
  must(url?.origin === BASE.origin && url.pathname.startsWith('/npm/') && url.pathname.split('/').length === 3 && url.search === '', 'a name that reaches another path')
  const evidence = attestationsUrl(BASE, { name, version: '1.0.0' })
  must(evidence?.pathname.startsWith('/npm/-/npm/v1/attestations/') === true && evidence.pathname.split('/').length === 7, 'a name that reaches another path')
}

const request: Target = {
  name: 'request',
  kind: 'bytes',
  seeds: () => [
    'localhost:4873\n/@acme%2fwidget/-/widget-1.0.0.tgz',
    'npm.acme.example\n/@acme/widget/-/named-2.tgz',
    '[::1]:80\n/-/npm/v1/attestations/@acme%2fwidget@1.0.0',
    '127.0.0.1\n/widget/-/..%2fwidget-1.0.0.tgz?x',
  ],
  words: ['..', '%2f', '%2F', '%2e', '%25', '//', '@', '/-/', 'localhost', 'evil.test', '[::1]', '127.0.0.1', ':', '#', '?', '\\', 'widget-1.0.0.tgz', '%00', '%ff'],
  covers: ['http/host.ts', 'upstream/paths.ts', 'pipeline/tarball-name.ts', 'domain/package-ref.ts'],
  quick: 3000,
  run: (input) => {
    const [host = '', target = ''] = input.toString('latin1').split('\n')
    assertHost(host)
    for (const part of [target, ...target.split('/-/'), ...target.split('/')]) {
      const text = decoded(part)
      const { name, version } = splitSpec(text)
      must(version === undefined ? name === text : `${name}@${version}` === text, 'a spec that is not its parts')
      assertName(name)
      if (validationUtils.validatePackage(name)) must(!name.includes('..') || escapedName(name) !== '..', 'a package that is a folder')
      const found = versionOfFile(packument, text)
      const own = found === undefined ? undefined : tarballFileName({ name: '@acme/widget', version: found })
      must(found === undefined || text === own || /^named-2\.tgz$/.test(text), 'a file name that is no version\'s')
    }
  },
}

const decoded = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

let folder: string | undefined
function yamlFile(text: Buffer): string {
  if (folder === undefined) {
    const made = mkdtempSync(path.join(tmpdir(), 'fuzz-'))
    folder = made
    process.once('exit', () => { rmSync(made, { recursive: true, force: true }) })
  }
  const file = path.join(folder, 'config.yaml')
  writeFileSync(file, text)
  return file
}

const CONFIGURATION = `storage: ./storage
packages:
  "@acme/*": { access: $all, proxy: main }
  "**": { access: $all, proxy: main other }
url_prefix: /npm
middlewares:
  provenance:
    policy: { version: 1, extends: strict }
    publicUrl: [https://npm.acme.example]
    uplinks:
      main:
        url: https://registry.example/
        timeout: 30s
        maxage: 2m
        max_fails: 3
        auth: { type: bearer, token: t }
        headers: { x-a: b }
        tarballHosts: [cdn.example:8443]
        trust: { registry: https://registry.example, attestations: probe, signs: auto }
      other: { url: http://127.0.0.1:4874, staleFor: 1h 30m, no_proxy: [a, b] }
    packages: { "**": [main, other] }
    local: ["@acme/*"]
    store: sqlite:./provenance.db
    cache: { dir: ./cache, memory: 256mb, disk: 20gb }
`
const configuration: Target = {
  name: 'configuration',
  kind: 'bytes',
  seeds: () => [CONFIGURATION],
  words: ['uplinks', 'proxy', '&a ', '*a', '<<: *a', '!!binary', '? ', '- ', '{', '[', '"', '|', '__proto__: ', 'constructor', 'null', '1e9', '-1', '~', '  ', '\t', '+(', '(', '\\'],
  covers: ['config/configuration.ts', 'config/schema.ts', 'config/yaml.ts', 'config/problems.ts', 'config/units.ts', 'config/take-over.ts'],
  quick: 150,
  run: (input) => {
    const read = orRefused(() => {
      const { config } = takeOver(readYaml(yamlFile(input)))
      return readConfiguration(config, {})
    }, ConfigurationError)
    if (read === undefined) return
    for (const name of ['widget', '@acme/widget', '__proto__', 'constructor']) {
      must(read.uplinksFor(name).every((uplink) => read.uplinks.some((known) => known.name === uplink)), 'a package of an uplink that is none')
      must(typeof read.mayShadow(name) === 'boolean', 'neither local nor not')
    }
  },
}

const POLICY = `version: 1
extends: recommended
mode: enforce
listing: claimed
onUnavailable: deny
defaults: { minimumReleaseAge: 3d, registrySignature: whereSigned }
rules:
  - name: Ours
    packages: ["@acme/*", "widget@>=1.0.0"]
    require:
      provenance:
        issuer: github-actions
        sourceRepository: https://github.com/acme/*
        sourceRef: refs/tags/v{version}
        workflow: .github/workflows/release.yml
        trigger: [push, release]
        runner: github-hosted
      onFailure: warn
  - packages: ["left-pad@1.3.0"]
    verdict: deny
    reason: gone
  - packages: ["**"]
    require:
      anyOf:
        - { provenance: required }
        - { registrySignature: required, minimumReleaseAge: 14d }
`
const CANDIDATES = [
  candidate(),
  candidate({ signature: { state: 'claimed' }, provenance: { state: 'claimed' } }),
  candidate({ ref: { name: 'left-pad', version: '1.3.0' }, provenance: { state: 'absent' }, signature: { state: 'absent' } }),
  candidate({ ref: { name: '__proto__', version: 'x' }, provenance: failed('invalid', 'provenance-invalid') }),
  candidate({ signature: failed('unavailable', 'evidence-unavailable'), integrity: { state: 'missing' }, notBefore: NOW }),
]
const policy: Target = {
  name: 'policy',
  kind: 'bytes',
  seeds: () => [POLICY, 'version: 1\nextends: lockdown\n', POLICY.slice(POLICY.indexOf('rules'))],
  words: ['packages', '"**"', '*', '**', '{name}', '{version}', '@', '!', '+(', '- ', ': ', 'extends: observe', 'verdict: allow', 'required', 'ifPresent', 'ignore', 'anyOf', '&a', '*a', '!!js', '"', '{', '[', '0', '1e9d', '  ', '__proto__'],
  covers: ['parse', 'source', 'schema', 'compile', 'rules', 'glob', 'evaluate', 'identity', 'requirements', 'duration', 'package-pattern', 'cross-check', 'keys', 'problems', 'describe'].map((file) => `policy/${file}.ts`).concat('domain/workflow-path.ts'),
  quick: 150,
  run: (input) => {
    const parsed = orRefused(() => parsePolicy(input.toString(), 'policy.yaml'), ConfigurationError)
    if (parsed === undefined) return
    describePolicy(parsed)
    for (const one of CANDIDATES)
      for (const stage of ['listing', 'gate'] as const) {
        const verdict = parsed.evaluate(one, stage, NOW)
        must(verdict.outcome === 'allow' ? verdict.reasons.length === 0 : verdict.reasons.length > 0, 'a verdict without a reason')
        const forged = one.integrity.state !== 'ok'
        must(!forged || verdict.outcome === 'deny' || verdict.outcome === 'unavailable', 'bytes that nothing vouches for')
      }
  },
}

export const OUTSIDE_TARGETS: readonly Target[] = [request, configuration, policy]
