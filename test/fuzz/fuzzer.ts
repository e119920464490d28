import { messageOf } from '../../plugin/domain/errors.ts'
import { stored } from './corpus.ts'
import type { Coverage } from './coverage.ts'
import { mutateBytes } from './mutate-bytes.ts'
import { mutateJson } from './mutate-json.ts'
import type { Random } from './random.ts'
import type { Target } from './target.ts'

/** An input that broke a promise, or took too long. */
export interface Finding {
  readonly input: Buffer
  readonly what: string
  /** Where it was thrown: one mistake is one finding however many inputs reach it. */
  readonly where: string
}

/** Hundreds of times what the slowest input takes on a busy machine: a bound for what hangs, not a measurement. */
const TOO_LONG_MS = 10_000
const MAX_INPUT = 4096
const BATCH = 25

/** Runs a target on one input. */
export async function attempt(target: Target, input: Buffer): Promise<Finding | undefined> {
  const started = performance.now()
  try {
    await target.run(input)
  } catch (error) {
    const name = error instanceof Error ? error.name : 'thrown'
    const frames = error instanceof Error ? (error.stack ?? '').split('\n    at ').slice(1, 3) : []
    return { input, what: `${name}: ${messageOf(error)}`, where: [name, ...frames].join(' ') }
  }
  const took = performance.now() - started
  return took > TOO_LONG_MS ? { input, what: `took ${Math.round(took)} ms`, where: 'time' } : undefined
}

/** The inputs a run begins with. */
export const beginnings = (target: Target): readonly Buffer[] => [...target.seeds().map((seed) => Buffer.from(seed)), ...stored('corpus', target.name)]

/** An input made of known ones. */
export function mutated(target: Target, pool: readonly Buffer[], random: Random): Buffer {
  let input = random.pick(pool)
  if (target.kind === 'bytes' && random.chance(0.05)) {
    const other = random.pick(pool)
    input = Buffer.concat([input.subarray(0, random.below(input.length + 1)), other.subarray(random.below(other.length + 1))])
  }
  const change = target.kind === 'json' ? mutateJson : mutateBytes
  for (let left = 1 + random.below(4); left > 0; left--) input = change(input, random, target.words)
  const longest = target.longest ?? MAX_INPUT
  if (input.length > longest) input = input.subarray(0, longest)
  return target.mend?.(input) ?? input
}

export interface Run {
  readonly iterations: number
  readonly findings: readonly Finding[]
  /** Inputs that ran source text nothing before them had run. */
  readonly discoveries: readonly Buffer[]
}

/**
 * Changes inputs at random until `isOver`. With `coverage`, one that reaches something new is kept and changed in its turn: V8
 * is asked after a batch, and the batch is run again one by one where it brought something.
 */
export async function fuzz(target: Target, random: Random, isOver: (iterations: number) => boolean, coverage?: Coverage): Promise<Run> {
  const pool = [...beginnings(target)]
  const findings = new Map<string, Finding>()
  const discoveries: Buffer[] = []
  const run = async (input: Buffer): Promise<void> => {
    const finding = await attempt(target, input)
    if (finding !== undefined && !findings.has(finding.where)) findings.set(finding.where, finding)
  }
  for (const input of pool) await run(input)
  coverage?.take()
  let iterations = 0
  while (!isOver(iterations)) {
    const batch = Array.from({ length: BATCH }, () => mutated(target, pool, random))
    for (const input of batch) await run(input)
    iterations += batch.length
    if (coverage === undefined || coverage.take(true) === 0) continue
    for (const input of batch) {
      await run(input)
      if (coverage.take() > 0) {
        pool.push(input)
        discoveries.push(input)
      }
    }
  }
  return { iterations, findings: [...findings.values()], discoveries }
}
