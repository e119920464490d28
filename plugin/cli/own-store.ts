/** Judges in this process, with the store and the policy of a mirror's configuration; nothing listens, Verdaccio is not started. */
import { undecided, type Answer, type KnownVersions, type VerdictSource } from '../check/index.ts'
import { open, prepare, type Engine } from '../compose.ts'
import { takeOver } from '../config/take-over.ts'
import { readYaml } from '../config/yaml.ts'
import { Unavailable } from '../domain/errors.ts'
import { tarballFileName } from '../domain/package-ref.ts'
import { nearestAllowed } from '../enforce/nearest.ts'
import { withdrawnReason } from '../domain/withdrawn.ts'
import type { Judgement } from '../pipeline/pipeline.ts'
import { printable } from './terminal.ts'

export class OwnStore implements VerdictSource {
  readonly title: string
  readonly engine: Engine

  readonly #quiet: () => void

  private constructor(engine: Engine, file: string, quiet: () => void) {
    this.#quiet = quiet
    this.engine = engine
    this.title = `policy ${engine.policy.revision.slice(0, 12)} of ${file}`
  }

  /**
   * @param warn - told what an operator would find in the mirror's log
   * @throws ConfigurationError
   */
  static async open(file: string, warn: (message: string) => void): Promise<OwnStore> {
    const prepared = prepare(takeOver(readYaml(file)).config)
    let closing = false
    // What is still under way behind answers when the command ends is broken off: no news to anybody.
    const logger = { warn: (fields: object, text: string) => { if (!closing) warn(filled(text, fields)) }, info: () => undefined, debug: () => undefined }
    // Nobody was served or refused anything: what is asked here is no decision of the mirror.
    const engine = await open(prepared, logger, { decisions: { record: () => undefined }, asksOnly: true })
    // Trust material that is older than the mirror's would be is refreshed meanwhile.
    engine.trustKeeper.start()
    return new OwnStore(engine, file, () => { closing = true })
  }

  async judge(name: string, versions: readonly string[]): Promise<ReadonlyMap<string, Answer>> {
    const answers = new Map<string, Answer>()
    for (const version of versions) answers.set(version, await this.#once(name, () => this.#judgeOne(name, version)))
    return answers
  }

  async known(name: string): Promise<KnownVersions | 'absent'> {
    const listing = await this.engine.pipeline.listing(name)
    if (listing === 'absent') return 'absent'
    return { versions: [...listing.packument.versions.keys()], tags: listing.packument.distTags }
  }

  warm(name: string, version: string): Promise<Answer> {
    return this.#once(name, async () => {
      const file = tarballFileName({ name, version })
      const answer = await this.engine.pipeline.tarball(name, file)
      switch (answer.kind) {
        case 'served':
        case 'refused':
          return this.#answer(answer.judgement)
        case 'withdrawn':
          return withdrawn(name, version)
        case 'absent':
          return { state: 'absent' }
      }
    })
  }

  isWarm(name: string, version: string, integrity: string | undefined): Promise<boolean> {
    return this.engine.isKept({ name, version }, integrity)
  }

  close(): Promise<void> {
    this.#quiet()
    return this.engine.close()
  }

  async #once(name: string, ask: () => Promise<Answer>): Promise<Answer> {
    if (this.engine.routes.publishedHere.has(name)) return { state: 'published-here' }
    const answer = await decided(ask)
    if (answer.state !== 'judged' || answer.reasons.every(({ code }) => code !== 'trust-material-stale')) return answer
    // A refresh is under way: a client would be told 503 and come again.
    await this.engine.trustKeeper.settled()
    return decided(ask)
  }

  async #judgeOne(name: string, version: string): Promise<Answer> {
    const judgement = await this.engine.pipeline.judge({ name, version })
    if (judgement !== 'absent') return this.#answer(judgement)
    return this.engine.pipeline.knew({ name, version }) ? withdrawn(name, version) : { state: 'absent' }
  }

  async #answer({ ref, verdict, candidate }: Judgement): Promise<Answer> {
    return {
      state: 'judged',
      outcome: verdict.outcome,
      rule: verdict.rule,
      reasons: verdict.reasons.map(({ code, message }) => ({ code, message })),
      monitored: verdict.monitored === true,
      waiver: verdict.waiver?.reason,
      integrity: candidate.integrity.state === 'ok' ? candidate.integrity.sri : undefined,
      nearest: verdict.outcome === 'deny' ? await this.#nearest(ref.name, ref.version) : undefined,
      explain: undefined,
    }
  }

  async #nearest(name: string, version: string): Promise<string | undefined> {
    const listing = await this.engine.pipeline.listing(name)
    return listing === 'absent' ? undefined : nearestAllowed(version, listing.verdicts)
  }
}

const withdrawn = (name: string, version: string): Answer => {
  const { code, message } = withdrawnReason({ name, version })
  return { ...undecided(code, message), outcome: 'deny' } as Answer
}

async function decided(ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask()
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    return undecided(error.reason.code, error.reason.message)
  }
}

/** A line of the log: `@{name}` stands for a field of that name, `@{err.message}` for one within. */
export const filled = (text: string, fields: object): string =>
  text.replace(/@\{([\w.]+)\}/g, (_all, place: string) => {
    const value = place.split('.').reduce<unknown>((at, key) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[key] : undefined), fields)
    return typeof value === 'string' ? printable(value) : ''
  })
