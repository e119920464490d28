/** The shape of a policy, and the only place that says it: types, validation and key suggestions come from here. */
import { z } from 'zod'
import { parseDuration } from './duration.ts'
import { compileGlob } from './glob.ts'
import { Mistake } from './mistake.ts'
import { compilePackagePattern } from './package-pattern.ts'

/** Runs a parser that throws Mistake, and keeps the value as it was written. */
const readBy =
  <T>(parse: (value: T) => unknown) =>
  (value: T, context: z.RefinementCtx<T>): void => {
    try {
      parse(value)
    } catch (error) {
      if (!(error instanceof Mistake)) throw error
      context.addIssue({ code: 'custom', message: error.message, params: { remedy: error.remedy } })
    }
  }

export const ISSUERS: ReadonlyMap<string, string> = new Map([
  ['github-actions', 'https://token.actions.githubusercontent.com'],
  ['gitlab-ci', 'https://gitlab.com'],
])

function parseIssuer(value: string): void {
  if (ISSUERS.has(value)) return
  const remedy = `Write the issuer's whole address (https://...) or one of ${[...ISSUERS.keys()].join(', ')}`
  if (value.includes('*')) throw new Mistake('has a wildcard, and issuers are compared exactly', remedy)
  if (!/^https?:\/\/[^\s/]+\S*$/.test(value)) throw new Mistake(`"${value}" is not an issuer`, remedy)
}

function parseExact(value: string): void {
  if (value === '' || value.trim() !== value) throw new Mistake('is empty or has spaces around it', 'Write the value itself')
  if (value.includes('*')) throw new Mistake('has a wildcard, and this field is compared exactly', 'Write the whole value')
}

function parseText(value: string): void {
  if (value.trim() === '') throw new Mistake('is empty', 'Write a sentence that people will understand later')
}

const glob = (placeholders = false) => z.string().superRefine(readBy<string>((text) => compileGlob(text, { placeholders })))
const exact = z.string().superRefine(readBy(parseExact))
const text = z.string().superRefine(readBy(parseText))
const duration = z.union([z.string(), z.number()]).superRefine(readBy(parseDuration))
const issuer = z.string().superRefine(readBy(parseIssuer))

const identityShape = {
  issuer: z.union([issuer, z.array(issuer).min(1)]).optional(),
  sourceRepository: glob().optional(),
  sourceRepositoryId: exact.optional(),
  sourceOwnerId: exact.optional(),
  sourceRef: glob(true).optional(),
  workflow: glob().optional(),
  signerWorkflow: glob().optional(),
  trigger: z.union([exact, z.array(exact).min(1)]).optional(),
  runner: exact.optional(),
  environment: exact.optional(),
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
  registrySignature: z.enum(['required', 'whereSigned', 'ifPresent', 'ignore']).optional(),
  publishAttestation: attestation.optional(),
  provenance: z.union([attestation, identity]).optional(),
  minimumReleaseAge: duration.optional(),
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
const requireShape = { ...branchShape, anyOf: z.array(branch).min(1).optional() }
const requirements = z.strictObject(requireShape)

const ruleShape = {
  name: text.optional(),
  packages: z.array(z.string().superRefine(readBy(compilePackagePattern))).min(1),
  origin: z.enum(['upstream', 'any']).optional(),
  require: requirements.optional(),
  verdict: z.enum(['deny', 'allow']).optional(),
  reason: text.optional(),
}
const policyShape = {
  version: z.literal(1),
  extends: z.enum(['observe', 'recommended', 'strict', 'lockdown']).optional(),
  mode: z.enum(['enforce', 'monitor']).optional(),
  listing: z.enum(['claimed', 'verified']).optional(),
  withheld: z.enum(['hidden']).optional(),
  onUnavailable: z.enum(['deny', 'allow']).optional(),
  defaults: requirements.optional(),
  rules: z.array(z.strictObject(ruleShape)).optional(),
}
export const policySchema = z.strictObject(policyShape)

export type PolicyDocument = z.infer<typeof policySchema>
export type RuleDocument = z.infer<z.ZodObject<typeof ruleShape>>
export type RequireDocument = z.infer<typeof requirements>
export type BranchDocument = z.infer<typeof branch>
export type IdentityDocument = z.infer<typeof identity>
export type PresetName = NonNullable<PolicyDocument['extends']>

/** Where a key may stand. */
export type Place = 'policy' | 'rule' | 'require' | 'branch' | 'identity'
export const KEYS: Readonly<Record<Place, readonly string[]>> = {
  policy: Object.keys(policyShape),
  rule: Object.keys(ruleShape),
  require: Object.keys(requireShape),
  branch: Object.keys(branchShape),
  identity: Object.keys(identityShape),
}
