import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { Unavailable } from '../domain/errors.ts'
import { specOf, type PackageRef } from '../domain/package-ref.ts'
import type { Upstream, UpstreamPackument, Upstreams } from '../domain/ports.ts'
import { parseDocument } from '../upstream/document.ts'
import { ArchiveError, type ArchivedPackage } from './manifest.ts'
import type { StagedArchive } from './read.ts'

/** An uplink of the mirror that imports, as far as an archive is held against its configuration. */
export interface ConfiguredUplink extends Pick<Upstream, 'name' | 'registry' | 'attestationsMode' | 'allowsTarball'> {
  readonly isOffline: boolean
}

/** A package of an archive, and the uplink whose it is here. */
export interface PlannedPackage {
  readonly archived: ArchivedPackage
  readonly uplink: string
}

/** The packages of an archive in the place of the uplinks: what is not in it is unavailable, never absent. */
export class ArchiveUpstreams implements Upstreams {
  readonly all: readonly Upstream[]
  readonly #byPackage: ReadonlyMap<string, ArchivedUplink>

  constructor(staged: StagedArchive, planned: readonly PlannedPackage[], uplinks: ReadonlyMap<string, ConfiguredUplink>) {
    const found = new Map([...uplinks].map(([name, uplink]) => [name, new ArchivedUplink(uplink, staged, planned.filter((one) => one.uplink === name))]))
    this.all = [...found.values()]
    this.#byPackage = new Map(
      planned.flatMap(({ archived, uplink }) => {
        const one = found.get(uplink)
        return one === undefined ? [] : [[archived.name, one] as const]
      }),
    )
  }

  async find(name: string): ReturnType<Upstreams['find']> {
    const upstream = this.#byPackage.get(name)
    if (upstream === undefined) throw notInIt(name)
    return { upstream, document: await upstream.packument(name) }
  }
}

/** One uplink's packages of an archive. Where tarballs may come from is the configuration's to say, as if it were asked itself. */
class ArchivedUplink implements Upstream {
  readonly name: string
  readonly registry: string
  readonly attestationsMode: Upstream['attestationsMode']
  readonly #uplink: ConfiguredUplink
  readonly #staged: StagedArchive
  readonly #packages: ReadonlyMap<string, ArchivedPackage>
  /** Versions of one package are judged one after the other: more than one document at a time is not needed. */
  #last: UpstreamPackument | undefined
  #lastFiles: ReadonlyMap<string, string> = new Map()

  constructor(uplink: ConfiguredUplink, staged: StagedArchive, planned: readonly PlannedPackage[]) {
    this.name = uplink.name
    this.registry = uplink.registry
    this.attestationsMode = uplink.attestationsMode
    this.#uplink = uplink
    this.#staged = staged
    this.#packages = new Map(planned.map(({ archived }) => [archived.name, archived]))
  }

  async packument(name: string): Promise<UpstreamPackument> {
    const archived = this.#packages.get(name)
    if (archived === undefined) throw notInIt(name)
    if (this.#last?.packument.name === name) return this.#last
    const bytes = await readFile(this.#staged.file(archived.packument))
    const packument = parsed(bytes, archived)
    const document = { uplink: this.name, packument, digest: archived.packument, size: bytes.byteLength, confirmedAt: new Date(archived.confirmedAt), stale: false }
    this.#lastFiles = new Map(
      archived.versions.flatMap(({ version, tarball }) => {
        const address = packument.versions.get(version)?.dist.tarball
        return address === undefined ? [] : [[address, this.#staged.file(tarball)] as const]
      }),
    )
    this.#last = document
    return document
  }

  async attestations(ref: PackageRef): Promise<Uint8Array> {
    const found = this.#packages.get(ref.name)?.attestations.find(({ version }) => version === ref.version)
    if (found === undefined) throw notInIt(`the attestations of ${specOf(ref)}`)
    return readFile(this.#staged.file(found.document))
  }

  tarball(url: string): Promise<AsyncIterable<Uint8Array>> {
    const file = this.#lastFiles.get(url)
    if (file === undefined) return Promise.reject(notInIt('the tarball'))
    return Promise.resolve(createReadStream(file) as AsyncIterable<Uint8Array>)
  }

  allowsTarball(url: string): boolean {
    return this.#uplink.allowsTarball(url)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

function parsed(bytes: Buffer, { name }: ArchivedPackage): ReturnType<typeof parseDocument> {
  try {
    return parseDocument(bytes, name)
  } catch (cause) {
    throw new ArchiveError(`its packument of ${name} is none`, { cause })
  }
}

const notInIt = (what: string): Unavailable => new Unavailable('evidence-unavailable', `the archive does not have ${what}`)
