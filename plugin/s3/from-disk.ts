import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { messageOf } from '../domain/errors.ts'
import { sriOf } from '../domain/integrity.ts'
import { isObject, own, ownObject, ownString, type Json, type JsonObject } from '../domain/json.ts'
import type { Documents } from './documents.ts'
import type { Bucket } from './objects.ts'
import type { PackageList } from './package-list.ts'

/** What became of a package on disk. */
export interface Copied {
  readonly name: string
  readonly outcome: 'copied' | 'there-already' | 'failed'
  /** Versions that were copied. */
  readonly versions: number
  /** A sentence, where it failed. */
  readonly problem?: string
}

/** Of Verdaccio's storage on disk: what it says was published here, and what its tokens are signed with. */
export interface DiskStorage {
  readonly names: readonly string[]
  readonly secret: string | undefined
  readonly tokens: readonly JsonObject[]
}

/** @throws Error when it is no storage of Verdaccio's */
export async function readDiskStorage(dir: string): Promise<DiskStorage> {
  const database = JSON.parse(await readFile(path.join(dir, '.verdaccio-db.json'), 'utf8')) as Json
  const list = isObject(database) ? own(database, 'list') : undefined
  if (!isObject(database) || !Array.isArray(list) || !list.every((name) => typeof name === 'string')) throw new Error(`${path.join(dir, '.verdaccio-db.json')} is no list of packages`)
  const kept = await readFile(path.join(dir, '.token-db.json'), 'utf8').then((text) => JSON.parse(text) as Json, () => ({}))
  const tokens = Object.values(isObject(kept) ? kept : {}).flatMap((of) => (Array.isArray(of) ? of.filter(isObject) : []))
  const secret = ownString(database, 'secret')
  return { names: list, secret: secret === '' ? undefined : secret, tokens }
}

export interface CopyDeps {
  readonly bucket: Bucket
  readonly documents: Documents
  readonly list: PackageList
}

/**
 * Copies one package: every tarball is held against what its manifest says of it, and the manifest follows when all are there, with a
 * sha512 for each version. A package that the bucket has is left as it is.
 */
export async function copyPackage(dir: string, name: string, { bucket, documents, list }: CopyDeps): Promise<Copied> {
  try {
    const key = `${name}/package.json`
    if ((await documents.read(key)) !== 'absent') return { name, outcome: 'there-already', versions: 0 }
    const manifest = JSON.parse(await readFile(path.join(dir, name, 'package.json'), 'utf8')) as Json
    if (!isObject(manifest)) throw new Error('its package.json is no manifest')
    const versions = new Map<string, Json>()
    for (const [version, entry] of Object.entries(ownObject(manifest, 'versions') ?? {})) {
      const file = path.join(dir, name, fileOf(entry))
      const bytes = await readFile(file)
      versions.set(version, checked(version, entry, bytes))
      // What an earlier try left is the same, or was not this package's.
      await bucket.put(`${name}/${path.basename(file)}`, bytes, { condition: undefined, contentType: 'application/octet-stream' })
    }
    const text = JSON.stringify({ ...manifest, versions: Object.fromEntries(versions) }, null, 2)
    if ((await documents.write(key, text, 'absent')) === 'conflict') return { name, outcome: 'there-already', versions: 0 }
    await list.add(name)
    return { name, outcome: 'copied', versions: versions.size }
  } catch (error) {
    return { name, outcome: 'failed', versions: 0, problem: messageOf(error) }
  }
}

function checked(version: string, entry: Json | undefined, bytes: Buffer): Json {
  const manifest = isObject(entry) ? entry : {}
  const dist = ownObject(manifest, 'dist') ?? {}
  const integrity = sriOf(hash('sha512', bytes))
  const said = ownString(dist, 'integrity')
  const shasum = ownString(dist, 'shasum')
  if (said === undefined && shasum === undefined) throw new Error(`nothing says which bytes ${version} has`)
  if ((said !== undefined && said !== integrity) || (shasum !== undefined && shasum !== hash('sha1', bytes))) throw new Error(`the tarball of ${version} is not the one that was published`)
  return { ...manifest, dist: { ...dist, integrity } }
}

/** The file's name as the core takes it from an address. */
function fileOf(entry: Json | undefined): string {
  const tarball = isObject(entry) ? ownString(ownObject(entry, 'dist') ?? {}, 'tarball') : undefined
  return path.basename((tarball ?? '').replace(/[?#].*$/, ''))
}
