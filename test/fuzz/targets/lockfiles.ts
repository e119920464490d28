/** What anybody who opens a pull request may write. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { LockfileError, readLockfile } from '../../../plugin/lockfile/index.ts'
import { must, orRefused, type Target } from '../target.ts'

const DATA = path.resolve(import.meta.dirname, '../../data/lockfiles')
const FILES = ['npm-1.json', 'npm-3.json', 'pnpm-6.yaml', 'pnpm-9.yaml', 'yarn-1.lock', 'yarn-4.lock', 'bun.lock']
const manifest = readFileSync(path.join(DATA, 'package.json'), 'utf8')

export function assertLockfile(input: Buffer): void {
  const read = orRefused(() => readLockfile({ file: 'lock', bytes: input, manifest }), LockfileError)
  for (const { kind, name, version, paths, line } of read?.packages ?? []) {
    must(line >= 1 && paths.length >= 1, 'a package that stands nowhere')
    must((kind !== 'registry' && kind !== 'alias') || (typeof name === 'string' && version !== ''), 'a package of a registry without a version')
  }
}

const lockfile: Target = {
  name: 'lockfile',
  kind: 'bytes',
  seeds: () => FILES.map((file) => readFileSync(path.join(DATA, file))),
  words: ['"link": true', '"resolved"', '__proto__', 'constructor', '<<<<<<< ', 'npm:', 'file:', 'workspace:', 'patch:', 'git+ssh://', 'https://', '::', '@', '/', '\\', '&a ', '*a', '"', '\'', '{', '[', '- ', ': ', '\n', '\0', '  ', '1.0.0', 'node_modules/'],
  covers: ['read', 'npm', 'npm1', 'pnpm', 'yarn', 'yarn1', 'bun', 'graph', 'fields', 'lines'].map((file) => `lockfile/${file}.ts`),
  quick: 150,
  longest: 16_384,
  run: assertLockfile,
}

export const LOCKFILE_TARGETS: readonly Target[] = [lockfile]
