import { nearestWord } from './nearest.ts'
import { KEYS, type Place } from './schema.ts'

/** The first that has a key is where it belongs. */
const STANDS: ReadonlyMap<Place, string> = new Map([
  ['policy', 'at the top of the policy'],
  ['rule', 'in a rule'],
  ['require', 'in `defaults` or in the `require` of a rule'],
  ['branch', 'in a branch of `anyOf`'],
  ['identity', 'in the identity under `provenance`'],
  ['downgrade', 'under `trustDowngrade`'],
  ['graded', 'under `identityPin`, `manifestRepository` or `dependencySources`'],
  ['waiver', 'in a waiver'],
  ['include', 'in an entry of `include`'],
  ['example', 'in an example'],
  ['after', 'in an entry of the `after` of an example'],
  ['evidence', 'in the `evidence` of an example'],
  ['claims', 'in the `provenance` or `pinned` of an example'],
  ['hints', 'in the `hints` of an example'],
])

/** What to write for each key, for remedies. */
const WRITE: ReadonlyMap<string, string> = new Map([
  ['version', 'Write `version: 1`'],
  ['extends', 'Write one of observe, recommended, strict, lockdown'],
  ['mode', 'Write enforce or monitor'],
  ['listing', 'Write claimed or verified'],
  ['withheld', 'Write hidden or marked'],
  ['onUnavailable', 'Write deny or allow'],
  ['defaults', 'Write a mapping of requirements, such as { provenance: ifPresent }'],
  ['rules', 'Write a list of rules, each with `packages`'],
  ['name', 'Write a sentence that says what the rule is for'],
  ['packages', 'Write a list of patterns, such as ["@acme/*", "left-pad@1.3.0"]; "**" is every package'],
  ['origin', 'Write upstream, local or any'],
  ['require', 'Write a mapping of requirements, such as { provenance: required }'],
  ['verdict', 'Write deny or allow, with a `reason`'],
  ['reason', 'Write a sentence that says why'],
  ['registrySignature', 'Write required, whereSigned, ifPresent or ignore'],
  ['publishAttestation', 'Write required, ifPresent or ignore'],
  ['provenance', 'Write required, ifPresent, ignore or an identity, such as { issuer: github-actions, sourceRepository: ... }'],
  ['minimumReleaseAge', 'Write a duration such as 3d, or 0'],
  ['anyOf', 'Write a list of alternatives, each a mapping of requirements'],
  ['issuer', 'Write the address of the OIDC issuer, github-actions or gitlab-ci, or a list of them'],
  ['sourceRepository', 'Write a pattern such as https://github.com/acme/*'],
  ['sourceRepositoryId', 'Write the id in quotes, such as "1001"'],
  ['sourceOwnerId', 'Write the id in quotes, such as "2002"'],
  ['sourceRef', 'Write a pattern such as refs/tags/v{version}'],
  ['workflow', 'Write a path such as .github/workflows/release.yml'],
  ['signerWorkflow', 'Write a pattern such as https://github.com/acme/ci/.github/workflows/publish.yml@refs/tags/*'],
  ['trigger', 'Write an event such as push, or a list of them'],
  ['runner', 'Write github-hosted, self-hosted or what your provider certifies'],
  ['environment', 'Write the name of the environment'],
  ['where', 'Write a condition in quotes, such as: \'package.name.startsWith("@acme/")\''],
  ['onFailure', 'Write deny or warn'],
  ['dangerousTriggers', 'Write deny, warn or ignore'],
  ['trustDowngrade', 'Write { inLine: 30d, offLine: 3d }, forever or allow'],
  ['inLine', 'Write a duration such as 30d, forever or allow'],
  ['offLine', 'Write a duration such as 3d, forever or allow'],
  ['identityPin', 'Write repository, workflow or off; or { level: repository, onFailure: warn }'],
  ['manifestRepository', 'Write match or ignore; or { level: match, onFailure: warn }'],
  ['dependencySources', 'Write registry or any; or { level: registry, onFailure: warn }'],
  ['level', 'Write the word that would stand without onFailure'],
  ['stagedPublish', 'Write required or ignore'],
  ['trustedPublisher', 'Write required or ignore'],
  ['waivers', 'Write a list of waivers, each with package, waives, reason, approvedBy and expires'],
  ['package', 'Write a package and its version, such as "@acme/ui@1.0.0"'],
  ['integrity', 'Write the sha512-... of the version'],
  ['waives', 'Write a list of reason codes, such as [provenance-absent]'],
  ['approvedBy', 'Write who answers for it'],
  ['expires', 'Write a day, such as 2027-03-01'],
  ['include', 'Write a list of files, or of { file: teams/ui.yaml, packages: ["@acme/ui-*"] }'],
  ['file', 'Write the path of a YAML file, relative to the one it is named in'],
  ['examples', 'Write a list of examples, such as { package: "@acme/ui@1.0.0", expect: deny }'],
  ['evidence', 'Write the state of each kind, such as { signature: verified, provenance: absent }'],
  ['after', 'Write a list of versions, such as { version: 1.4.0, evidence: { provenance: verified } }'],
  ['expect', 'Write allow, warn, deny or unavailable'],
  ['reasons', 'Write a list of reason codes'],
  ['age', 'Write a duration, such as 3d'],
  ['published', 'Write a day, such as 2027-03-01'],
  ['pinned', 'Write who built the package so far, such as { issuer: github-actions, sourceRepositoryId: "1001", sourceOwnerId: "2002" }'],
  ['hints', 'Write { trustedPublisher: true } or { stagedPublish: true }'],
  ['repository', 'Write an address such as https://github.com/acme/ui, or none'],
  ['dependencies', 'Write where each comes from, such as { left: registry, fork: git }'],
  ['signs', 'Write true or false'],
])

export const remedyFor = (key: string, inExample = false): string =>
  inExample && key === 'version' ? 'Write the version as it was published, such as "1.4.0"' : (WRITE.get(key) ?? 'Write it as in config/policy.yaml')

/** What to say about a key that does not belong where it stands. */
export function strayKey(key: string, place: Place): { readonly message: string; readonly remedy: string } {
  const has = (other: Place): boolean => KEYS.get(other)?.includes(key) === true
  const known = KEYS.get(place) ?? []
  if (place === 'fragment' && has('policy'))
    return { message: 'does not belong here', remedy: `It stands ${STANDS.get('policy') ?? ''} that includes this file` }
  const slip = nearestWord(key, known, 1)
  const home = slip === undefined ? [...STANDS].find(([other]) => has(other)) : undefined
  if (home !== undefined) return { message: 'does not belong here', remedy: `It stands ${home[1]}` }
  const near = slip ?? nearestWord(key, known)
  const remedy = near === undefined ? `Remove it; known here: ${known.join(', ')}` : `Did you mean "${near}"?`
  return { message: 'is not a key of the policy language', remedy }
}
