/** Rules that what was verified suggests: few, and each by what cannot be had by taking a name. Pure. */
import semver from 'semver'
import type { SignerIdentity } from '../domain/signer-identity.ts'
import { workflowPath } from '../domain/workflow-path.ts'
import type { IdentityDocument } from './schema.ts'

/** A version somebody uses, and who built it where that was verified. */
export interface UsedVersion {
  readonly name: string
  readonly version: string
  readonly identity: SignerIdentity | undefined
}

export interface ProposedRule {
  /** Where its packages are built: one repository, or an owner. */
  readonly source: string
  readonly packages: readonly string[]
  readonly provenance: IdentityDocument
  /** How much of what is used it covers. */
  readonly covers: { readonly packages: number; readonly versions: number }
}

/** What a pattern or an identity can say without meaning more than it reads. */
const NAME = /^(?:@[\w.~-]+\/)?[\w.~-]+$/
const ADDRESS = /^https:\/\/[\w.:-]+(?:\/[\w.~-]+)+$/
const PATH = /^[\w./-]+$/

interface Pinned {
  readonly name: string
  readonly pattern: string
  readonly owner: Owner
  readonly identities: readonly SignerIdentity[]
}

interface Owner {
  readonly key: string
  /** Without the repository. */
  readonly address: string
}

/**
 * One rule for each owner whose builds were verified. A package is in it when its newest version in use was; from the lowest
 * version on, from which on all were. A scope stands for its packages where all of them that are in use are the same owner's.
 */
export function proposeRules(used: readonly UsedVersion[]): readonly ProposedRule[] {
  const packages = [...Map.groupBy(used, ({ name }) => name)].flatMap(([name, versions]) => pinned(name, versions) ?? [])
  const groups = [...Map.groupBy(packages, ({ owner }) => owner.key).values()]
  return groups.map((group) => ruleFor(group, used)).toSorted((a, b) => compare(a.source, b.source) || compare(a.packages.join(), b.packages.join()))
}

const compare = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1)

function pinned(name: string, versions: readonly UsedVersion[]): Pinned | undefined {
  // A version that cannot be ordered is in no range, and must not be taken for an old one either.
  if (!NAME.test(name) || versions.some(({ version }) => semver.valid(version) === null)) return undefined
  const sorted = versions.toSorted((a, b) => semver.compareBuild(b.version, a.version))
  const owner = ownerOf(sorted[0]?.identity)
  if (owner === undefined) return undefined
  const other = sorted.findIndex(({ identity }) => ownerOf(identity)?.key !== owner.key)
  const same = other === -1 ? sorted : sorted.slice(0, other)
  const identities = same.flatMap(({ identity }) => identity ?? [])
  const from = same.at(-1)?.version
  return { name, owner, identities, pattern: other === -1 || from === undefined ? name : `${name}@>=${from}` }
}

/** By the certified id, since an address may be given up and taken by others; certificates of early 2023 have the address only. */
function ownerOf(identity: SignerIdentity | undefined): Owner | undefined {
  const { issuer = '', sourceRepository = '', sourceOwnerId } = identity ?? {}
  if (issuer === '' || !ADDRESS.test(sourceRepository)) return undefined
  const address = sourceRepository.slice(0, sourceRepository.lastIndexOf('/'))
  // A repository right under the host has no owner: it stands for itself.
  const own = ADDRESS.test(address) ? address : sourceRepository
  return { key: JSON.stringify([issuer, sourceOwnerId ?? null, sourceOwnerId === undefined ? own : null]), address: own }
}

function ruleFor(group: readonly Pinned[], used: readonly UsedVersion[]): ProposedRule {
  const identities = group.flatMap((one) => one.identities)
  const [repository, ...moreRepositories] = distinct(identities.map(({ sourceRepository }) => sourceRepository))
  const [id, ...moreIds] = distinct(identities.map(({ sourceRepositoryId }) => sourceRepositoryId))
  const [address, ...moreAddresses] = distinct(group.map(({ owner }) => owner.address))
  const [workflow, ...moreWorkflows] = distinct(identities.map(workflowPath))
  const { issuer = '', sourceOwnerId } = identities[0] ?? {}
  const ofOne = id !== undefined && moreIds.length === 0
  const where = ofOne ? { sourceRepositoryId: id } : moreAddresses.length > 0 || address === undefined ? {} : { sourceRepository: moreRepositories.length === 0 && repository !== undefined ? repository : `${address}/*` }
  return {
    source: (moreRepositories.length === 0 ? repository : address) ?? '',
    packages: patternsOf(group, used),
    provenance: {
      issuer,
      ...where,
      ...(sourceOwnerId === undefined ? {} : { sourceOwnerId }),
      ...(workflow === undefined || moreWorkflows.length > 0 || !PATH.test(workflow) ? {} : { workflow }),
    },
    covers: { packages: group.length, versions: identities.length },
  }
}

/** In the order they come; `undefined` is one of them. */
const distinct = <Value>(values: readonly Value[]): readonly Value[] => [...new Set(values)]

function patternsOf(group: readonly Pinned[], used: readonly UsedVersion[]): readonly string[] {
  const scopes = Map.groupBy(group, ({ name }) => scopeOf(name))
  const patterns = [...scopes].flatMap(([scope, packages]) => {
    if (scope === undefined || packages.length < 2) return packages.map(({ pattern }) => pattern)
    const inUse = new Set(used.filter(({ name }) => scopeOf(name) === scope).map(({ name }) => name))
    const isWhole = packages.length === inUse.size && packages.every(({ name, pattern }) => name === pattern)
    return isWhole ? [`${scope}/*`] : packages.map(({ pattern }) => pattern)
  })
  return patterns.toSorted(compare)
}

const scopeOf = (name: string): string | undefined => (name.startsWith('@') ? name.slice(0, name.indexOf('/')) : undefined)
