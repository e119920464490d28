import { z } from 'zod'
import { interval, size } from './values.ts'

const store = z.string().refine((value) => /^sqlite:.+/.test(value) || (/^postgres(ql)?:\/\/./.test(value) && URL.canParse(value)), {
  message: 'is not a store of decisions',
  params: { remedy: 'Write it as sqlite:./provenance-decisions.db or postgres://user@host/database.' },
})

const lines = z.strictObject({ file: z.string().min(1, 'names no file'), maxSize: size.prefault('100mb'), files: z.number().int().min(0).max(10_000).default(10) })
/** A file of JSON Lines; what is full is moved aside, and so many are kept. */
export const linesSchema = z.union([z.string().min(1, 'names no file').transform((file) => lines.parse({ file })), lines]).optional()

export interface ConfiguredLines {
  readonly file: string
  /** Bytes */
  readonly maxSize: number
  readonly files: number
}

export const configuredLines = (section: z.output<typeof linesSchema>, at: (relative: string) => string): ConfiguredLines | undefined => section && { ...section, file: at(section.file) }

/** `middlewares.provenance.decisions`: the decision log. */
export const decisionsSchema = z
  .strictObject({
    store: store.default('sqlite:./provenance-decisions.db'),
    name: z.string().regex(/^[A-Za-z0-9._-]{1,100}$/, 'is not a name of up to 100 letters, digits, dots, dashes and underscores').optional(),
    jsonl: linesSchema,
    keep: interval.prefault('400d'),
    maxRows: z.number().int().min(1000, 'is fewer than 1000').default(10_000_000),
  })
  .prefault({})

export interface ConfiguredDecisions {
  /** A file, or `postgres://…`. */
  readonly store: string
  readonly isFile: boolean
  /** Of this mirror's chain; undefined for the default. */
  readonly name: string | undefined
  readonly jsonl: ConfiguredLines | undefined
  /** Milliseconds */
  readonly keep: number
  readonly maxRows: number
  /** What PostgreSQL's clients read of the environment: a password need not stand in the configuration. */
  readonly environment: Readonly<Record<string, string>>
}

export function configuredDecisions(
  { store: place, name, jsonl, keep, maxRows }: z.output<typeof decisionsSchema>,
  environment: Readonly<Record<string, string | undefined>>,
  at: (relative: string) => string,
): ConfiguredDecisions {
  const isFile = place.startsWith('sqlite:')
  return {
    store: isFile ? at(place.replace(/^sqlite:/, '')) : place,
    isFile,
    name,
    jsonl: configuredLines(jsonl, at),
    keep,
    maxRows,
    environment: isFile ? {} : Object.fromEntries(Object.entries(environment).flatMap(([key, value]) => (key.startsWith('PG') && value !== undefined ? [[key, value]] : []))),
  }
}
