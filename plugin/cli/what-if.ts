/** Which versions a question is about, and what is said of each. */
import pLimit from 'p-limit'
import type { Engine } from '../compose.ts'
import { Unavailable } from '../domain/errors.ts'
import { specOf, type PackageRef } from '../domain/package-ref.ts'
import type { Reason } from '../domain/reason.ts'
import type { Judgement, Pipeline } from '../pipeline/pipeline.ts'
import { readAllDecisions } from './decision-log.ts'
import { judged } from './own-mirror.ts'
import { lockfileSubject } from './subjects.ts'

export interface Subjects {
  /** By name, then version; each once. */
  readonly refs: readonly PackageRef[]
  /** Packages of lockfiles that come from no registry, so that no policy speaks of them: as they are called there. */
  readonly notCovered: readonly string[]
}

export interface SubjectFiles {
  readonly lockfile?: readonly string[]
  readonly log?: string
  /** A configuration, whose decision log is read. */
  readonly decisions?: string | undefined
}

/** @throws ConfigurationError, LockfileError */
export async function subjectsOf({ lockfile = [], log, decisions: config }: SubjectFiles): Promise<Subjects> {
  const entries = lockfile.flatMap((file) => lockfileSubject(file).packages)
  const decisions = (await readAllDecisions({ log, decisions: config })) ?? []
  const registry = entries.filter(({ kind }) => kind === 'registry' || kind === 'alias')
  const others = entries.filter(({ kind }) => kind === 'git' || kind === 'url' || kind === 'file')
  const refs = new Map([...registry, ...decisions].map(({ name, version }) => [specOf({ name, version }), { name, version }]))
  return {
    refs: [...refs.values()].toSorted((a, b) => compare(a.name, b.name) || compare(a.version, b.version)),
    notCovered: [...new Set(others.map(({ name, resolved, version }) => `${name} (${resolved ?? version})`))].toSorted(compare),
  }
}

/** By code points: the same on every machine. */
export const compare = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1)

/** `absent`: the registry has no such version; a reason: it could not be judged now. */
export type Outcome = Judgement | 'absent' | Reason

export const isJudgement = (outcome: Outcome): outcome is Judgement => typeof outcome === 'object' && 'verdict' in outcome

const AT_ONCE = 16

/** Judges versions, those of one package in a row, since they share what is asked of its registry. By spec. */
export async function judgeAll(engine: Engine, pipeline: Pipeline, refs: readonly PackageRef[]): Promise<ReadonlyMap<string, Outcome>> {
  const limit = pLimit(AT_ONCE)
  const packages = Map.groupBy(refs, ({ name }) => name)
  const outcomes = await Promise.all(
    [...packages.values()].map((versions) =>
      limit(async () => {
        const found: (readonly [string, Outcome])[] = []
        for (const ref of versions) found.push([specOf(ref), await outcomeOf(engine, pipeline, ref)])
        return found
      }),
    ),
  )
  return new Map(outcomes.flat())
}

async function outcomeOf(engine: Engine, pipeline: Pipeline, ref: PackageRef): Promise<Outcome> {
  try {
    return await judged(engine, pipeline, ref)
  } catch (error) {
    if (error instanceof Unavailable) return error.reason
    throw error
  }
}
