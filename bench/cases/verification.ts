/** How much evidence is verified in a second, by worker threads. */
import path from 'node:path'
import { run } from '../children.ts'
import type { Context } from '../context.ts'
import type { Measured } from '../processes/verification.ts'
import { ROOT } from '../programs.ts'
import { atLeast, atMost, type Section } from '../report/section.ts'
import { figure } from '../statistics.ts'

const SIGNATURES = 3000

export async function verification(context: Context): Promise<Section> {
  const cores = context.cores
  const workers = [...new Set([1, 2, cores].filter((count) => count <= cores))]
  context.say(`with ${workers.join(', ')} workers`)
  const { code, output } = await run({
    command: process.execPath,
    args: ['--no-warnings', path.join(ROOT, 'bench/processes/verification.ts'), ...[context.quick ? 200 : 600, SIGNATURES, context.quick ? 1 : 3, ...workers].map(String)],
    cores: `0-${cores - 1}`,
  })
  if (code !== 0) throw new Error(output)
  const found = JSON.parse(output) as readonly Measured[]
  const one = found.find((measured) => measured.workers === 1)
  const all = found.at(-1)
  const rate = one?.documentsPerSecond ?? NaN
  return {
    tables: [
      {
        title: 'Verification, facts unknown',
        columns: ['worker threads', 'attestation documents/s', 'of one worker', `ms for ${SIGNATURES.toLocaleString('en-US')} registry signatures`, 'main thread held ms'],
        rows: found.map(({ workers: count, documentsPerSecond, signatures, held }) => [String(count), ...[documentsPerSecond, documentsPerSecond / rate, signatures, held].map(figure)]),
      },
    ],
    targets: [
      ...atLeast('attestation documents a second, one worker', 200, rate, figure),
      ...(cores < 2 ? [] : atLeast(`attestation documents a second, ${cores} workers, of ${cores} times one`, 0.75, (all?.documentsPerSecond ?? NaN) / (rate * cores), figure)),
      ...atMost(`${SIGNATURES.toLocaleString('en-US')} registry signatures`, 150, all?.signatures ?? NaN, (value) => `${figure(value)} ms`),
      ...atMost('main thread held by them', 5, all?.held ?? NaN, (value) => `${figure(value)} ms`),
    ],
    notes: ['A document is what npm gives for a version: a publish attestation and a keyless provenance, of a private Sigstore. Signatures of certificates, log, checkpoint and statement are all verified.'],
  }
}
