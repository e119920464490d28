import { bulkAdvisory, patchedVersions, vulnerableOf, type Advisory } from './advisory.ts'
import type { JsonObject } from '../domain/json.ts'
import { isVersion, type TreeNode } from './question.ts'

export type Advisories = ReadonlyMap<string, readonly Advisory[]>

/** As `/-/npm/v1/security/advisories/bulk` answers. */
export const bulkAnswer = (advisories: Advisories): JsonObject =>
  // Not by assignment: a package may be called `__proto__`.
  Object.fromEntries([...advisories].filter(([, of]) => of.length > 0).map(([name, of]) => [name, of.map(bulkAdvisory)]))

const MAX_PATHS = 100

/**
 * As `/-/npm/v1/security/audits` and `…/audits/quick` answered. npm retires both, while npm 6 to 10, pnpm up to 10 and yarn 1 go on
 * asking; so the answer is put together here, out of advisories and the tree that was asked about.
 */
export function treeAnswer(advisories: Advisories, nodes: readonly TreeNode[]): JsonObject {
  const byName = Map.groupBy(nodes, ({ name }) => name)
  const found = [...advisories].flatMap(([name, of]) => {
    const all = byName.get(name) ?? []
    // Of which `treeQuestion` lets in so many, whatever else is written in the place of one.
    const versions = [...new Set(all.map(({ version }) => version))].filter(isVersion)
    return of.map((advisory) => ({ name, advisory, places: placesOf(all, vulnerableOf(versions, advisory)) }))
  })
  const affected = found.filter(({ places }) => places.length > 0)
  const vulnerabilities = { info: 0, low: 0, moderate: 0, high: 0, critical: 0 }
  for (const { advisory, places } of affected) vulnerabilities[advisory.severity as keyof typeof vulnerabilities] += places.length
  const dev = nodes.filter((node) => node.dev).length
  const optional = nodes.filter((node) => node.optional && !node.dev).length
  return {
    // What to do about it takes the lockfile, which only the client has: `review` is the action that says so.
    actions: affected.map(({ name, advisory, places }) => ({
      action: 'review',
      module: name,
      resolves: places.map((node) => ({ id: advisory.id, path: pathOf(node), dev: node.dev, optional: node.optional, bundled: false })),
    })),
    advisories: Object.fromEntries(affected.map(({ name, advisory, places }) => [String(advisory.id), treeAdvisory(name, advisory, places)])),
    muted: [],
    metadata: {
      vulnerabilities,
      dependencies: nodes.length - dev - optional,
      devDependencies: dev,
      optionalDependencies: optional,
      totalDependencies: nodes.length,
    },
  }
}

function treeAdvisory(name: string, advisory: Advisory, places: readonly TreeNode[]): JsonObject {
  const versions = [...new Set(places.map(({ version }) => version))]
  return {
    ...bulkAdvisory(advisory),
    module_name: name,
    patched_versions: patchedVersions(advisory),
    findings: versions.map((version) => ({ version, paths: places.filter((node) => node.version === version).map(pathOf) })),
    overview: advisory.title,
    recommendation: `Versions that are not vulnerable: ${patchedVersions(advisory)}`,
    references: advisory.url,
    access: 'public',
    cves: [],
  }
}

/** The first of them: a tree may have one version in half a million places, and a registry a thousand advisories of it. */
function placesOf(nodes: readonly TreeNode[], vulnerable: ReadonlySet<string>): readonly TreeNode[] {
  const places: TreeNode[] = []
  if (vulnerable.size === 0) return places
  for (const node of nodes) if (vulnerable.has(node.version) && places.push(node) === MAX_PATHS) break
  return places
}

function pathOf(node: TreeNode): string {
  const names: string[] = []
  for (let at: TreeNode | undefined = node; at !== undefined; at = at.parent) names.push(at.name)
  return names.reverse().join('>')
}
