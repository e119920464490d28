/** The Helm chart: its values, what it renders, and that the mirror takes the configuration. No cluster is asked. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { parsePolicy } from '../../plugin/compose.ts'
import { readConfiguration, type Configuration, type VerdaccioConfiguration } from '../../plugin/config/configuration.ts'
import { takeOver } from '../../plugin/config/take-over.ts'
import { readYaml } from '../../plugin/config/yaml.ts'
import { isObject, type Json, type JsonObject } from '../../plugin/domain/json.ts'
import { canRender, CHART, render, renderer, type Rendered } from '../support/helm.ts'
import { temporaryDirectory } from '../support/process.ts'

const text = (file: string): string => readFileSync(path.join(CHART, file), 'utf8')
/** A string, or what makes a test fail. */
const word = (value: Json | undefined): string => (typeof value === 'string' ? value : '(no string)')
const DEFAULTS = parse(text('values.yaml')) as JsonObject
const SCHEMA = z.fromJSONSchema(JSON.parse(text('values.schema.json')) as Parameters<typeof z.fromJSONSchema>[0])

/** The smallest that several replicas can be installed with. */
const MANY = {
  publicUrl: ['https://npm.acme.example'],
  postgres: { url: 'postgres://provenance@db.acme.example:5433/provenance', existingSecret: 'postgres' },
  sharedKeys: [{ id: 'first', existingSecret: 'shared', key: 'first' }, { id: 'zero', existingSecret: 'shared', key: 'zero' }],
  signingKeys: { existingSecret: 'signing' },
}
const ONE = { publicUrl: ['https://npm.acme.example'], replicaCount: 1 }
const EVERYTHING = {
  ...MANY,
  facts: { url: 'valkeys://cache.acme.example', existingSecret: 'cache' },
  storage: { mode: 'claim' },
  ingress: { enabled: true, className: 'nginx', tlsSecret: 'npm-tls' },
  autoscaling: { enabled: true },
  accounts: { existingSecret: 'accounts', tokenSecret: 'tokens' },
  metrics: { serviceMonitor: { enabled: true }, prometheusRule: { enabled: true, labels: { release: 'prometheus' } }, dashboard: { enabled: true } },
  networkPolicy: { from: [{ namespaceSelector: { matchLabels: { name: 'ingress' } } }], egress: [{ ports: [{ port: 8443 }] }] },
  extraEnv: [{ name: 'HTTPS_PROXY', value: 'http://proxy.acme.example:3128' }],
  extraSecrets: ['company-token'],
  imagePullSecrets: [{ name: 'pull' }],
  nodeSelector: { disk: 'fast' },
  tolerations: [{ key: 'npm', operator: 'Exists' }],
  podLabels: { team: 'platform' },
  podAnnotations: { note: 'x' },
  priorityClassName: 'high',
  service: { annotations: { a: 'b' } },
}

/** Of Kubernetes 1.27 and later, and of the Prometheus operator. */
const KINDS: Readonly<Record<string, string>> = {
  ConfigMap: 'v1',
  HorizontalPodAutoscaler: 'autoscaling/v2',
  Ingress: 'networking.k8s.io/v1',
  NetworkPolicy: 'networking.k8s.io/v1',
  PersistentVolumeClaim: 'v1',
  PodDisruptionBudget: 'policy/v1',
  PrometheusRule: 'monitoring.coreos.com/v1',
  Service: 'v1',
  ServiceAccount: 'v1',
  ServiceMonitor: 'monitoring.coreos.com/v1',
  StatefulSet: 'apps/v1',
}

describe('chart: values', () => {
  it('the defaults are of the schema, which names each of them', () => {
    assert.deepEqual(SCHEMA.safeParse(DEFAULTS).error?.issues ?? [], [])
    const named = (JSON.parse(text('values.schema.json')) as { properties: JsonObject }).properties
    assert.deepEqual(Object.keys(DEFAULTS).filter((key) => !(key in named)), [])
  })
  for (const [name, values] of Object.entries({ MANY, ONE, EVERYTHING }))
    it(`${name} is of the schema`, () => { assert.equal(SCHEMA.safeParse({ ...DEFAULTS, ...values }).success, true) })
  const WRONG: Readonly<Record<string, JsonObject>> = {
    'an unknown key': { replicas: 2 },
    'no replica': { replicaCount: 0 },
    'packages as a map': { packages: { '**': { access: '$all' } } },
    'an entry of packages that matches nothing': { packages: [{ access: '$all' }] },
    'an unknown storage': { storage: { mode: 's3' } },
    'a digest that is none': { image: { repository: 'a', digest: 'latest' } },
    'a store of another kind': { postgres: { url: 'mysql://a@b/c' } },
    'a key without a secret': { sharedKeys: [{ id: 'first' }] },
    'an address that is none': { publicUrl: ['npm.acme.example'] },
  }
  for (const [name, values] of Object.entries(WRONG))
    it(`${name} is not`, () => { assert.equal(SCHEMA.safeParse({ ...DEFAULTS, ...values }).success, false) })
  it('every value is used by a template, and every value that a template uses is there', () => {
    const templates = readdirSync(path.join(CHART, 'templates')).map((file) => text(`templates/${file}`)).join('\n')
    for (const key of Object.keys(DEFAULTS)) assert.match(templates, new RegExp(`\\.Values\\.${key}\\b`), key)
    for (const [, key = ''] of templates.matchAll(/\.Values\.(\w+)/g)) assert.ok(Object.hasOwn(DEFAULTS, key), key)
  })
  it('its version is the package\'s', () => {
    const { version } = JSON.parse(readFileSync(path.join(CHART, '../../package.json'), 'utf8')) as { version: string }
    const chart = parse(text('Chart.yaml')) as { version: string; appVersion: string }
    assert.deepEqual([chart.version, chart.appVersion], [version, version])
  })
  it('its alerts and its dashboard are those of docker/', () => {
    for (const [file, source] of Object.entries({ 'alerts.yaml': 'prometheus/alerts.yaml', 'dashboard.json': 'grafana/dashboard.json' }))
      assert.equal(text(`files/${file}`), readFileSync(path.join(CHART, '../../docker', source), 'utf8'))
  })
})

describe('chart: rendered', function () {
  this.timeout(200_000)
  let dir: string | undefined
  before(function () {
    if (!canRender()) this.skip()
    dir = temporaryDirectory('helm-')
    renderer()
  })
  after(() => {
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true })
  })

  const of = (values: JsonObject): Rendered => render(dir!, values)
  const find = ({ objects }: Rendered, kind: string, name?: string): JsonObject => {
    const found = objects.filter((one) => one.kind === kind && (name === undefined || at(one, 'metadata.name') === name))
    assert.equal(found.length, 1, kind)
    return found[0]!
  }
  const kinds = ({ objects }: Rendered): readonly string[] => objects.map(({ kind }) => word(kind)).toSorted()
  const podOf = (rendered: Rendered): JsonObject => at(find(rendered, 'StatefulSet'), 'spec.template.spec') as JsonObject
  const main = (rendered: Rendered): JsonObject => at(podOf(rendered), 'containers.0') as JsonObject
  const names = (list: Json | undefined): readonly string[] => (list as readonly JsonObject[]).map(({ name }) => word(name))

  /** What the mirror reads of it, with the secrets in place. */
  function configurationOf(rendered: Rendered, environment: Readonly<Record<string, string>> = { FACTS_PASSWORD: 'secret' }): { readonly core: VerdaccioConfiguration; readonly read: Configuration } {
    const data = find(rendered, 'ConfigMap', 'npm-verdaccio-provenance').data as Readonly<Record<string, string>>
    const secrets = path.join(dir!, 'shared-keys')
    mkdirSync(secrets, { recursive: true })
    for (const id of ['first', 'zero']) writeFileSync(path.join(secrets, id), `${id} ${'x'.repeat(40)}`)
    writeFileSync(path.join(dir!, 'policy.yaml'), data['policy.yaml']!)
    const file = path.join(dir!, 'config.yaml')
    writeFileSync(file, data['config.yaml']!.replaceAll('/shared-keys/', `${secrets}/`))
    const core = { ...takeOver(readYaml(file)).config, configPath: file } as VerdaccioConfiguration
    return { core, read: readConfiguration(core, environment) }
  }

  for (const [name, values] of Object.entries({ MANY, ONE, EVERYTHING })) {
    it(`${name}: each object is of a kind and version that clusters have, with a name, labels and no key twice`, () => {
      const rendered = of(values)
      for (const object of rendered.objects) {
        assert.equal(object.apiVersion, KINDS[word(object.kind)], word(object.kind))
        assert.match(word(at(object, 'metadata.name')), /^npm-verdaccio-provenance(-[a-z]+)?$/)
        assert.equal(at(object, 'metadata.labels', 'app.kubernetes.io/instance'), 'npm')
      }
      const identities = rendered.objects.map((object) => `${word(object.kind)} ${word(at(object, 'metadata.name'))}`)
      assert.equal(new Set(identities).size, identities.length)
      assert.match(rendered.notes, /registry=https:\/\/npm\.acme\.example\//)
    })
    it(`${name}: the mirror takes its configuration and its policy`, () => {
      const { read } = configurationOf(of(values))
      assert.deepEqual(read.publicUrls.map(String), ['https://npm.acme.example/'])
      assert.equal(parsePolicy(policyOf(read), 'policy.yaml').mode, 'enforce')
    })
    it(`${name}: the pod has no more rights than it needs`, () => {
      const pod = podOf(of(values))
      assert.equal(pod.automountServiceAccountToken, false)
      assert.deepEqual(pod.securityContext, { runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000, fsGroupChangePolicy: 'OnRootMismatch', seccompProfile: { type: 'RuntimeDefault' } })
      for (const container of [...((pod.initContainers ?? []) as readonly JsonObject[]), ...(pod.containers as readonly JsonObject[])])
        assert.deepEqual(container.securityContext, { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } })
      assert.doesNotMatch(JSON.stringify(pod), /hostPath|hostNetwork|hostPID|privileged"/)
    })
    it(`${name}: all that is written has a volume, and every volume is there and mounted`, () => {
      const rendered = of(values)
      const pod = podOf(rendered)
      const templates = names((at(find(rendered, 'StatefulSet'), 'spec.volumeClaimTemplates') as readonly JsonObject[]).map(({ metadata }) => metadata as JsonObject))
      const mounted = main(rendered).volumeMounts as readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[]
      assert.deepEqual([...new Set([...names(pod.volumes), ...templates])].toSorted(), [...new Set(mounted.map((one) => one.name))].toSorted())
      const { core, read } = configurationOf(rendered)
      const writable = mounted.filter(({ readOnly }) => readOnly !== true).map(({ mountPath }) => `${mountPath}/`)
      const written = [read.database, read.cache.dir, (core as { storage?: string }).storage ?? '', ...(read.shared.factsAreShared ? [] : [read.shared.facts])]
      for (const file of written) assert.ok(writable.some((folder) => file.startsWith(folder)), file)
      for (const file of ['/config/config.yaml', `${read.keysDir}/x`]) assert.ok(mounted.some(({ mountPath }) => file.startsWith(`${mountPath}/`)), file)
    })
    it(`${name}: services find the pods, and probes ask what the mirror answers`, () => {
      const rendered = of(values)
      const labels = at(find(rendered, 'StatefulSet'), 'spec.template.metadata.labels') as JsonObject
      const selectors = rendered.objects.flatMap((object) => {
        switch (object.kind) {
          case 'Service': return [at(object, 'spec.selector')]
          case 'StatefulSet': case 'PodDisruptionBudget': return [at(object, 'spec.selector.matchLabels')]
          case 'NetworkPolicy': return [at(object, 'spec.podSelector.matchLabels')]
          default: return []
        }
      }) as readonly JsonObject[]
      for (const selector of selectors) {
        assert.ok(Object.keys(selector).length > 0)
        for (const [key, value] of Object.entries(selector)) assert.equal(labels[key], value)
      }
      assert.equal(at(find(rendered, 'StatefulSet'), 'spec.serviceName'), 'npm-verdaccio-provenance-replicas')
      find(rendered, 'Service', 'npm-verdaccio-provenance-replicas')
      const asked = ['startupProbe', 'livenessProbe', 'readinessProbe'].map((probe) => at(main(rendered), `${probe}.httpGet`))
      assert.deepEqual(asked, ['health', 'health', 'ready'].map((path) => ({ path: `/-/provenance/${path}`, port: 'http' })))
      assert.deepEqual(names(main(rendered).ports as readonly JsonObject[]), ['http'])
    })
  }

  it('replicas share what is remembered, and keep caches and names apart', () => {
    const rendered = of(MANY)
    const { read } = configurationOf(rendered)
    assert.equal(read.shared.ledger, MANY.postgres.url)
    assert.equal(read.decisions.store, MANY.postgres.url)
    assert.equal(read.shared.facts, MANY.postgres.url)
    assert.deepEqual(read.shared.keys.map(({ id }) => id), ['first', 'zero'])
    assert.equal(read.keysDir, '/signing-keys')
    const { env } = main(rendered)
    assert.deepEqual((env as readonly JsonObject[])[0], { name: 'PGPASSWORD', valueFrom: { secretKeyRef: { name: 'postgres', key: 'password' } } })
    assert.deepEqual(kinds(rendered), ['ConfigMap', 'NetworkPolicy', 'PodDisruptionBudget', 'Service', 'Service', 'ServiceAccount', 'StatefulSet'])
  })
  it('a password of the store of facts is of a secret, and in no file', () => {
    const rendered = of(EVERYTHING)
    assert.match(configurationOf(rendered).read.shared.facts, /:secret@/)
    assert.ok((main(rendered).env as readonly JsonObject[]).some(({ name, valueFrom }) => name === 'FACTS_PASSWORD' && at(valueFrom, 'secretKeyRef.name') === 'cache'))
  })
  it('one replica keeps everything in files of its own', () => {
    const rendered = of(ONE)
    const { read } = configurationOf(rendered)
    assert.deepEqual([read.shared.ledger, read.shared.factsAreShared, read.database, read.decisions.store], [undefined, false, '/data/provenance.db', '/data/provenance-decisions.db'])
    assert.ok(!kinds(rendered).includes('PodDisruptionBudget'))
  })
  it('secrets are read by the mirror\'s group alone', () => {
    const volumes = podOf(of(EVERYTHING)).volumes as readonly JsonObject[]
    const modes = volumes.flatMap(({ secret, projected }) => [secret, projected].flatMap((one) => (isObject(one) ? [one.defaultMode] : [])))
    assert.equal(modes.length, 4)
    for (const mode of modes) assert.equal(mode, 0o440)
  })
  it('packages keep their order: the first that matches a name counts', () => {
    const packages = [{ match: '@acme/*', access: 'developers', proxy: ['company'] }, { match: '@*/*', access: '$all', proxy: 'public' }, { match: '**', access: ['$all'], proxy: ['public'] }]
    const uplinks = { company: { url: 'https://company.example/' }, public: { url: 'https://registry.example/' } }
    const { core, read } = configurationOf(of({ ...MANY, packages, provenance: { uplinks } }))
    assert.deepEqual(Object.keys(core.packages ?? {}), ['@acme/*', '@*/*', '**'])
    assert.deepEqual([read.uplinksFor('@acme/a'), read.uplinksFor('@b/b'), read.uplinksFor('c')], [['company'], ['public'], ['public']])
  })
  it('a glob stays one, whatever YAML makes of it', () => {
    const match = '@a/*": {"access":"$all"}\n  "'
    const { core } = configurationOf(of({ ...ONE, packages: [{ match, access: 'x' }, { match: '**', access: '$all' }] }))
    assert.deepEqual(Object.keys(core.packages ?? {}), [match, '**'])
  })
  it('where nothing can be shared, nothing is published', () => {
    for (const rule of Object.values(configurationOf(of(MANY)).core.packages ?? {})) assert.equal(isObject(rule) && 'publish' in rule, false)
    for (const rule of Object.values(configurationOf(of(EVERYTHING)).core.packages ?? {})) assert.equal(isObject(rule) && rule.publish, '$authenticated')
  })
  it('a folder that is shared has packages, accounts and keys, and outlives the release', () => {
    const rendered = of({ ...MANY, storage: { mode: 'claim' }, signingKeys: { existingSecret: '' } })
    const { core, read } = configurationOf(rendered)
    assert.equal((core as { storage?: string }).storage, '/shared/storage')
    assert.equal(read.keysDir, '/shared/keys')
    const claim = find(rendered, 'PersistentVolumeClaim')
    assert.deepEqual(at(claim, 'spec.accessModes'), ['ReadWriteMany'])
    assert.equal(at(claim, 'metadata.annotations', 'helm.sh/resource-policy'), 'keep')
    assert.deepEqual(at(podOf(rendered), 'initContainers.0.command'), ['node', '/app/docker/token-secret.mjs', '/shared/storage'])
    assert.ok(!kinds(of({ ...MANY, storage: { mode: 'claim', claim: { existingClaim: 'mine' } } })).includes('PersistentVolumeClaim'))
  })
  it('packages may be in a bucket', () => {
    const { core, read } = configurationOf(of({ ...MANY, storage: { mode: 'external' }, verdaccio: { store: { 'provenance/s3': { bucket: 'acme-npm', region: 'eu-central-1' } } } }))
    assert.equal(read.s3?.bucket, 'acme-npm')
    for (const rule of Object.values(core.packages ?? {})) assert.equal(isObject(rule) && rule.publish, '$authenticated')
  })
  it('the example of its README is one', () => {
    const [, example = ''] = /^```yaml\n(# values-acme[^]+?)^```$/m.exec(text('README.md')) ?? []
    const { read } = configurationOf(of(parse(example) as JsonObject))
    assert.equal(new URL(read.shared.facts).hostname, 'valkey.acme.example')
    assert.equal(SCHEMA.safeParse({ ...DEFAULTS, ...(parse(example) as JsonObject) }).success, true)
  })
  it('what stands in provenance and verdaccio is taken as it stands', () => {
    const { core, read } = configurationOf(of({ ...MANY, provenance: { dashboard: { enabled: false }, local: [] }, verdaccio: { web: { enable: false }, max_body_size: '200mb' } }))
    assert.equal(read.dashboard.enabled, false)
    assert.equal(core.web?.enable, false)
    assert.equal((core as { max_body_size?: string }).max_body_size, '200mb')
  })
  it('a change of the policy restarts nothing, one of the configuration does', () => {
    const sum = (values: JsonObject): Json | undefined => at(find(of(values), 'StatefulSet'), 'spec.template.metadata.annotations', 'checksum/configuration')
    assert.equal(sum(MANY), sum({ ...MANY, policy: { version: 1, extends: 'strict' } }))
    assert.notEqual(sum(MANY), sum({ ...MANY, cache: { memory: '512mb' } }))
  })
  it('a policy may be the text itself', () => {
    const { read } = configurationOf(of({ ...ONE, policy: '# ours\nversion: 1\nextends: strict\n' }))
    assert.match(policyOf(read), /^# ours\nversion: 1\nextends: strict/)
  })
  it('the network lets through the stores\' own ports', () => {
    const ports = (values: JsonObject): Json => (at(find(of(values), 'NetworkPolicy'), 'spec.egress') as readonly { readonly ports: readonly { readonly port: number }[] }[]).flatMap((rule) => rule.ports.map(({ port }) => port))
    assert.deepEqual(ports(MANY), [53, 53, 443, 5433])
    assert.deepEqual(ports(EVERYTHING), [53, 53, 443, 5433, 6379, 8443])
    assert.deepEqual(ports(ONE), [53, 53, 443])
  })
  it('pods end one after the other, with time to end, away from one another', () => {
    const rendered = of(MANY)
    assert.equal(at(find(rendered, 'StatefulSet'), 'spec.updateStrategy.type'), 'RollingUpdate')
    assert.equal(at(find(rendered, 'PodDisruptionBudget'), 'spec.maxUnavailable'), 1)
    assert.equal(podOf(rendered).terminationGracePeriodSeconds, 90)
    const { core } = configurationOf(rendered)
    assert.deepEqual(at(core as Json, 'middlewares.provenance.shutdown'), { drain: '10s', finish: '60s' })
    assert.equal((podOf(rendered).topologySpreadConstraints as readonly Json[]).length, 2)
  })
  it('an autoscaler decides on the number, where there is one', () => {
    const rendered = of(EVERYTHING)
    assert.equal(at(find(rendered, 'StatefulSet'), 'spec.replicas'), undefined)
    assert.equal(at(find(rendered, 'HorizontalPodAutoscaler'), 'spec.scaleTargetRef.kind'), 'StatefulSet')
  })
  it('an ingress passes on the hosts clients use', () => {
    const ingress = find(of({ ...EVERYTHING, publicUrl: ['https://npm.acme.example:8443/path', 'https://npm.acme.example', 'http://npm'] }), 'Ingress')
    assert.deepEqual((at(ingress, 'spec.rules') as readonly JsonObject[]).map(({ host }) => host), ['npm.acme.example', 'npm'])
    assert.deepEqual(at(ingress, 'spec.tls.0'), { hosts: ['npm.acme.example', 'npm'], secretName: 'npm-tls' })
  })
  it('Prometheus finds the replicas once, and is given our rules', () => {
    const rendered = of(EVERYTHING)
    const wanted = at(find(rendered, 'ServiceMonitor'), 'spec.selector.matchLabels') as JsonObject
    const found = rendered.objects.filter((object) => object.kind === 'Service' && Object.entries(wanted).every(([key, value]) => at(object, 'metadata.labels', key) === value))
    assert.deepEqual(found.map((object) => at(object, 'metadata.name')), ['npm-verdaccio-provenance-replicas'])
    assert.deepEqual(at(find(rendered, 'PrometheusRule'), 'spec'), parse(text('files/alerts.yaml')))
    assert.deepEqual(JSON.parse(word(at(find(rendered, 'ConfigMap', 'npm-verdaccio-provenance-dashboard'), 'data', 'npm-mirror.json'))), JSON.parse(text('files/dashboard.json')))
  })

  const REFUSED: Readonly<Record<string, readonly [JsonObject, RegExp]>> = {
    'without an address': [{ ...MANY, publicUrl: [] }, /publicUrl is empty/],
    'several replicas without a store': [{ ...MANY, postgres: { url: '' } }, /postgres\.url is empty/],
    'several replicas without keys to sign with': [{ ...MANY, signingKeys: { existingSecret: '' } }, /signingKeys\.existingSecret is empty/],
    'shared stores without a key': [{ ...MANY, sharedKeys: [] }, /sharedKeys is empty/],
    'a password in an address': [{ ...MANY, postgres: { url: 'postgres://a:b@c/d' } }, /postgres\.url has a password in it/],
    'a password in another': [{ ...MANY, facts: { url: 'valkey://:b@c' } }, /facts\.url has a password in it/],
    'a storage elsewhere that is nowhere': [{ ...MANY, storage: { mode: 'external' } }, /verdaccio\.store/],
    'a storage elsewhere that nobody said packages are in': [{ ...MANY, verdaccio: { store: { 'provenance/s3': { bucket: 'acme' } } } }, /storage\.mode: external/],
    'uplinks by package as a map': [{ ...MANY, provenance: { packages: { '**': ['npmjs'] } } }, /no order of its keys/],
    'packages of Verdaccio\'s own': [{ ...MANY, verdaccio: { packages: {} } }, /verdaccio\.packages is not taken/],
    'several uplinks and nobody says which': [{ ...MANY, provenance: { uplinks: { a: { url: 'https://a.example' }, b: { url: 'https://b.example' } } } }, /names no uplinks/],
    'fewer at most than at least': [{ ...MANY, autoscaling: { enabled: true, minReplicas: 9 } }, /minReplicas is more/],
  }
  for (const [name, [values, reason]] of Object.entries(REFUSED)) it(`is refused ${name}`, () => { assert.throws(() => of(values), reason) })
})

/** The policy's text. */
function policyOf({ policy }: Configuration): string {
  assert.ok(policy !== undefined && typeof policy !== 'string' && typeof policy.source === 'string')
  return policy.source
}

/** By dots; what follows `path` is one key each, dots and all. */
function at(value: Json | undefined, path: string, ...keys: readonly string[]): Json | undefined {
  return [...path.split('.'), ...keys].reduce<Json | undefined>((found, key) => {
    if (Array.isArray(found)) return (found as readonly Json[])[Number(key)]
    return isObject(found) ? found[key] : undefined
  }, value)
}
