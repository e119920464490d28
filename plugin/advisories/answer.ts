import { bulkAdvisory, isVulnerable, patchedVersions, type Advisory } from './advisory.ts'
import type { JsonObject } from '../domain/json.ts'
import type { TreeNode } from './question.ts'

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
  const found = [...advisories].flatMap(([name, of]) => of.map((advisory) => ({ name, advisory, places: placesOf(name, advisory, nodes) })))
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

const placesOf = (name: string, advisory: Advisory, nodes: readonly TreeNode[]): readonly TreeNode[] =>
  nodes.filter((node) => node.name === name && isVulnerable(node.version, advisory)).slice(0, MAX_PATHS)

function pathOf(node: TreeNode): string {
  const names: string[] = []
  for (let at: TreeNode | undefined = node; at !== undefined; at = at.parent) names.push(at.name)
  return names.reverse().join('>')
}
