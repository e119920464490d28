import leven from 'leven'
import { KEYS, type Place } from './schema.ts'

/** Keys of the policy language that this version does not enforce. They are refused: one that is ignored protects nobody. */
const PLANNED: Readonly<Record<Place, readonly string[]>> = {
  policy: ['waivers', 'examples', 'include'],
  rule: ['where', 'onFailure'],
  require: ['trustDowngrade', 'identityPin', 'manifestRepository', 'dependencySources', 'stagedPublish', 'trustedPublisher'],
  branch: ['trustDowngrade', 'identityPin', 'manifestRepository', 'dependencySources', 'stagedPublish', 'trustedPublisher'],
  identity: [],
}

const STANDS: Readonly<Record<Place, string>> = {
  policy: 'at the top of the policy',
  rule: 'in a rule',
  require: 'in `defaults` or in the `require` of a rule',
  branch: 'in a branch of `anyOf`',
  identity: 'in the identity under `provenance`',
}
const PLACES = Object.keys(STANDS) as readonly Place[]

/** What to write for each key, for remedies. */
const WRITE: ReadonlyMap<string, string> = new Map([
  ['version', 'Write `version: 1`'],
  ['extends', 'Write one of observe, recommended, strict, lockdown'],
  ['mode', 'Write enforce or monitor'],
  ['listing', 'Write claimed or verified'],
  ['withheld', 'Write hidden'],
  ['onUnavailable', 'Write deny or allow'],
  ['defaults', 'Write a mapping of requirements, such as { provenance: ifPresent }'],
  ['rules', 'Write a list of rules, each with `packages`'],
  ['name', 'Write a sentence that says what the rule is for'],
  ['packages', 'Write a list of patterns, such as ["@acme/*", "left-pad@1.3.0"]; "**" is every package'],
  ['origin', 'Write upstream or any'],
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
])

export const remedyFor = (key: string): string => WRITE.get(key) ?? 'Write it as in config/policy.yaml'

/** What to say about a key that does not belong where it stands. */
export function strayKey(key: string, place: Place): { readonly message: string; readonly remedy: string } {
  if (PLANNED[place].includes(key))
    return { message: 'is not supported yet', remedy: 'Remove it: this version would not enforce it, and does not pretend to' }
  const near = nearest(key, [...KEYS[place], ...PLANNED[place]])
  const home = PLACES.find((other) => KEYS[other].includes(key) || PLANNED[other].includes(key))
  if (home !== undefined) return { message: 'does not belong here', remedy: `It stands ${STANDS[home]}` }
  const remedy = near === undefined ? `Remove it; known here: ${KEYS[place].join(', ')}` : `Did you mean "${near}"?`
  return { message: 'is not a key of the policy language', remedy }
}

/** The candidate that is a few letters away, if any is. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(word.length / 3))
  const [best] = candidates
    .map((candidate) => ({ candidate, far: leven(word.slice(0, 64).toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ far }) => far <= limit)
    .toSorted((a, b) => a.far - b.far)
  return best?.candidate
}
