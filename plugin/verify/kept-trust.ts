import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { messageOf } from '../domain/errors.ts'
import { isObject, own, ownObject, ownString, type Json, type JsonObject } from '../domain/json.ts'
import type { TufMetadata } from './tuf-cycle.ts'

/** The last good answer of a TUF repository. */
export interface KeptTrust {
  /** When its timestamp was verified. */
  readonly asOf: Date
  readonly metadata: TufMetadata
  /** By name; undefined where the repository said that there is none. */
  readonly targets: ReadonlyMap<string, string | undefined>
  /** Targets that were there at some time: what TUF took away is not asked for elsewhere. */
  readonly everHad: ReadonlySet<string>
}

/**
 * The last good answer on disk, whole or not at all: one file, renamed into place. It was authenticated when it was fetched, and
 * is trusted on a restart as every TUF client trusts its local metadata (TUF specification, 5.2), however old: expiry speaks of
 * what is fetched, and denying by age would brick an air gap. The digest finds a spoilt disk, not a writer: who may write
 * here may write the ledger and the policy beside it.
 */
export class KeptTrustFile {
  readonly #file: string
  constructor(file: string) {
    this.#file = file
  }

  /** Undefined when there is none. @throws Error when it is not what was written */
  async read(): Promise<KeptTrust | undefined> {
    let text: string
    try {
      text = await readFile(this.#file, 'utf8')
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
      throw error
    }
    try {
      return decode(text)
    } catch (cause) {
      throw new Error(`${this.#file} is spoilt: ${messageOf(cause)}`, { cause })
    }
  }

  async write(kept: KeptTrust): Promise<void> {
    await mkdir(path.dirname(this.#file), { recursive: true })
    const unfinished = `${this.#file}.${randomBytes(8).toString('hex')}`
    try {
      await writeFile(unfinished, encode(kept), { flush: true })
      await rename(unfinished, this.#file)
    } finally {
      await rm(unfinished, { force: true })
    }
  }
}

/** Whether `one` is of an earlier state of the repository than `other`: never put in its place. */
export function isBefore(one: KeptTrust, other: KeptTrust): boolean {
  for (const role of ['root', 'timestamp'] as const) {
    const difference = versionOf(one.metadata, role) - versionOf(other.metadata, role)
    if (difference !== 0) return difference < 0
  }
  return one.asOf < other.asOf
}

/** The version of a role's metadata, 0 when it is not there. */
export function versionOf(metadata: TufMetadata, role: 'root' | 'timestamp'): number {
  const [, text] = [...metadata].find(([name]) => path.posix.basename(name) === `${role}.json`) ?? []
  const document = text === undefined ? undefined : (JSON.parse(text) as Json)
  const version = isObject(document) ? own(ownObject(document, 'signed') ?? {}, 'version') : undefined
  return typeof version === 'number' ? version : 0
}

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex')

function encode({ asOf, metadata, targets, everHad }: KeptTrust): string {
  const content = JSON.stringify({
    asOf: asOf.toISOString(),
    metadata: [...metadata],
    targets: [...targets].map(([name, text]) => [name, text ?? null]),
    everHad: [...everHad],
  })
  return JSON.stringify({ sha256: digestOf(content), content })
}

function decode(text: string): KeptTrust {
  const wrapped = JSON.parse(text) as Json
  const content = isObject(wrapped) ? (ownString(wrapped, 'content') ?? '') : ''
  if (!isObject(wrapped) || ownString(wrapped, 'sha256') !== digestOf(content)) throw new Error('its digest is another')
  const kept = JSON.parse(content) as JsonObject
  const metadata = new Map(own(kept, 'metadata') as readonly (readonly [string, string])[])
  if (![...metadata.keys()].every(isBelow)) throw new Error('it names a file outside its directory')
  const targets = own(kept, 'targets') as readonly (readonly [string, string | null])[]
  return {
    asOf: new Date(ownString(kept, 'asOf') ?? ''),
    metadata,
    targets: new Map(targets.map(([name, target]) => [name, target ?? undefined])),
    everHad: new Set(own(kept, 'everHad') as readonly string[]),
  }
}

const isBelow = (name: string): boolean => !path.posix.isAbsolute(name) && !name.split(/[/\\]/).includes('..')
