/**
 * An npm registry on loopback for tests, demo and benchmarks: it publishes signed versions with provenance of a private
 * Sigstore, keeps a log of what it was asked, and misbehaves on demand.
 */
import http, { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Json, JsonObject } from '../../plugin/domain/json.ts'
import { splitSpec } from '../../plugin/domain/package-ref.ts'
import { FAULTS } from './faults.ts'
import type { PrivateSigstore } from './private-sigstore.ts'
import { encode, failure, pathOf } from './registry/answer.ts'
import { ADVISORIES_PATH, answerAdvisories, type AskedAdvisories, type KnownAdvisories } from './registry/advisories.ts'
import * as behaviours from './registry/behaviour.ts'
import { matches, send, type Answer, type Behaviour, type PathMatcher, type Rule, type When } from './registry/behaviour.ts'
import { attestationsPath, draftOf, tarballPath, type Draft, type PackumentEdit, type PublishOptions } from './registry/draft.ts'
import { abbreviate, emptyPackage, packumentOf, type PackageState } from './registry/packument.ts'

export type { PackumentEdit, PublishOptions } from './registry/draft.ts'
export type { PathMatcher, When } from './registry/behaviour.ts'
export { FAULT_IDS, FAULTS, type FaultId } from './faults.ts'

export interface LoggedRequest {
  readonly method: string
  /** As it came, undecoded, with its query. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
}

/** A version as it was published. */
export interface Published {
  readonly name: string
  readonly version: string
  readonly integrity: string
  /** hex */
  readonly sha512: string
  readonly tarball: Buffer
  readonly tarballUrl: string
  readonly manifest: JsonObject
}

type Added = 'name' | 'version' | 'at' | 'artifact' | 'integrity' | 'manifest' | 'rules' | 'edits'
/** What the registry needs of a version; the evidence and the bytes may be anything. */
export type AddedVersion = Pick<Draft, Added> & { readonly tarball?: Buffer | undefined; readonly document?: unknown }

/** Ends a behaviour. */
export interface Switch {
  off(): void
}

export interface FakeRegistryOptions {
  readonly sigstore: PrivateSigstore
  /** In error messages of tests with several registries. */
  readonly name?: string
  /** Default: any that is free. */
  readonly port?: number
}

export class FakeRegistry {
  readonly name: string
  readonly sigstore: PrivateSigstore
  readonly requests: LoggedRequest[] = []
  /** While true, every connection is broken off. */
  down = false
  /** What `/-/npm/v1/keys` answers; undefined is 404. */
  keys: Json | undefined
  /** What it knows against packages; undefined is 404. */
  advisories: KnownAdvisories | undefined
  /** Questions for advisories. */
  readonly askedAdvisories: AskedAdvisories[] = []
  readonly #server: http.Server
  readonly #packages = new Map<string, PackageState>()
  readonly #tarballs = new Map<string, Buffer>()
  readonly #documents = new Map<string, Json>()
  readonly #rendered = new Map<string, Answer>()
  #rules: (Rule & { seen: number })[] = []

  private constructor({ sigstore, name = 'registry' }: FakeRegistryOptions) {
    this.name = name
    this.sigstore = sigstore
    this.keys = sigstore.registryKeys()
    this.#server = http.createServer((request, response) => { this.#serve(request, response) })
  }

  static async start(options: FakeRegistryOptions): Promise<FakeRegistry> {
    const registry = new FakeRegistry(options)
    await new Promise<void>((resolve) => registry.#server.listen(options.port ?? 0, '127.0.0.1', resolve))
    return registry
  }

  /** Without a slash at the end. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  // -------------------------------------------------------------- contents

  /** Publishes a version, in place of one that has this number already. */
  publish(options: PublishOptions): Published {
    const fault = options.fault === undefined ? undefined : FAULTS[options.fault]
    const draft = draftOf(fault?.prepare?.(options) ?? options, this.url, this.sigstore)
    return this.add(fault?.apply?.(draft) ?? draft, options.distTag)
  }

  /** Adds a version made elsewhere; without a tarball, that is 404. */
  add(draft: AddedVersion, distTag: string | null = 'latest'): Published {
    const { name, version, manifest, tarball = Buffer.alloc(0), document, integrity } = draft
    const owner = attestationsPath(draft)
    const state = this.#packages.get(name) ?? emptyPackage()
    state.versions.set(version, { manifest, time: draft.at.toISOString(), edits: draft.edits })
    if (distTag !== null) state.tags.set(distTag, version)
    this.#packages.set(name, state)
    this.serveTarball(name, version, draft.tarball)
    this.serveAttestations(name, version, document as Json | undefined)
    this.#rules = this.#rules.filter((rule) => rule.owner !== owner)
    for (const rule of draft.rules) this.#rules.push({ ...rule, owner, seen: 0 })
    this.#changed(state)
    const tarballUrl = `${this.url}${tarballPath(draft)}`
    return { name, version, integrity, sha512: draft.artifact.sha512, tarball, tarballUrl, manifest }
  }

  /** Takes a version away, or the whole package. */
  unpublish(name: string, version?: string): void {
    const state = this.#state(name)
    for (const gone of version === undefined ? [...state.versions.keys()] : [version]) {
      const ref = { name, version: gone }
      state.versions.delete(gone)
      this.#tarballs.delete(tarballPath(ref))
      this.#documents.delete(attestationsPath(ref))
      this.#rules = this.#rules.filter((rule) => rule.owner !== attestationsPath(ref))
      for (const [tag, target] of state.tags) if (target === gone) state.tags.delete(tag)
    }
    if (version === undefined) this.#packages.delete(name)
    this.#changed(state)
  }

  /** Points a tag at a version; undefined removes it. */
  retag(name: string, tag: string, version: string | undefined): void {
    const state = this.#state(name)
    if (version === undefined) state.tags.delete(tag)
    else state.tags.set(tag, version)
    this.#changed(state)
  }

  deprecate(name: string, version: string, message: string): void {
    const state = this.#state(name)
    const published = state.versions.get(version)
    if (published === undefined) throw new Error(`${this.name} has no ${name}@${version}`)
    published.manifest = { ...published.manifest, deprecated: message }
    this.#changed(state)
  }

  /** Changes the packument on its way out; edits add up. */
  edit(name: string, change: PackumentEdit): void {
    const state = this.#state(name)
    state.edits = [...state.edits, change]
    this.#changed(state)
  }

  /** The attestations document of a version; undefined is 404. */
  serveAttestations(name: string, version: string, document: Json | undefined): void {
    const path = attestationsPath({ name, version })
    if (document === undefined) this.#documents.delete(path)
    else this.#documents.set(path, document)
    this.#rendered.clear()
  }

  /** The bytes of a tarball; undefined is 404. */
  serveTarball(name: string, version: string, bytes: Buffer | undefined): void {
    const path = tarballPath({ name, version })
    if (bytes === undefined) this.#tarballs.delete(path)
    else this.#tarballs.set(path, bytes)
  }

  /** The full packument as it is served now. */
  packument(name: string): JsonObject {
    return packumentOf(name, this.#state(name))
  }

  // -------------------------------------------------------------- behaviours

  status(match: PathMatcher, code: number, headers: Readonly<Record<string, string>> = {}, when?: When): Switch {
    return this.behave(match, behaviours.status(code, headers), when)
  }
  hang(match: PathMatcher, when?: When): Switch {
    return this.behave(match, behaviours.hang, when)
  }
  garbage(match: PathMatcher, body: string | Uint8Array, when?: When): Switch {
    return this.behave(match, behaviours.garbage(body), when)
  }
  cut(match: PathMatcher, when?: When): Switch {
    return this.behave(match, behaviours.cut, when)
  }
  /** Sends `bytes` every `ms` milliseconds. */
  slow(match: PathMatcher, bytes: number, ms: number, when?: When): Switch {
    return this.behave(match, behaviours.slow(bytes, ms), when)
  }
  redirect(match: PathMatcher, to: string, when?: When): Switch {
    return this.behave(match, behaviours.redirect(to), when)
  }
  /** Any behaviour, for matching requests; the latest rule that is in force decides. */
  behave(match: PathMatcher, behaviour: Behaviour, when: When = {}): Switch {
    const rule = { match, behaviour, when, seen: 0 }
    this.#rules.push(rule)
    return { off: () => { this.#rules = this.#rules.filter((other) => other !== rule) } }
  }
  /** Ends every behaviour and clears the log of requests; what is published stays. */
  reset(): void {
    this.down = false
    this.#rules = []
    this.requests.length = 0
    this.askedAdvisories.length = 0
  }

  /** How many requests came for a decoded path. */
  hits(match: PathMatcher): number {
    return this.requests.filter(({ path }) => matches(match, pathOf(path))).length
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => { resolve() })
      this.#server.closeAllConnections()
    })
  }

  // -------------------------------------------------------------- serving

  #state(name: string): PackageState {
    const state = this.#packages.get(name)
    if (state === undefined) throw new Error(`${this.name} has no package ${name}`)
    return state
  }

  #changed(state: PackageState): void {
    state.revision++
    this.#rendered.clear()
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { method = 'GET', url = '/', headers } = request
    this.requests.push({ method, path: url, headers })
    if (this.down) {
      request.socket.destroy()
      return
    }
    const path = pathOf(url)
    const answer = (): Answer => (method === 'GET' || method === 'HEAD' ? this.#answer(path, headers) : failure(405, 'method'))
    const behaviour = this.#behaviourFor(path)
    if (method === 'POST' && path === ADVISORIES_PATH) answerAdvisories(request, response, this.advisories, this.askedAdvisories, behaviour)
    else if (behaviour === undefined) send(response, answer())
    else behaviour(response, answer)
  }

  #behaviourFor(path: string): Behaviour | undefined {
    let found: Behaviour | undefined
    for (const rule of this.#rules) {
      if (!matches(rule.match, path)) continue
      const { after = 0, times = Infinity } = rule.when
      const turn = rule.seen++ - after
      if (turn >= 0 && turn < times) found = rule.behaviour
    }
    return found
  }

  #answer(path: string, headers: IncomingHttpHeaders): Answer {
    const tarball = this.#tarballs.get(path.replace(/^\/-\/elsewhere/, ''))
    if (tarball !== undefined) return { status: 200, headers: { 'content-type': 'application/octet-stream' }, body: tarball }
    const abbreviated = headers.accept?.includes('application/vnd.npm.install-v1+json') === true
    const zip = headers['accept-encoding']?.includes('gzip') === true
    const key = `${abbreviated ? 'short' : 'full'} ${zip ? 'gzip' : 'plain'} ${path}`
    const rendered = path === KEYS_PATH ? undefined : this.#rendered.get(key)
    const answer = rendered ?? encode(this.#document(path, abbreviated), abbreviated, zip)
    if (answer.status === 200 && path !== KEYS_PATH) this.#rendered.set(key, answer)
    const { etag } = answer.headers
    const known = headers['if-none-match']?.split(/,\s*/).includes(etag ?? '') === true
    return known && etag !== undefined ? { ...answer, status: 304, body: Buffer.alloc(0) } : answer
  }

  /** The JSON under a path, or undefined. */
  #document(path: string, abbreviated: boolean): Json | undefined {
    if (path === KEYS_PATH) return this.keys
    if (path.startsWith('/-/npm/v1/attestations/')) return this.#documents.get(path)
    const tags = /^\/-\/package\/(.+)\/dist-tags$/.exec(path)?.[1]
    if (tags !== undefined) return this.#packument(tags)?.['dist-tags']
    const [, name = '', rest] = /^\/((?:@[^/]+\/)?[^/]+)(?:\/([^/]+))?$/.exec(path) ?? []
    const packument = this.#packument(name)
    if (packument === undefined) return undefined
    if (rest === undefined) return abbreviated ? abbreviate(packument) : packument
    const versions = (packument.versions ?? {}) as JsonObject
    const tagged = (packument['dist-tags'] ?? {}) as Readonly<Record<string, string>>
    const version = Object.hasOwn(tagged, rest) ? tagged[rest] : rest
    return version !== undefined && Object.hasOwn(versions, version) ? versions[version] : undefined
  }

  #packument(name: string): JsonObject | undefined {
    const state = this.#packages.get(name)
    return state === undefined ? undefined : packumentOf(name, state)
  }
}

const KEYS_PATH = '/-/npm/v1/keys'

/** The versions whose attestations were asked for, in order. */
export const askedAttestations = (registry: FakeRegistry): readonly ReturnType<typeof splitSpec>[] =>
  registry.requests
    .map(({ path }) => /^\/-\/npm\/v1\/attestations\/(.+)$/.exec(pathOf(path))?.[1])
    .filter((spec) => spec !== undefined)
    .map(splitSpec)
