import type { JsonObject } from '../domain/json.ts'
import type { QuestionKind } from '../domain/measures.ts'
import type { PackageRef } from '../domain/package-ref.ts'
import { specOf } from '../domain/package-ref.ts'
import type { PackumentHead, PackumentReader, Upstream, UpstreamPackument, Urgency } from '../domain/ports.ts'
import type { UplinkState } from '../domain/state.ts'
import { askAdvisories, type AskedVersions } from './advisories.ts'
import { readBody } from './body.ts'
import { Connection, discard, type Surroundings } from './connection.ts'
import { RequestFailure } from './failure.ts'
import { withDefaults, type UplinkOptions } from './options.ts'
import type { PackumentCache } from './packument-cache.ts'
import { Packuments } from './packuments.ts'
import { attestationsUrl, keysUrl } from './paths.ts'
import { allowedTarball, openTarball } from './tarball.ts'
import { UrgentFlight, type Turn } from './turn.ts'

export interface RegistryClientOptions extends Surroundings {
  readonly cache: PackumentCache
  readonly reader: PackumentReader
  /** Told of a refresh behind an answer that failed. */
  readonly onError?: ((error: unknown, uplink: string) => void) | undefined
  /** Bytes; tests make them small. */
  readonly limits?: { readonly packument?: number; readonly document?: number; readonly tarball?: number } | undefined
}

const DOCUMENT_LIMIT = 2 * 1024 ** 2

/** A registry that speaks npm's protocol, as an uplink. */
export class RegistryClient implements Upstream {
  readonly name: string
  readonly registry: string
  readonly attestationsMode: Upstream['attestationsMode']
  readonly #connection: Connection
  readonly #packuments: Packuments
  readonly #documents = new UrgentFlight<Uint8Array | 'absent'>()
  readonly #limits: NonNullable<RegistryClientOptions['limits']>

  constructor(uplink: UplinkOptions, options: RegistryClientOptions) {
    const { cache, reader, onError, limits = {} } = options
    this.#connection = new Connection(withDefaults(uplink), options)
    this.name = uplink.name
    this.registry = uplink.registry
    this.attestationsMode = this.#connection.uplink.attestations.mode
    this.#limits = limits
    this.#packuments = new Packuments({
      connection: this.#connection,
      cache,
      reader,
      onError: (error) => onError?.(error, uplink.name),
      limit: limits.packument,
    })
  }

  packument(name: string, confirmedAfter?: Date): Promise<UpstreamPackument | 'absent'> {
    return this.#packuments.get(name, confirmedAfter)
  }

  peek(name: string): PackumentHead | 'absent' | undefined {
    return this.#packuments.peek(name)
  }

  /** The last good answer, however old, without asking. */
  held(name: string): Promise<UpstreamPackument | undefined> {
    return this.#packuments.held(name)
  }

  /** Takes a document of an archive for this uplink's answer. @throws Error when it is not a packument of this name */
  adopt(name: string, bytes: Buffer, confirmedAt: Date): Promise<void> {
    return this.#packuments.adopt(name, bytes, confirmedAt)
  }

  get state(): UplinkState {
    return this.#connection.state
  }

  /** Never asked: what archives brought is all there is of it. */
  get isOffline(): boolean {
    return this.#connection.uplink.offline
  }

  async attestations(ref: PackageRef, urgency: Urgency = 'foreground'): Promise<Uint8Array | 'absent'> {
    const { mode, base } = this.#connection.uplink.attestations
    const url = attestationsUrl(base, ref)
    return mode === 'none' || url === undefined ? 'absent' : this.#document('attestations', url, `the attestations of ${specOf(ref)}`, urgency)
  }

  /**
   * The body of `/-/npm/v1/keys` as this uplink answers it, or `absent`. Keys from there vouch for nothing by themselves.
   * @throws Unavailable (`evidence-unavailable`)
   */
  keys(): Promise<Uint8Array | 'absent'> {
    return this.#document('keys', keysUrl(this.#connection.uplink.base), 'its keys', 'foreground')
  }

  tarball(url: string): Promise<AsyncIterable<Uint8Array> | 'absent'> {
    return openTarball(this.#connection, url, this.#limits.tarball)
  }

  allowsTarball(url: string): boolean {
    return allowedTarball(this.#connection.uplink, url) !== undefined
  }

  /**
   * What this uplink knows against versions of packages; see `askAdvisories`.
   * @throws Unavailable (`evidence-unavailable`)
   */
  advisories(versions: AskedVersions): Promise<JsonObject | 'absent'> {
    return askAdvisories(this.#connection, versions)
  }

  /** Resolves when no question is open any more. */
  async settled(): Promise<void> {
    await this.#packuments.settled()
    await this.#documents.settled()
  }

  async close(): Promise<void> {
    await this.#connection.close()
    await this.settled()
  }

  #document(kind: QuestionKind, url: URL, what: string, urgency: Urgency): Promise<Uint8Array | 'absent'> {
    return this.#documents.run(url.href, urgency, (turn) => this.#askForDocument(kind, url, what, turn))
  }

  #askForDocument(kind: QuestionKind, url: URL, what: string, turn: Turn): Promise<Uint8Array | 'absent'> {
    return this.#connection.ask(
      {
        kind,
        url,
        what,
        headers: { accept: 'application/json', 'accept-encoding': 'gzip' },
        deadline: this.#connection.uplink.deadline,
        allows: (next) => next.origin === url.origin,
        refused: () => new RequestFailure('redirects to another host'),
        answers: [200, 404],
      },
      async (answer) => {
        if (answer.status === 200) return readBody(answer, this.#limits.document ?? DOCUMENT_LIMIT)
        await discard(answer.body)
        return 'absent'
      },
      { turn },
    )
  }
}
