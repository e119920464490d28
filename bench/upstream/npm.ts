/**
 * Real packages: asked once of the registry that npm is configured with and kept on disk, so that every server then sees the same bytes.
 * Every version is signed with the benchmark's registry key in place of npm's, so that the signature check runs whatever the
 * registry passes on; attestations, which would be another Sigstore's, are left out.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { isObject, type Json, type JsonObject } from '../../plugin/domain/json.ts'
import type { PrivateSigstore } from '../../test/support/private-sigstore.ts'
import { mapValues } from '../../test/support/registry/packument.ts'

/** Stands for the address of the fake upstream, which is another one in each run. */
const HERE = 'http://upstream.invalid'

export class RealPackages {
  readonly #dir: string
  readonly #registry: string
  readonly #sigstore: PrivateSigstore
  readonly #asking = new Map<string, Promise<Buffer | undefined>>()

  constructor(dir: string, registry: string, sigstore: PrivateSigstore) {
    this.#dir = dir
    this.#registry = registry.replace(/\/$/, '')
    this.#sigstore = sigstore
    mkdirSync(dir, { recursive: true })
  }

  async packument(name: string, base: string): Promise<JsonObject | undefined> {
    const body = await this.#kept(`packument ${name}`, async () => {
      const full = await this.#ask(`/${name.replace('/', '%2f')}`)
      return full === undefined ? undefined : Buffer.from(JSON.stringify(this.#signed(name, JSON.parse(full.toString()) as JsonObject)))
    })
    return body === undefined ? undefined : (JSON.parse(body.toString().replaceAll(HERE, base)) as JsonObject)
  }

  tarball(where: string): Promise<Buffer | undefined> {
    return this.#kept(`tarball ${where}`, () => this.#ask(where))
  }

  #signed(name: string, packument: JsonObject): JsonObject {
    const versions = isObject(packument.versions) ? packument.versions : {}
    return { ...packument, versions: mapValues(versions, (manifest, version) => (isObject(manifest) ? this.#sign(name, version, manifest) : manifest)) }
  }

  #sign(name: string, version: string, manifest: JsonObject): JsonObject {
    const dist: Record<string, Json | undefined> = isObject(manifest.dist) ? { ...manifest.dist } : {}
    delete dist.attestations
    const file = typeof dist.tarball === 'string' ? new URL(dist.tarball).pathname.replace(/^.*\/-\//, '') : ''
    const { integrity } = dist
    const signatures = typeof integrity === 'string' ? { signatures: [{ ...this.#sigstore.signRegistry(name, version, integrity) }] } : {}
    return { ...manifest, dist: { ...dist, tarball: `${HERE}/${name}/-/${file}`, ...signatures } }
  }

  /** From disk, else made once, however many ask for it. */
  #kept(key: string, make: () => Promise<Buffer | undefined>): Promise<Buffer | undefined> {
    const file = path.join(this.#dir, createHash('sha256').update(key).digest('hex'))
    if (existsSync(file)) return Promise.resolve(readFileSync(file))
    const asking = this.#asking.get(key) ?? make().then((body) => {
      if (body === undefined) return undefined
      writeFileSync(`${file}.new`, body)
      renameSync(`${file}.new`, file)
      return body
    }).finally(() => this.#asking.delete(key))
    this.#asking.set(key, asking)
    return asking
  }

  async #ask(where: string): Promise<Buffer | undefined> {
    for (let tries = 1; ; tries++) {
      const response = await fetch(`${this.#registry}${where}`).catch((error: unknown) => (tries < 4 ? undefined : Promise.reject(error as Error)))
      if (response?.status === 404) return undefined
      if (response?.ok === true) return Buffer.from(await response.arrayBuffer())
      if (tries >= 4) throw new Error(`${where} was ${String(response?.status)}`)
    }
  }
}
