/** The data set of test/data/cases: what it may say, and nothing else. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { isReasonCode, type ReasonCode } from '../../../plugin/domain/reason.ts'
import { parseDuration } from '../../../plugin/policy/index.ts'

export const PRESET_NAMES = ['observe', 'recommended', 'strict', 'lockdown'] as const
export const MOMENTS = ['10m', '2d', '4d', '20d', '40d'] as const
export type PresetName = (typeof PRESET_NAMES)[number]
export type Moment = (typeof MOMENTS)[number]

const sentence = z.string().min(10)
const outcome = z.enum(['allow', 'warn', 'deny'])
export type CaseOutcome = z.infer<typeof outcome>

/** One word for each preset, in their order. */
const perPreset = z.string().transform((text) => z.tuple([outcome, outcome, outcome, outcome]).parse(text.split(' ')))
const duration = z.string().refine((text) => parseDuration(text) > 0)
const code = z.custom<ReasonCode>((text) => typeof text === 'string' && isReasonCode(text))

const outcomesSchema = z.record(
  z.string(),
  z.strictObject({
    says: sentence,
    at: z.strictObject({ '10m': perPreset, '2d': perPreset, '4d': perPreset, '20d': perPreset, '40d': perPreset }),
    /** Every code that `recommended` names, in any order. */
    because: z.strictObject({ '10m': z.array(code), '2d': z.array(code), '4d': z.array(code), '20d': z.array(code), '40d': z.array(code) }),
  }),
)
export type Expected = z.infer<typeof outcomesSchema>[string]

/** What a certificate says, where it differs from the project's usual build. */
const builtSchema = z.strictObject({
  issuer: z.enum(['github', 'gitlab']).optional(),
  repository: z.string().optional(),
  repositoryId: z.string().nullable().optional(),
  ownerId: z.string().optional(),
  workflow: z.string().optional(),
  ref: z.string().optional(),
  trigger: z.string().optional(),
})
export type Built = z.infer<typeof builtSchema>

const versionShape = {
  signed: z.boolean().default(true),
  /** true: built as the project builds; false: none */
  provenance: z.union([z.boolean(), builtSchema]).default(false),
  trustedPublisher: z.boolean().default(false),
  stagedPublish: z.boolean().default(false),
}

const caseSchema = z.strictObject({
  id: z.string(),
  title: sentence,
  package: z.string(),
  /** Day or month of the release; absent where the case is made up. */
  published: z.string().optional(),
  sources: z.array(z.string()).default([]),
  /** What the sources do not say. */
  assumed: z.string().optional(),
  /** A case that no thread documents, made after a real kind of change. */
  constructed: z.boolean().default(false),
  /** `owner/name` of the repository that builds it; ids are placeholders. */
  project: z.string(),
  before: z.array(z.strictObject({ version: z.string(), days: z.number().positive(), ...versionShape })).default([]),
  ...versionShape,
  /** What package.json says; default: where it was built. */
  repository: z.string().optional(),
  foreignDependency: z.strictObject({ field: z.string(), name: z.string(), spec: z.string(), kind: z.enum(['git', 'url', 'file']) }).optional(),
  /** The mirror met the package long after this version: it belongs to what the package was found with. */
  foundWith: z.boolean().default(false),
  outcome: z.string(),
  /** How long it could be installed from its registry. */
  upFor: duration.optional(),
  /** The outcome at the last moment of that. */
  whileUp: perPreset.optional(),
  reading: sentence,
})
export type Case = z.infer<typeof caseSchema>

const fileSchema = z.strictObject({ kind: z.enum(['attack', 'benign']), title: sentence, about: sentence, cases: z.array(caseSchema).min(1) })
export type CaseFile = z.infer<typeof fileSchema> & { readonly file: string }

const DIR = path.resolve(import.meta.dirname, '../../data/cases')
const OUTCOMES = 'outcomes.yaml'
const read = (file: string): unknown => parse(readFileSync(path.join(DIR, file), 'utf8'))

export const expectations = (): ReadonlyMap<string, Expected> => new Map(Object.entries(outcomesSchema.parse(read(OUTCOMES))))

export const caseFiles = (): readonly CaseFile[] =>
  readdirSync(DIR)
    .filter((file) => file !== OUTCOMES && file.endsWith('.yaml'))
    .toSorted()
    .map((file) => ({ ...fileSchema.parse(read(file)), file }))
