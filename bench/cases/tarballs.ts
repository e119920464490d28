/** Tarballs of 100 KB and 5 MB, from memory and disk, and asked for the first time. */
import type { Context } from '../context.ts'
import { take, takeAll } from '../load/fetch.ts'
import { compare, comparisonTable, ratioTarget, type Comparison } from '../load/compare.ts'
import { packumentHeaders, tarballHeaders } from '../load/requests.ts'
import { cpuTime } from '../proc.ts'
import type { Section, Table, Target } from '../report/section.ts'
import { NAMES, withServers, type Server, type ServerId } from '../servers/index.ts'
import { figure } from '../statistics.ts'
import { prepare } from '../upstream/control.ts'
import { TARBALLS, WITH_TARBALL, versionAt } from '../upstream/generated.ts'

const pathsOf = (name: string, count: number, from = 0): readonly string[] =>
  Array.from({ length: count - from }, (_, index) => `/${name}/-/${name}-${versionAt(from + index, count)}.tgz`)

const small = pathsOf('bench-tar-100k', TARBALLS['bench-tar-100k'].versions)
const large = pathsOf('bench-tar-5m', TARBALLS['bench-tar-5m'].versions)

/** What a small one and a large one has to reach: one file that is hot, and as many as are on disk. */
const CASES = [
  { what: '100 KB tarball, one file', paths: small.slice(0, 1), raw: 0.9, verdaccio: 12, pnpr: 1.1 },
  { what: `100 KB tarballs, ${small.length} files in turn`, paths: small, raw: 0.7, verdaccio: 12, pnpr: 1.1 },
  { what: '5 MB tarball, one file', paths: large.slice(0, 1), raw: 0.9, verdaccio: 5, pnpr: 1 },
  { what: `5 MB tarballs, ${large.length} files in turn`, paths: large, raw: 0.6, verdaccio: 5, pnpr: 1 },
] as const

export async function tarballs(context: Context): Promise<Section> {
  const ids: readonly ServerId[] = context.quick ? ['raw', 'serve', 'verdaccio', 'pnpr'] : ['raw', 'serve', 'plugin', 'verdaccio', 'pnpr']
  const tables: Table[] = []
  const targets: Target[] = []
  await withServers(context, ids, async (servers) => {
    for (const one of context.quick ? CASES.filter(({ paths }) => paths.length === 1) : CASES) {
      const { what, paths } = one
      const [path = ''] = paths
      const comparison = await compare(context, servers, { what, path, ...(paths.length === 1 ? {} : { paths }), headers: tarballHeaders })
      tables.push(comparisonTable(what, comparison))
      targets.push(...targetsOf(one, comparison))
    }
  })
  tables.push(await cold(context))
  return {
    tables,
    targets,
    notes: [
      'Raw has every tarball in memory. This mirror read, hashed and compared each with its evidence before it served it the first time.',
      'Cold: 8 at a time, each asked for once, the packument known; the upstream is a process on the core of the load.',
    ],
  }
}

const targetsOf = ({ what, raw, verdaccio, pnpr }: (typeof CASES)[number], comparison: Comparison): readonly Target[] => [
  ...ratioTarget(what, raw, comparison, 'serve', 'raw'),
  ...ratioTarget(what, verdaccio, comparison, 'serve', 'verdaccio'),
  ...ratioTarget(what, pnpr, comparison, 'serve', 'pnpr'),
]

const KINDS = [
  { what: '100 KB', name: 'bench-tar-100k', paths: small.slice(0, WITH_TARBALL) },
  { what: '100 KB of 3,000 versions', name: 'bench-3000', paths: pathsOf('bench-3000', 3000, 3000 - WITH_TARBALL) },
  { what: '5 MB', name: 'bench-tar-5m', paths: large },
] as const

async function cold(context: Context): Promise<Table> {
  await prepare(context.upstream, KINDS.map(({ name }) => `/${name}`))
  const count = context.quick ? 16 : WITH_TARBALL
  const kinds = KINDS.slice(0, context.quick ? 1 : undefined)
  const ids: readonly ServerId[] = context.quick ? ['serve', 'verdaccio', 'pnpr'] : ['serve', 'verdaccio', 'filter', 'pnpr']
  const rows = await withServers(context, ids, async (servers) => {
    const found: (readonly string[])[] = []
    for (const server of servers) {
      context.say(`cold tarballs: ${NAMES[server.id]}`)
      const cells: string[] = []
      for (const { name, paths } of kinds) {
        await take(`${server.url}/${name}`, packumentHeaders)
        cells.push(...(await asked(server, paths.slice(0, count))))
      }
      found.push([NAMES[server.id], ...cells])
    }
    return found
  })
  return { title: 'Cold tarballs', columns: ['', ...kinds.flatMap(({ what }) => [`${what}: per second`, 'CPU ms each'])], rows }
}

async function asked({ url, pid }: Server, paths: readonly string[]): Promise<readonly string[]> {
  const before = cpuTime(pid)
  const milliseconds = await takeAll(paths.map((path) => `${url}${path}`), tarballHeaders, 8)
  return [figure((paths.length * 1000) / milliseconds), figure((cpuTime(pid) - before) / paths.length)]
}
