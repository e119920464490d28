import { cut, endless, redirect, rewrite, slow } from '../registry/behaviour.ts'
import { tarballPath, type PublishOptions } from '../registry/draft.ts'
import { tarballOf } from '../tarball.ts'
import { onTarball, withDist, type Fault } from './kit.ts'
import type { FaultId } from './ids.ts'

/** A good tarball of the same version, with other contents. */
const others = ({ name, version }: Pick<PublishOptions, 'name' | 'version'>): Buffer =>
  tarballOf({ 'package/package.json': { name, version }, 'package/index.js': 'module.exports = "other bytes"\n' })

export const BYTES_FAULTS = {
  '3a': { title: 'bytes are not the integrity', apply: (draft) => ({ ...draft, tarball: others(draft) }) },
  '3b': {
    title: 'tarball cut short',
    apply: (draft) => ({ ...draft, tarball: draft.tarball.subarray(0, Math.floor(draft.tarball.length / 2)) }),
  },
  '3b.connection': { title: 'connection broken off amid the tarball', apply: (draft) => onTarball(draft, cut) },
  '3c': {
    title: 'good first answer, bad second',
    apply: (draft) => {
      const bad = others(draft)
      return onTarball(draft, rewrite(() => bad), { after: 1 })
    },
  },
  '3d': {
    title: 'other bytes under a known version',
    prepare: (options) => ({ ...options, files: { ...options.files, 'package/other.js': '// not here before\n' } }),
  },
  '3e': {
    title: 'tarball of another package',
    prepare: (options) => ({
      ...options,
      files: { ...options.files, 'package/package.json': { name: 'another-package', version: '1.0.0' } },
    }),
  },
  '3f': { title: 'not a tarball', prepare: (options) => ({ ...options, tarball: Buffer.from('this is not a tarball') }) },

  '14a': {
    title: 'dist.tarball on a host not allowed',
    apply: (draft) => withDist(draft, { tarball: `https://cdn.evil.test${tarballPath(draft)}` }),
  },
  '14b': {
    title: "dist.tarball is another package's file",
    apply: (draft) => withDist(draft, { tarball: `${draft.url}/other-package/-/other-package-1.0.0.tgz` }),
  },
  '14c': { title: 'dist.tarball is a file: address', apply: (draft) => withDist(draft, { tarball: 'file:///etc/hostname' }) },
  '14c.relative': { title: 'dist.tarball is relative', apply: (draft) => withDist(draft, { tarball: tarballPath(draft) }) },
  '14c.private': {
    title: 'dist.tarball is a private address',
    apply: (draft) => withDist(draft, { tarball: `http://169.254.169.254${tarballPath(draft)}` }),
  },
  '14c.credentials': {
    title: 'dist.tarball brings credentials',
    apply: (draft) => withDist(draft, { tarball: `${draft.url.replace('//', '//user:secret@')}${tarballPath(draft)}` }),
  },
  '14d': {
    title: 'dist.attestations.url elsewhere',
    apply: (draft) => {
      const dist = draft.manifest.dist as { readonly attestations: object }
      return withDist(draft, { attestations: { ...dist.attestations, url: `https://evil.test/-/npm/v1/attestations/a@1.0.0` } })
    },
  },
  '14e': {
    title: 'redirect to another host',
    // The other host has the good bytes: whoever follows is found out by succeeding.
    apply: (draft) => {
      const other = draft.url.replace('127.0.0.1', 'localhost')
      return onTarball(draft, redirect(`${other}/-/elsewhere${tarballPath(draft)}`))
    },
  },

  '17c.tarball': {
    title: 'gzip bomb for a tarball',
    prepare: (options) => ({
      ...options,
      files: { ...options.files, 'package/zeros': Buffer.alloc(options.faultSize ?? 64 * 1024 * 1024) },
    }),
  },
  '17e': { title: 'endless tarball', apply: (draft) => onTarball(draft, endless) },
  '17f': { title: 'one byte a second', apply: (draft) => onTarball(draft, slow(1, 1000)) },
  '17g': { title: 'redirect loop', apply: (draft) => onTarball(draft, redirect(`${draft.url}${tarballPath(draft)}`)) },
} satisfies Partial<Record<FaultId, Fault>>
