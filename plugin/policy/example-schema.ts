/** The shape of an example: a version that might be, and what the policy should say of it. */
import { z } from 'zod'
import { parseDuration } from './duration.ts'
import { Mistake } from './mistake.ts'
import { parseExactSpec, parseExactVersion } from './package-pattern.ts'
import { dateText, parseCode, parseDate, parseIssuer, parsePin, parseRepository, parseText, readBy } from './values.ts'

const text = z.string().superRefine(readBy(parseText))
const state = z.enum(['verified', 'absent', 'invalid', 'unknown-key', 'unavailable', 'claimed'])

export const claimsShape = {
  issuer: z.string().superRefine(readBy(parseIssuer)).optional().describe('OIDC issuer, or github-actions, gitlab-ci'),
  sourceRepository: text.optional().describe('Address of the repository'),
  sourceRepositoryId: text.optional().describe('Id of the repository'),
  sourceOwnerId: text.optional().describe('Id of its owner'),
  sourceRef: text.optional().describe('Branch or tag'),
  workflow: text.optional().describe('Path of the workflow the run started from'),
  signerWorkflow: text.optional().describe('Address of the workflow that signed, with its ref; default: the workflow the run started from'),
  trigger: text.optional().describe('Event that started the run'),
  runner: text.optional().describe('Environment of the runner'),
  environment: text.optional().describe('Deployment environment'),
  visibility: text.optional().describe('public or private'),
}

const pinned = z.strictObject(claimsShape).superRefine(
  readBy(({ sourceRepository, sourceRepositoryId }) => {
    if ((sourceRepository ?? sourceRepositoryId) === undefined)
      throw new Mistake('names no repository, so there is nothing to compare', 'Add sourceRepositoryId, or sourceRepository where certificates have no id')
  }),
)

export const evidenceShape = {
  signature: state.optional().describe("State of the registry's signature"),
  publishAttestation: state.optional().describe('State of the publish attestation'),
  provenance: z.union([state, z.strictObject(claimsShape)]).optional().describe('State of the provenance; or what its certificate says, which means verified'),
}

export const hintsShape = {
  trustedPublisher: z.boolean().optional().describe('Whether the registry says so'),
  stagedPublish: z.boolean().optional().describe('Whether the registry says so'),
}

export const afterShape = {
  version: z.string().superRefine(readBy(parseExactVersion)).describe('Version of the same package'),
  evidence: z.strictObject(evidenceShape).optional().describe('What is known of it; what is not mentioned is absent'),
  hints: z.strictObject(hintsShape).optional().describe('Unsigned claims of the registry'),
  age: z.union([z.string(), z.number()]).superRefine(readBy(parseDuration)).optional().describe('How long ago it was published; default: a day before the example'),
  published: z.preprocess(dateText, z.string().superRefine(readBy(parseDate))).optional().describe('When it was published, instead of `age`'),
}

export const exampleShape = {
  name: text.optional().describe('What the example shows'),
  package: z.string().superRefine(readBy(parseExactSpec)).describe('name@version'),
  evidence: z.strictObject(evidenceShape).optional().describe('What is known of it; what is not mentioned is absent'),
  hints: z.strictObject(hintsShape).optional().describe('Unsigned claims of the registry'),
  age: z.union([z.string(), z.number()]).superRefine(readBy(parseDuration)).optional().describe('How long ago it was published; default: 365d'),
  published: z.preprocess(dateText, z.string().superRefine(readBy(parseDate))).optional().describe('When it was published, instead of `age`'),
  after: z.array(z.strictObject(afterShape)).optional().describe('Versions that were published earlier, which it is compared with'),
  integrity: z.string().superRefine(readBy(parsePin)).optional().describe('sha512-... of its tarball, for waivers that pin one'),
  repository: z
    .string()
    .superRefine(readBy(parseRepository))
    .optional()
    .describe("Repository in its tarball's package.json, such as https://github.com/acme/ui, or none; default: its bytes were not looked at"),
  dependencies: z
    .record(z.string(), z.enum(['registry', 'git', 'url', 'file', 'unknown']))
    .optional()
    .describe('Where its dependencies come from, by name'),
  signs: z.boolean().optional().describe('Whether its registry signs every version; default: true'),
  origin: z.enum(['upstream', 'local']).optional().describe('Where it comes from; default: upstream'),
  pinned: pinned.optional().describe('Who built the package so far, as certified; default: nobody known'),
  expect: z.enum(['allow', 'warn', 'deny', 'unavailable']).describe('The outcome'),
  reasons: z.array(z.string().superRefine(readBy(parseCode))).optional().describe('The reason codes, in any order and all of them'),
}
