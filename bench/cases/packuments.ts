/** Warm packuments of 50 to 20,000 versions, and one version document of a large one. */
import type { Context } from '../context.ts'
import { compare, comparisonTable, perSecond, ratioTarget, type Comparison, type Request } from '../load/compare.ts'
import { fullHeaders, packumentHeaders } from '../load/requests.ts'
import type { Growth, Section, Target } from '../report/section.ts'
import { NAMES, withServers, type ServerId } from '../servers/index.ts'
import { versionAt } from '../upstream/generated.ts'

export const SIZES = [50, 600, 3000, 20_000] as const
const LARGEST_IN_FULL = 3000
/** Asked for abbreviated packuments only, which tell them apart from the others. */
const LESS_ASKED: ReadonlySet<ServerId> = new Set(['plugin', 'filter'])

interface Asked extends Request {
  readonly versions: number
  readonly kind: 'abbreviated' | '304' | 'full' | 'version'
}

/** Ratios from performance.md, by number of versions. */
const TARGETS: ReadonlyMap<number, { readonly verdaccio: number; readonly pnpr: number }> = new Map([
  [50, { verdaccio: 100, pnpr: 40 }],
  [600, { verdaccio: 600, pnpr: 250 }],
  [3000, { verdaccio: 2000, pnpr: 900 }],
])

function requests(quick: boolean): readonly Asked[] {
  const sizes = quick ? [50, 3000] : SIZES
  return sizes.flatMap((versions): readonly Asked[] => {
    const path = `/bench-${versions}`
    const what = `packument of ${versions.toLocaleString('en-US')} versions`
    const abbreviated: Asked = { versions, kind: 'abbreviated', what: `${what}, abbreviated, gzip`, path, headers: packumentHeaders }
    if (versions > LARGEST_IN_FULL || (quick && versions === LARGEST_IN_FULL)) return [abbreviated]
    const others: readonly Asked[] = [
      { versions, kind: '304', what: `${what}, 304`, path, headers: packumentHeaders, revalidate: true },
      ...(quick ? [] : [{ versions, kind: 'full', what: `${what}, full, gzip`, path, headers: fullHeaders } as const]),
    ]
    const version = versionAt(versions - 1, versions)
    const one: Asked = { versions, kind: 'version', what: `one version document of ${versions.toLocaleString('en-US')}`, path: `${path}/${version}`, headers: fullHeaders }
    return [abbreviated, ...others, ...(versions === LARGEST_IN_FULL ? [one] : [])]
  })
}

export async function packuments(context: Context): Promise<Section> {
  const ids: readonly ServerId[] = context.quick ? ['raw', 'serve', 'verdaccio', 'pnpr'] : ['raw', 'serve', 'plugin', 'verdaccio', 'filter', 'pnpr']
  return withServers(context, ids, async (servers) => {
    const done: { readonly asked: Asked; readonly comparison: Comparison }[] = []
    for (const asked of requests(context.quick)) done.push({ asked, comparison: await compare(context, servers.filter(({ id }) => asked.kind === 'abbreviated' || !LESS_ASKED.has(id)), asked) })
    const small = done.find(({ asked }) => asked.versions === 50 && asked.kind === 'abbreviated')
    return {
      tables: done.map(({ asked, comparison }) => comparisonTable(asked.what, comparison)),
      targets: done.flatMap(({ asked, comparison }) => targetsOf(asked, comparison, small?.comparison)),
      growth: growthOf(done),
      notes: ['16 connections; a server that takes longer than 50 ms for one answer gets 2.'],
    }
  })
}

function targetsOf({ what, kind, versions }: Asked, comparison: Comparison, small: Comparison | undefined): readonly Target[] {
  if (kind === '304') return ratioTarget(what, 0.9, comparison, 'serve', 'raw')
  // The same bytes of memory, whatever the packument they are from.
  if (kind === 'version') return small === undefined ? [] : ratioTarget(what, 0.9, comparison, 'serve', 'raw')
  if (kind === 'full') return []
  const asked = TARGETS.get(versions)
  return [
    ...ratioTarget(what, 0.9, comparison, 'serve', 'raw'),
    ...ratioTarget(what, 0.4, comparison, 'plugin', 'raw'),
    ...(asked === undefined ? [] : [...ratioTarget(what, asked.verdaccio, comparison, 'serve', 'verdaccio'), ...ratioTarget(what, asked.pnpr, comparison, 'serve', 'pnpr')]),
  ]
}

/** Requests a second of abbreviated packuments by number of versions. */
function growthOf(done: readonly { readonly asked: Asked; readonly comparison: Comparison }[]): readonly Growth[] {
  const abbreviated = done.filter(({ asked }) => asked.kind === 'abbreviated')
  const ids = [...(abbreviated[0]?.comparison.keys() ?? [])]
  return ids.map((id) => ({ name: NAMES[id].replaceAll('`', ''), points: abbreviated.map(({ asked, comparison }) => [asked.versions, perSecond(comparison, id)] as const) }))
}
