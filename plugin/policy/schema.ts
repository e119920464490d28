/** The shape of a policy, and the only place that says it: types, validation, key suggestions and the JSON Schema come from here. */
import { z } from 'zod'
import { compileCondition } from './condition.ts'
import { parseDuration, parseWindow } from './duration.ts'
import { afterShape, exampleShape, evidenceShape, claimsShape, hintsShape } from './example-schema.ts'
import { compileGlob } from './glob.ts'
import { Mistake } from './mistake.ts'
import { compilePackagePattern, compileWaived, exactVersionOf } from './package-pattern.ts'
import { compileScopePattern } from './scope.ts'
import { dateText, parseDate, parseExact, parseIssuer, parsePin, parseText, parseWaived, readBy, WAIVABLE } from './values.ts'

const glob = (placeholders = false) => z.string().superRefine(readBy<string>((text) => compileGlob(text, { placeholders })))
const exact = z.string().superRefine(readBy(parseExact))
const text = z.string().superRefine(readBy(parseText))
const duration = z.union([z.string(), z.number()]).superRefine(readBy(parseDuration))
const issuer = z.string().superRefine(readBy(parseIssuer))

const identityShape = {
  issuer: z.union([issuer, z.array(issuer).min(1)]).optional().describe('OIDC issuer, compared exactly; a list is any-of. Aliases: github-actions, gitlab-ci'),
  sourceRepository: glob().optional().describe('Address of the repository the build ran in: a glob over the whole value, such as https://github.com/acme/*'),
  sourceRepositoryId: exact.optional().describe("The issuer's certified id of the repository; replaces the comparison of its address, which may be renamed"),
  sourceOwnerId: exact.optional().describe("The issuer's certified id of the repository's owner"),
  sourceRef: glob(true).optional().describe('Branch or tag: a glob, in which {name} and {version} are those of the package, such as refs/tags/v{version}'),
  workflow: glob().optional().describe('Path of the workflow the run started from, such as .github/workflows/release.yml'),
  signerWorkflow: glob().optional().describe('Address of the reusable workflow that signed, with its ref'),
  trigger: z.union([exact, z.array(exact).min(1)]).optional().describe('Event that started the run, such as push; a list is any-of'),
  runner: exact.optional().describe('Environment of the runner, such as github-hosted'),
  environment: exact.optional().describe('Name of the deployment environment'),
}
const identity = z.strictObject(identityShape).superRefine(
  readBy((value) => {
    if (Object.values(value).every((field) => field === undefined))
      throw new Mistake(
        'is an identity that asks for nothing',
        'Write `required` if any signer will do, or name issuer and sourceRepository',
      )
    // Ids are numbers that each provider counts from one: without the issuer, another provider's 1001 would do.
    if (value.issuer === undefined && (value.sourceRepositoryId ?? value.sourceOwnerId) !== undefined)
      throw new Mistake('asks for an id without an issuer', 'Add `issuer`: an id is unique at its issuer only')
  }),
)

const attestation = z.enum(['required', 'ifPresent', 'ignore'])
const branchShape = {
  registrySignature: z
    .enum(['required', 'whereSigned', 'ifPresent', 'ignore'])
    .optional()
    .describe("The registry's signature over name, version and integrity. whereSigned: required once the registry is known to sign"),
  publishAttestation: attestation.optional().describe("The registry's attestation that it accepted these bytes"),
  provenance: z.union([attestation, identity]).optional().describe('SLSA provenance: required, ifPresent, ignore, or the identity that must have signed it'),
  minimumReleaseAge: duration.optional().describe('How long a version waits after it was published: 3d, 36h, 2w; 0 switches it off'),
}
const branch = z.strictObject(branchShape).superRefine(
  readBy((value) => {
    const asked = Object.values(value).filter((field) => field !== undefined)
    const remedy = 'Leave out what a branch does not ask for: a branch can only be stricter than what stands beside anyOf'
    if (asked.length === 0) throw new Mistake('is a branch that asks for nothing', remedy)
    if (asked.some((field) => field === 'ignore' || field === 0 || field === '0'))
      throw new Mistake('switches something off', remedy)
  }),
)
const hint = z.enum(['required', 'ignore'])

const window = z.union([z.string(), z.number()]).superRefine(readBy(parseWindow)).meta({ examples: ['30d', 'forever', 'allow'] })
const downgradeShape = {
  inLine: window.optional().describe('Within a release line: the major, or 0.minor'),
  offLine: window.optional().describe('Against all other lines'),
}
const onFailure = z.enum(['deny', 'warn'])
const gradedShape = <const Levels extends readonly [string, ...string[]]>(levels: Levels) => ({
  level: z.enum(levels).describe('What is asked for'),
  onFailure: onFailure.optional().describe('warn: says so and serves it; default: deny'),
})
/** A word, or the word with what becomes of a version that does not meet it. */
const graded = <const Levels extends readonly [string, ...string[]]>(levels: Levels) =>
  z.union([z.enum(levels), z.strictObject(gradedShape(levels))]).optional()

const requireShape = {
  ...branchShape,
  dangerousTriggers: z
    .enum(['deny', 'warn', 'ignore'])
    .optional()
    .describe('What to do with provenance that is certified for pull_request_target or issue_comment'),
  trustDowngrade: z
    .union([z.strictObject(downgradeShape), z.enum(['forever', 'allow'])])
    .optional()
    .describe('How long a version is refused that is vouched for less well than an earlier one, before it is only warned about'),
  identityPin: graded(['repository', 'workflow', 'off']).describe('Whether a version must be built by whom the package was built so far'),
  manifestRepository: graded(['match', 'ignore']).describe("Whether the source in the provenance must be the repository in the tarball's package.json"),
  dependencySources: graded(['registry', 'any']).describe('registry: no git, address or file among the dependencies'),
  stagedPublish: hint.optional().describe("Whether the registry must say that the version was published in stages. Unsigned: the registry's word only"),
  trustedPublisher: hint.optional().describe("Whether the registry must say that a trusted publisher published it. Unsigned: the registry's word only"),
  anyOf: z.array(branch).min(1).optional().describe('One more requirement beside its siblings: one of these must be met'),
}
const requirements = z.strictObject(requireShape)

const ruleShape = {
  name: text.optional().describe('What the rule is for; a verdict names it'),
  packages: z
    .array(z.string().superRefine(readBy(compilePackagePattern)))
    .min(1)
    .describe('Globs on the name, or name@semver-range. ** is everything, * stops at a slash'),
  origin: z.enum(['upstream', 'local', 'any']).optional().describe('upstream: packages of uplinks; local: packages published here; any: both'),
  require: requirements.optional().describe('Overlays the defaults, key by key'),
  where: z.string().superRefine(readBy(compileCondition)).optional().describe('A condition in CEL that must be true, such as: identity.visibility == "public"'),
  onFailure: onFailure.optional().describe('What becomes of a version that does not meet the rule. Forgery is refused in any case'),
  verdict: z.enum(['deny', 'allow']).optional().describe('Decides without requirements; needs a reason'),
  reason: text.optional().describe('Why, for whoever is refused and whoever reads it later'),
}

const waiverShape = {
  package: z.string().superRefine(readBy(compileWaived)).describe('name@version, or name@range'),
  integrity: z.string().superRefine(readBy(parsePin)).optional().describe('sha512-... of the version: the waiver is for these bytes and no others'),
  waives: z
    .array(z.string().superRefine(readBy(parseWaived)).meta({ enum: [...WAIVABLE] }))
    .min(1)
    .describe('Reason codes that are excused; forgery never is, but integrity-missing by a waiver that pins the bytes'),
  reason: text.describe('Why'),
  approvedBy: text.describe('Who answers for it'),
  expires: z
    .preprocess(dateText, z.string().superRefine(readBy(parseDate)))
    .describe('Day (its first moment in UTC) or time at which it ends. A policy with a waiver that is over is refused'),
}
const waiver = z.strictObject(waiverShape).superRefine(
  readBy((value) => {
    if (value.integrity !== undefined && exactVersionOf(value.package) === undefined)
      throw new Mistake('pins the bytes of a range', 'Name one version in `package`, or take `integrity` out')
    if (value.integrity === undefined && value.waives.includes('integrity-missing'))
      throw new Mistake(
        'waives integrity-missing without saying which bytes it means',
        'Add `integrity: sha512-...` of the bytes you have looked at, and one version in `package`: nothing else would hold them',
      )
  }),
)

const includeShape = {
  file: text.describe('A YAML file with rules, waivers, examples; its path is relative to the file it is named in'),
  packages: z.array(z.string().superRefine(readBy(compileScopePattern))).min(1).describe('Globs: the packages the file may speak of, and no others'),
}
const include = z.array(z.union([text, z.strictObject(includeShape)]))

const example = z.strictObject(exampleShape)
const fragmentShape = {
  version: z.literal(1).describe('Of the policy language'),
  rules: z.array(z.strictObject(ruleShape)).optional().describe('The first rule that matches a package decides'),
  waivers: z.array(waiver).optional().describe('Exceptions: for one version, with a reason, somebody who answers for it, and an end'),
  include: include.optional().describe('Files of teams: their rules come after those of this file and before that of the preset'),
  examples: z.array(example).optional().describe('What the policy should say of what; run by `policy test`'),
}
const policyShape = {
  version: fragmentShape.version,
  extends: z.enum(['observe', 'recommended', 'strict', 'lockdown']).optional().describe('The preset to begin with'),
  mode: z.enum(['enforce', 'monitor']).optional().describe('monitor serves what would be refused, and says so; wrong bytes are refused in any case'),
  listing: z.enum(['claimed', 'verified']).optional().describe('Whether a packument may name a version whose evidence is not verified yet'),
  withheld: z.enum(['hidden', 'marked']).optional().describe('What becomes of refused versions in a packument: left out, or still listed as deprecated with the reason'),
  onUnavailable: z.enum(['deny', 'allow']).optional().describe('Whether evidence that cannot be had passes where it is ifPresent'),
  defaults: requirements.optional().describe("Overlays the preset's requirements, for every rule"),
  rules: fragmentShape.rules,
  waivers: fragmentShape.waivers,
  include: fragmentShape.include,
  examples: fragmentShape.examples,
}
export const policySchema = z.strictObject(policyShape)
/** An included file: what a team may say. Modes and defaults are the organisation's. */
export const fragmentSchema = z.strictObject(fragmentShape)

export type PolicyDocument = z.infer<typeof policySchema>
export type FragmentDocument = z.infer<typeof fragmentSchema>
export type RuleDocument = z.infer<z.ZodObject<typeof ruleShape>>
export type RequireDocument = z.infer<typeof requirements>
export type BranchDocument = z.infer<typeof branch>
export type IdentityDocument = z.infer<typeof identity>
export type WaiverDocument = z.infer<typeof waiver>
export type IncludeDocument = z.infer<typeof include>[number]
export type ExampleDocument = z.infer<typeof example>
export type PresetName = NonNullable<PolicyDocument['extends']>

const KEYS_OF = {
  policy: policyShape,
  fragment: fragmentShape,
  rule: ruleShape,
  require: requireShape,
  branch: branchShape,
  identity: identityShape,
  downgrade: downgradeShape,
  graded: gradedShape(['off']),
  waiver: waiverShape,
  include: includeShape,
  example: exampleShape,
  after: afterShape,
  evidence: evidenceShape,
  claims: claimsShape,
  hints: hintsShape,
} as const
/** Where a key may stand. */
export type Place = keyof typeof KEYS_OF
export const KEYS: ReadonlyMap<Place, readonly string[]> = new Map((Object.keys(KEYS_OF) as Place[]).map((place) => [place, Object.keys(KEYS_OF[place])]))

/** JSON Schema (draft 2020-12) of a policy, for editors. What a single value may be in detail, only `policy lint` says. */
export const policyJsonSchema = (): object => ({
  title: 'Trust policy of verdaccio-provenance',
  ...z.toJSONSchema(policySchema, { target: 'draft-2020-12', io: 'input' }),
})
