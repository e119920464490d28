import path from 'node:path'
import type { Engine } from '../compose.ts'
import type { PackageRef } from '../domain/package-ref.ts'
import type { Judgement, Pipeline } from '../pipeline/pipeline.ts'
import { OwnStore } from './own-store.ts'

export interface OwnMirrorOptions {
  /** Of the mirror; default data/config.yaml */
  readonly config?: string
}

/**
 * The insides of a mirror without a server, on the store of a configuration; also while a mirror runs on the same one.
 * @throws ConfigurationError
 */
export async function withOwnMirror<Result>({ config = 'data/config.yaml' }: OwnMirrorOptions, use: (engine: Engine) => Promise<Result>): Promise<Result> {
  const store = await OwnStore.open(path.resolve(config), (message) => { console.error(message) })
  try {
    return await use(store.engine)
  } finally {
    await store.close()
  }
}

/** A verdict, asked for again when trust material had to be renewed first: nobody tries again for a command. */
export async function judged(engine: Engine, pipeline: Pipeline, ref: PackageRef): Promise<Judgement | 'absent'> {
  const first = await pipeline.judge(ref)
  if (first === 'absent' || !first.verdict.reasons.some(({ code }) => code === 'trust-material-stale')) return first
  await engine.trustKeeper.settled()
  return pipeline.judge(ref)
}
