import { isObject, own, ownObject, ownString, type JsonObject } from '../domain/json.ts'

/** What a client wants to know of one package. */
export interface AskedPackage {
  readonly versions: ReadonlySet<string>
  /**
   * Nothing in the question says that it came from a registry: a workspace, a directory, a project's own name. Those are no
   * registry's business.
   */
  readonly mayBePrivate: boolean
}

export type AskedPackages = ReadonlyMap<string, AskedPackage>

/** A question that is not answered, whoever asks it. */
export class QuestionRefused extends Error {
  override readonly name = 'QuestionRefused'
  readonly status: 400 | 413
  constructor(status: 400 | 413, message: string) {
    super(message)
    this.status = status
  }
}

const MAX_PACKAGES = 20_000
const MAX_VERSIONS = 1000
const MAX_NODES = 500_000
const MAX_DEPTH = 200
/** semver's MAX_LENGTH */
const MAX_VERSION = 256

/**
 * The body of `/-/npm/v1/security/advisories/bulk`: versions by package name.
 * @throws QuestionRefused
 */
export function bulkQuestion(body: unknown): AskedPackages {
  if (!isObject(body)) throw new QuestionRefused(400, 'the body is not a list of versions by package name')
  const asked = new Collected()
  for (const [name, versions] of Object.entries(body)) {
    if (!Array.isArray(versions)) throw new QuestionRefused(400, 'the versions of a package are not a list')
    for (const version of versions as readonly unknown[]) if (typeof version === 'string') asked.add(name, version, false)
  }
  return asked.packages
}

/** A place in a tree of installed packages. */
export interface TreeNode {
  readonly name: string
  readonly version: string
  readonly dev: boolean
  readonly optional: boolean
  readonly parent: TreeNode | undefined
}

/**
 * The body of `/-/npm/v1/security/audits` and `…/audits/quick`: a tree of `dependencies`, as npm's first lockfiles have it.
 * Its root is the asker's own project.
 * @throws QuestionRefused
 */
export function treeQuestion(body: unknown): { readonly asked: AskedPackages; readonly nodes: readonly TreeNode[] } {
  if (!isObject(body) || ownObject(body, 'dependencies') === undefined) throw new QuestionRefused(400, 'the body is not a tree of dependencies')
  const asked = new Collected()
  const nodes: TreeNode[] = []
  // No recursion: who asks decides how deep it goes.
  const waiting: { readonly of: JsonObject; readonly parent: TreeNode | undefined; readonly depth: number }[] = [{ of: body, parent: undefined, depth: 0 }]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { of, parent, depth } = next
    if (depth > MAX_DEPTH) throw new QuestionRefused(413, `the tree is more than ${String(MAX_DEPTH)} levels deep`)
    for (const [name, entry] of Object.entries(ownObject(of, 'dependencies') ?? {})) {
      if (!isObject(entry)) throw new QuestionRefused(400, 'a dependency in the tree is not an object')
      const version = ownString(entry, 'version') ?? ''
      const node = { name, version, dev: own(entry, 'dev') === true, optional: own(entry, 'optional') === true, parent }
      if (nodes.push(node) > MAX_NODES) throw new QuestionRefused(413, `the tree has more than ${String(MAX_NODES)} packages`)
      asked.add(name, version, ownString(entry, 'integrity') === undefined)
      waiting.push({ of: entry, parent: node, depth: depth + 1 })
    }
  }
  return { asked: asked.packages, nodes }
}

/** Anything else stands for a directory, an address or a Git repository, of which no registry knows. */
export const isVersion = (text: string): boolean => text.length <= MAX_VERSION && /^[\w.+-]+$/.test(text)

class Collected {
  readonly #packages = new Map<string, { readonly versions: Set<string>; mayBePrivate: boolean }>()

  get packages(): AskedPackages {
    return this.#packages
  }

  add(name: string, version: string, mayBePrivate: boolean): void {
    if (!isVersion(version)) return
    const known = this.#packages.get(name) ?? { versions: new Set<string>(), mayBePrivate: true }
    known.mayBePrivate &&= mayBePrivate
    if (known.versions.add(version).size > MAX_VERSIONS) throw new QuestionRefused(413, `more than ${String(MAX_VERSIONS)} versions of one package are asked about`)
    if (this.#packages.set(name, known).size > MAX_PACKAGES) throw new QuestionRefused(413, `more than ${String(MAX_PACKAGES)} packages are asked about`)
  }
}
