import type { JsonObject } from '../../../plugin/domain/json.ts'
import { gzipBomb, rewrite } from '../registry/behaviour.ts'
import type { PublishOptions } from '../registry/draft.ts'
import { adding, onPackument, withDist, withEdit, withManifest, type Fault } from './kit.ts'
import type { FaultId } from './ids.ts'

const NAMES = ['__proto__', 'constructor', 'hasOwnProperty'] as const

/** Has the tarball's package.json hold the dependency that the packument then changes. */
const depending = (options: PublishOptions): PublishOptions => ({
  ...options,
  packageJson: { ...options.packageJson, dependencies: { 'left-pad': '^1.3.0' } },
})

const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`

export const METADATA_FAULTS = {
  '16a': { title: 'a package called constructor', prepare: (options) => ({ ...options, name: 'constructor' }) },
  '16b': {
    title: 'versions whose names are properties',
    apply: (draft) => withEdit(draft, adding('versions', NAMES.map((name) => [name, { ...draft.manifest, version: name }]))),
  },
  '16c': {
    title: 'tags whose names are properties',
    apply: (draft) => withEdit(draft, adding('dist-tags', NAMES.map((name) => [name, draft.version]))),
  },
  '16d': {
    title: 'a key id that is a property',
    apply: (draft) => {
      const { sig } = draft.sigstore.signRegistry(draft.name, draft.version, draft.integrity)
      return withDist(draft, { signatures: NAMES.map((keyid) => ({ keyid, sig })) })
    },
  },

  '17a': {
    title: 'packument beyond the cap',
    apply: (draft) => withEdit(draft, (packument) => ({ ...packument, readme: 'x'.repeat(draft.size ?? 1024 * 1024) })),
  },
  '17b': {
    title: 'JSON depth',
    apply: (draft) => {
      const deep = `,"deep":${nested(draft.size ?? 100_000)}}`
      return onPackument(draft, rewrite((body) => Buffer.from(body.toString().slice(0, -1) + deep)))
    },
  },
  '17c': { title: 'gzip bomb', apply: (draft) => onPackument(draft, gzipBomb(draft.size ?? 64 * 1024 * 1024)) },
  '17d': {
    title: '100,000 versions',
    apply: (draft) => {
      const entry = (i: number): readonly [string, JsonObject] => {
        const version = `0.0.${i}`
        return [version, { name: draft.name, version, dist: {} }]
      }
      return withEdit(draft, adding('versions', Array.from({ length: draft.size ?? 100_001 }, (_, i) => entry(i))))
    },
  },

  '20a': {
    title: 'a dependency added',
    apply: (draft) => withManifest(draft, { dependencies: { 'evil-package': '^1.0.0' } }),
  },
  '20b': {
    title: 'a dependency re-targeted to git',
    prepare: depending,
    apply: (draft) => withManifest(draft, { dependencies: { 'left-pad': 'git+https://evil.test/left-pad.git' } }),
  },
  '20b.url': {
    title: 'a dependency re-targeted to a URL',
    prepare: depending,
    apply: (draft) => withManifest(draft, { dependencies: { 'left-pad': 'https://evil.test/left-pad.tgz' } }),
  },
  '20c': { title: 'bin added', apply: (draft) => withManifest(draft, { bin: { node: 'index.js' } }) },
  '20c.script': {
    title: 'install script added',
    apply: (draft) => withManifest(draft, { hasInstallScript: true, scripts: { postinstall: 'node index.js' } }),
  },
  '20d': { title: "entry whose name is another's", apply: (draft) => withManifest(draft, { name: `${draft.name}-other` }) },
  '20d.version': { title: "entry whose version is another's", apply: (draft) => withManifest(draft, { version: '99.0.0' }) },
  '20e': { title: 'os and cpu narrowed', apply: (draft) => withManifest(draft, { os: ['aix'], cpu: ['s390'] }) },
} satisfies Partial<Record<FaultId, Fault>>
