/** `npm ci` and `npm install` of a real tree, from servers that know it and from servers that do not. */
import { mkdtempSync } from 'node:fs'
import path from 'node:path'
import type { Context } from '../context.ts'
import { times } from '../load/compare.ts'
import { NPM_MISSING, hasNpm, install, installedCount, type Variant } from '../load/npm.ts'
import { cpuTime, forgetPeak, memory } from '../proc.ts'
import { atMost, type Section, type Table, type Target } from '../report/section.ts'
import { NAMES, available, startServer, withServers, type Server, type ServerId } from '../servers/index.ts'
import { figure, median, pairedRatio } from '../statistics.ts'

interface Sample {
  readonly wall: number
  /** Seconds of the server's CPU. */
  readonly cpu: number
  readonly peak: number
}
/** By server and what was run. */
type Samples = Map<string, Sample[]>

const WORDS: Readonly<Record<Variant, string>> = {
  ci: '`npm ci`',
  stripped: '`npm ci`, lockfile without addresses',
  install: '`npm install`, no lockfile',
}
/** Variants of what is beside them: one round says whether they differ. */
const ASKED_ONCE: ReadonlySet<ServerId> = new Set(['plugin', 'filter'])

const seconds = (value: number): string => `${figure(value)} s`

export async function installs(context: Context): Promise<Section> {
  if (!hasNpm()) return { tables: [], targets: [], notes: [NPM_MISSING] }
  const warm = await warmInstalls(context)
  const cold = await coldInstalls(context)
  return {
    tables: [...warm.tables, ...cold.tables],
    targets: [...warm.targets, ...cold.targets],
    notes: [
      `${installedCount(context.quick)} packages of \`bench/tree\`, without install scripts, npm's own cache empty each time; npm and the upstream share one core. Of raw, of Verdaccio: medians of the ratios within rounds.`,
      'The registry signatures of the real packages are made by the benchmark\'s key, so that they are checked wherever the packages come from; their attestations are left out.',
    ],
  }
}

async function once(context: Context, server: Server, variant: Variant): Promise<Sample> {
  const dir = mkdtempSync(path.join(context.dir, 'npm-'))
  forgetPeak(server.pid)
  const before = cpuTime(server.pid)
  const wall = await install({ dir, variant, registry: server.url, small: context.quick })
  return { wall: wall / 1000, cpu: (cpuTime(server.pid) - before) / 1000, peak: memory(server.pid).peak }
}

const add = (samples: Samples, id: ServerId, variant: Variant, sample: Sample): void => {
  const key = `${id} ${variant}`
  samples.set(key, [...(samples.get(key) ?? []), sample])
}
const of = (samples: Samples, id: ServerId, variant: Variant, field: keyof Sample): readonly number[] => (samples.get(`${id} ${variant}`) ?? []).map((sample) => sample[field])
const wallRatio = (samples: Samples, variant: Variant, id: ServerId, base: ServerId): number => pairedRatio(of(samples, id, variant, 'wall'), of(samples, base, variant, 'wall'))

async function warmInstalls(context: Context): Promise<{ readonly tables: readonly Table[]; readonly targets: readonly Target[] }> {
  const ids: readonly ServerId[] = context.quick ? ['raw', 'serve'] : ['raw', 'serve', 'plugin', 'verdaccio', 'filter', 'pnpr']
  const variants: readonly Variant[] = context.quick ? ['ci'] : ['ci', 'stripped', 'install']
  const samples: Samples = new Map()
  await withServers(context, ids, async (servers) => {
    // Raw asks `serve`, which therefore knows everything then.
    for (const server of context.quick ? servers.filter(({ id }) => id === 'raw') : servers) {
      context.say(`first install from ${NAMES[server.id]}`)
      for (const variant of variants) await once(context, server, variant)
    }
    for (let round = 0; round < context.rounds; round++) {
      context.say(`warm installs, round ${round + 1} of ${context.rounds}`)
      const asked = servers.filter(({ id }) => round === 0 || !ASKED_ONCE.has(id))
      for (const variant of variants) for (const server of asked) add(samples, server.id, variant, await once(context, server, variant))
    }
  })
  const targets = variants.flatMap((variant) => [
    ...atMost(`${WORDS[variant]}, warm: this mirror to raw`, 1.1, wallRatio(samples, variant, 'serve', 'raw'), times),
    ...atMost(`${WORDS[variant]}, warm: CPU of this mirror`, 0.3, median(of(samples, 'serve', variant, 'cpu')), seconds),
    ...(variant === 'ci' ? [] : atMost(`${WORDS[variant]}, warm: this mirror to Verdaccio`, variant === 'install' ? 0.65 : 0.85, wallRatio(samples, variant, 'serve', 'verdaccio'), times)),
  ])
  return { tables: variants.map((variant) => table(`${WORDS[variant]}, warm`, samples, variant, ids, context.quick ? ['raw'] : ['raw', 'verdaccio'])), targets }
}

async function coldInstalls(context: Context): Promise<{ readonly tables: readonly Table[]; readonly targets: readonly Target[] }> {
  const ids: readonly ServerId[] = context.quick ? ['serve', 'verdaccio'] : ['serve', 'plugin', 'verdaccio', 'filter', 'pnpr']
  const variants: readonly Variant[] = context.quick ? ['ci'] : ['ci', 'install']
  const samples: Samples = new Map()
  for (let round = 0; round < Math.min(3, context.rounds); round++) {
    context.say(`cold installs, round ${round + 1}`)
    for (const variant of variants) {
      for (const id of ids.filter((one) => available(one) && (round === 0 || !ASKED_ONCE.has(one)))) {
        const server = await startServer(context, id)
        try {
          add(samples, id, variant, await once(context, server, variant))
        } finally {
          await server.stop()
        }
      }
    }
  }
  const targets = variants.flatMap((variant) =>
    atMost(`${WORDS[variant]}, cold: this mirror to Verdaccio`, variant === 'ci' ? 0.9 : 0.7, wallRatio(samples, variant, 'serve', 'verdaccio'), times),
  )
  return { tables: variants.map((variant) => table(`${WORDS[variant]}, cold`, samples, variant, ids, ['verdaccio'])), targets }
}

function table(title: string, samples: Samples, variant: Variant, ids: readonly ServerId[], bases: readonly ServerId[]): Table {
  const middle = (id: ServerId, field: keyof Sample): string => figure(median(of(samples, id, variant, field)))
  const measured = ids.filter((id) => samples.has(`${id} ${variant}`))
  return {
    title,
    columns: ['', 'seconds', ...bases.map((base) => `of ${NAMES[base]}`), 'server CPU s', 'server peak MB'],
    rows: measured.map((id) => [NAMES[id], middle(id, 'wall'), ...bases.map((base) => figure(wallRatio(samples, variant, id, base))), middle(id, 'cpu'), middle(id, 'peak')]),
  }
}
