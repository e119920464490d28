/** What a command line names: lockfiles, and packages by name. */
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import path from 'node:path'
import { resolveSpec, type Subject, type VerdictSource } from '../check/index.ts'
import { messageOf } from '../domain/errors.ts'
import { MAX_LOCKFILE, readLockfile } from '../lockfile/index.ts'
import { usage } from './usage.ts'

export interface Named {
  readonly lockfiles: readonly Subject[]
  readonly specs: readonly string[]
}

const NAMES = ['npm-shrinkwrap.json', 'package-lock.json', 'pnpm-lock.yaml', 'yarn.lock', 'bun.lock']
const BINARY = 'bun.lockb'

/**
 * Reads the lockfiles among the arguments, in folders too; the rest are specs. Without any, the lockfile of this folder.
 * @throws ConfigurationError, LockfileError
 */
export function namedBy(args: readonly string[]): Named {
  const named = args.length === 0 ? ['.'] : args
  const files = named.filter(looksLikeAFile)
  return { lockfiles: files.map((file) => lockfileSubject(isFolder(file) ? lockfileIn(file) : file)), specs: named.filter((one) => !looksLikeAFile(one)) }
}

/** One subject for each lockfile, and one for all specs. @throws ConfigurationError when a spec means nothing; Unavailable */
export async function subjectsOf({ lockfiles, specs }: Named, source: VerdictSource): Promise<readonly Subject[]> {
  if (specs.length === 0) return lockfiles
  const packages = await Promise.all(specs.map((spec) => resolveSpec(spec, source)))
  return [...lockfiles, { file: undefined, format: undefined, formatVersion: undefined, packages }]
}

/** @throws ConfigurationError when it cannot be read; LockfileError when it is none */
export function lockfileSubject(file: string): Subject {
  const { format, version, packages } = readLockfile({ file, bytes: bytesOf(file), manifest: manifestBeside(file) })
  return { file, format, formatVersion: version, packages }
}

const isFolder = (file: string): boolean => existsSync(file) && statSync(file).isDirectory()
const isThere = (file: string): boolean => existsSync(file) && statSync(file).isFile()

/** A package cannot be called so, a slash behind its scope apart: a file that is not there is told as that. */
const looksLikeAFile = (text: string): boolean =>
  isThere(text) ||
  [...NAMES, BINARY].includes(path.basename(text)) ||
  /^\.{1,2}$|^\.{0,2}[\\/]/.test(text) ||
  (/[\\/]/.test(text) && !text.startsWith('@')) ||
  (/\.(?:json|ya?ml|lockb?)$/.test(text) && !text.includes('@'))

/** npm itself takes the shrinkwrap of two; which of two clients is meant only the person knows. */
function lockfileIn(folder: string): string {
  const found = [...NAMES, BINARY].filter((name) => isThere(path.join(folder, name)))
  const others = found.filter((name) => !(name === 'package-lock.json' && found.includes('npm-shrinkwrap.json')) && !(name === BINARY && found.includes('bun.lock')))
  const [one, another] = others
  if (one === undefined) throw usage(folder, 'has no lockfile', `Name one (${NAMES.join(', ')}), or packages: NAME@VERSION.`)
  if (another !== undefined) throw usage(folder, `has several lockfiles: ${others.join(', ')}`, 'Name those you mean.')
  return path.join(folder, one)
}

/** Of a file that is too large, one byte more than is read. */
function bytesOf(file: string): Uint8Array {
  let descriptor: number | undefined
  try {
    descriptor = openSync(file, 'r')
    if (fstatSync(descriptor).size <= MAX_LOCKFILE) return readFileSync(descriptor)
    const bytes = Buffer.alloc(MAX_LOCKFILE + 1)
    readSync(descriptor, bytes, 0, bytes.length, 0)
    return bytes
  } catch (cause) {
    throw usage(file, `cannot be read: ${messageOf(cause)}`, `Name a lockfile: ${NAMES.join(', ')}.`)
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

/** Formats that do not say what the project itself asks for leave that to its package.json. */
function manifestBeside(file: string): string | undefined {
  try {
    return readFileSync(path.join(path.dirname(file), 'package.json'), 'utf8')
  } catch {
    return undefined
  }
}
