// The house and its walls: which folder may import which, and which packages only it may use.
// Types count. A wall that is in the way is moved here, in the same commit as the code that needs it.
const folders = {
  domain: [],
  upstream: ['domain'],
  verify: ['domain'],
  store: ['domain'],
  policy: ['domain'],
  enforce: ['domain'],
  notify: ['domain'],
  audit: ['domain', 'keys'],
  config: ['domain'],
  rollout: ['domain', 'policy'],
  keys: ['domain'],
  advisories: ['domain'],
  vsa: ['domain', 'keys', 'pipeline'],
  archive: ['domain', 'keys', 'enforce', 'upstream', 'pipeline'],
  threads: ['domain', 'enforce', 'upstream'],
  uploads: ['domain', 'lockfile', 'policy'],
  http: ['domain', 'enforce', 'pipeline', 'advisories', 'vsa', 'threads'],
  lockfile: ['domain'],
  check: ['domain', 'lockfile'],
}
const packages = {
  undici: ['upstream', 'notify'],
  'p-retry': ['upstream'],
  '@sigstore/': ['verify'],
  pg: ['audit'],
  'lru-cache': ['store', 'upstream', 'pipeline', 'audit', 'keys', 'http'],
  tinypool: ['threads', 'uploads'],
  keyv: ['store'],
  zod: ['policy', 'config', 'archive'],
  tar: ['enforce', 'archive'],
  'hosted-git-info': ['enforce'],
  'npm-package-arg': ['enforce'],
  semver: ['enforce', 'policy', 'pipeline', 'advisories', 'check'],
  express: ['http'],
  '@verdaccio/middleware': ['http'],
  '@verdaccio/config': ['config', 'cli', 'enforce'],
  commander: ['cli'],
  verdaccio: ['cli'],
  '@yarnpkg/parsers': ['lockfile'],
  'jsonc-parser': ['lockfile'],
  leven: ['policy', 'config'],
  '@marcbachmann/cel-js': ['policy'],
  'prom-client': ['audit'],
  '@opentelemetry/': ['audit'],
}
const at = (name) => `^plugin/${name}/`

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, pathNot: ['worker\\.ts$', '^plugin/index\\.ts$', '^plugin/cli/main\\.ts$'] }, to: {} },
    { name: 'no-dev-dependency', severity: 'error', from: { path: '^plugin' }, to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] } },
    { name: 'not-to-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    { name: 'domain-is-pure', severity: 'error', from: { path: at('domain') }, to: { pathNot: at('domain') } },
    {
      name: 'pipeline-knows-ports-only',
      severity: 'error',
      from: { path: '^plugin/pipeline/' },
      to: { pathNot: ['^plugin/domain/', '^plugin/pipeline/', '^(node:)?crypto$', '^node_modules/(@types/)?(semver|lru-cache)/'] },
    },
    ...Object.entries(folders).map(([folder, allowed]) => ({
      name: `${folder}-imports`,
      severity: 'error',
      from: { path: at(folder) },
      to: { path: '^plugin/', pathNot: [folder, ...allowed].map(at) },
    })),
    ...Object.entries(packages).map(([name, only]) => ({
      name: `only-${only.join('-or-')}-uses-${name.replace('/', '')}`,
      severity: 'error',
      from: { path: '^plugin/', pathNot: [...only.map(at), ...(name === 'express' ? ['^plugin/plugin\\.ts$'] : [])] },
      to: { path: `^node_modules/${name}${name.endsWith('/') ? '' : '/'}` },
    })),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'] },
  },
}
