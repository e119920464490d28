import { AsyncLocalStorage } from 'node:async_hooks'
import type { RequestHandler, Response } from 'express'
import type { StructuredLogger } from './audit/decisions.ts'
import { open, prepare, type Engine, type Replacements } from './compose.ts'
import type { VerdaccioConfiguration } from './config/configuration.ts'
import { messageOf } from './domain/errors.ts'
import { isLocal, type TokenLogger, type VerdaccioAuth, type VerdaccioStorage } from './http/access.ts'
import { withSignatures } from './http/local-signatures.ts'
import { withoutRefused, type LocalPackages } from './http/local.ts'
import type { RequestLogger } from './http/access-log.ts'
import { trustedBy } from './http/asker.ts'
import { observed, type Observation } from './http/observed.ts'
import { createRouter } from './http/router.ts'
import type { WarmAnswers } from './http/warm.ts'
import { BucketStorage } from './s3/storage.ts'
import { empty, withoutUpstreamVersions, type StoredManifest } from './http/second-line.ts'
import { followFolder, isFolderStorage } from './shared-folder.ts'

export type VerdaccioLogger = StructuredLogger & TokenLogger & RequestLogger

interface PluginOptions {
  readonly config: VerdaccioConfiguration
  readonly logger: VerdaccioLogger
}

interface ExpressApp {
  use(handler: RequestHandler): void
  get?(setting: string): unknown
}

/** One engine per Verdaccio, however often Verdaccio instantiates the plugin (as middleware and as filter). */
interface Shared {
  readonly engine: Promise<Engine>
  /** Packages published here are in a bucket. */
  readonly hasBucket: boolean
  /** Other mirrors know what this one knows; where there is no bucket, they have its folder of packages too. */
  readonly isShared: boolean
  /** Set once the middleware is registered: without it nothing can tell a package published here from a stored foreign one. */
  storage: VerdaccioStorage | undefined
  /** Packages published here, from then on. */
  local: Promise<LocalPackages> | undefined
}

const shared = new WeakMap<object, Shared>()
const registered: Promise<Engine>[] = []
/** Who is reading what is stored: a write, which must see all of it; or the registry of packages published here, which judges it. */
const reading = new AsyncLocalStorage<'write' | 'registry' | 'other'>()
let replacements: Replacements = {}

/** Engines whose routes are in place, oldest first: how `serve` asserts that Verdaccio loaded this plugin, and this copy of it. */
export const registeredEngines = (): readonly Promise<Engine>[] => registered

/** One that is closed: all it held in memory can go. */
export function forgetEngine(engine: Promise<Engine>): void {
  const at = registered.indexOf(engine)
  if (at >= 0) void registered.splice(at, 1)
}

/** For tests: what the engines opened from now on are given instead of the real thing. */
export function replaceForTests(value: Replacements): void {
  replacements = value
}

/**
 * The Verdaccio plugin `provenance`, for `middlewares:` and `filters:`.
 *
 * Verdaccio logs and skips a plugin whose constructor throws, and then serves without it. So a bad configuration is kept
 * here and thrown where Verdaccio does not catch it: in `register_middlewares`, which ends the start.
 */
export class ProvenancePlugin {
  readonly #state: Shared | { readonly failure: unknown }
  readonly #logger: VerdaccioLogger

  /** `_merged` is Verdaccio's whole configuration with this plugin's section spread over it: the section is read from `config`. */
  constructor(_merged: unknown, { config, logger }: PluginOptions) {
    this.#logger = logger
    this.#state = sharedState(config, logger)
  }

  register_middlewares(app: ExpressApp, auth: VerdaccioAuth, storage: VerdaccioStorage): void {
    if ('failure' in this.#state) throw this.#state.failure
    const { engine, hasBucket, isShared } = this.#state
    const packages: unknown = storage.localStorage.storagePlugin
    // Verdaccio keeps packages on this machine's disk where it cannot load what `store` names, and logs one line.
    if (hasBucket !== packages instanceof BucketStorage) throw new Error('Verdaccio did not load the storage that `store` names: look for its message above, and for another copy of this plugin')
    this.#state.storage = storage
    const logger = this.#logger
    // The core applies no filter that nobody configured.
    if (storage.filters?.some((filter) => filter instanceof ProvenancePlugin) !== true) storage.filters = [...(storage.filters ?? []), this]
    const unfiltered = (run: () => void): void => { reading.run('write', run) }
    const unjudged = (run: () => void): void => { reading.run('registry', run) }
    const local = engine.then(({ openLocal }) => openLocal(storage, unjudged))
    this.#state.local = local
    const router = Promise.all([engine, local]).then(([{ routes }, packages]) => createRouter({ ...routes, trusts: trustedBy(app), auth, storage, logger, unfiltered, local: packages }))
    let warm: WarmAnswers | undefined
    let observation: Observation | undefined
    router.then(async () => { ({ observation, routes: { warm } } = await engine) }, () => undefined)
    app.use((request, response, next) => {
      // `hidden` is what Verdaccio says of itself, and it takes as long to write as what clients need.
      response.removeHeader('X-Powered-By')
      const goOn = (): void => {
        const handle = (): void => { whole(request, response, next) }
        const seenBy = (all: Observation): void => {
          all.lines?.begin(request, response)
          observed(request, response, all, handle)
        }
        if (observation !== undefined) seenBy(observation)
        else engine.then((opened) => { seenBy(opened.observation) }, handle)
      }
      if (warm?.answer(request, response, goOn) === undefined) goOn()
    })
    const whole: RequestHandler = (request, response, next) => {
      reading.run(['GET', 'HEAD'].includes(request.method) ? 'other' : 'write', () => {
        router.then((route) => { route(request, response, next) }, (error: unknown) => { notOpened(response, error) })
      })
    }
    const followed = packages instanceof BucketStorage ? packages : isShared && isFolderStorage(packages) ? followFolder(packages) : undefined
    if (followed !== undefined)
      engine.then((opened) => {
        opened.attach(followed)
        // What was published, or removed, elsewhere may be a name of an uplink, whose answers lie ready.
        followed.onChange(() => { opened.routes.warm?.forget() })
      }, () => undefined)
    registered.push(engine)
  }

  /**
   * The second line, behind routes that never let a proxied package reach the core: of what an older Verdaccio stored, the
   * core shows nothing that came from an uplink. Writes see everything, since Verdaccio deletes what a filter hides.
   */
  async filter_metadata(manifest: StoredManifest): Promise<StoredManifest> {
    if (reading.getStore() === 'write') return manifest
    const storage = 'failure' in this.#state ? undefined : this.#state.storage
    // Whatever cannot be told to be local is hidden: Verdaccio would show everything if this threw.
    const local = storage !== undefined && (await isLocal(storage, manifest.name).catch(() => false))
    const published = withoutUpstreamVersions(manifest, local)
    if (!local || reading.getStore() === 'registry' || 'failure' in this.#state) return published
    try {
      const packages = await this.#state.local
      if (packages === undefined) return empty(manifest)
      return withSignatures(await withoutRefused(published, packages), packages.signer)
    } catch (error) {
      this.#logger.warn({ err: error }, 'what is published here cannot be judged, so it is not shown: @{err.message}')
      return empty(manifest)
    }
  }
}

function sharedState(config: VerdaccioConfiguration, logger: VerdaccioLogger): Shared | { readonly failure: unknown } {
  const known = shared.get(config)
  if (known !== undefined) return known
  try {
    const prepared = prepare(config)
    const engine = open(prepared, logger, replacements).then((opened) => {
      opened.trustKeeper.start()
      opened.rollout.start()
      opened.notifier?.start()
      return opened
    })
    engine.catch((error: unknown) => { logger.error({ err: error }, 'the mirror cannot open its stores: @{err.message}') })
    const state: Shared = { engine, hasBucket: prepared.configuration.s3 !== undefined, isShared: prepared.configuration.shared.ledger !== undefined, storage: undefined, local: undefined }
    shared.set(config, state)
    return state
  } catch (failure) {
    return { failure }
  }
}

function notOpened(response: Response, error: unknown): void {
  response.status(503).json({ error: `the mirror cannot open its stores: ${messageOf(error)}` })
}

