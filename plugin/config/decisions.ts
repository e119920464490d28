import { z } from 'zod'
import { interval, size } from './values.ts'

const store = z.string().refine((value) => /^sqlite:.+/.test(value) || (/^postgres(ql)?:\/\/./.test(value) && URL.canParse(value)), {
  message: 'is not a store of decisions',
  params: { remedy: 'Write it as sqlite:./provenance-decisions.db or postgres://user@host/database.' },
})

const jsonl = z.strictObject({ file: z.string().min(1, 'names no file'), maxSize: size.prefault('100mb'), files: z.number().int().min(0).max(10_000).default(10) })

/** `middlewares.provenance.decisions`: the decision log. */
export const decisionsSchema = z
  .strictObject({
    store: store.default('sqlite:./provenance-decisions.db'),
    name: z.string().regex(/^[A-Za-z0-9._-]{1,100}$/, 'is not a name of up to 100 letters, digits, dots, dashes and underscores').optional(),
    jsonl: z.union([z.string().min(1, 'names no file'), jsonl]).optional(),
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
  readonly jsonl: { readonly file: string; readonly maxSize: number; readonly files: number } | undefined
  /** Milliseconds */
  readonly keep: number
  readonly maxRows: number
  /** What PostgreSQL's clients read of the environment: a password need not stand in the configuration. */
  readonly environment: Readonly<Record<string, string>>
}

export function configuredDecisions(
  { store: place, name, jsonl: lines, keep, maxRows }: z.output<typeof decisionsSchema>,
  environment: Readonly<Record<string, string | undefined>>,
  at: (relative: string) => string,
): ConfiguredDecisions {
  const isFile = place.startsWith('sqlite:')
  const own = typeof lines === 'string' ? jsonl.parse({ file: lines }) : lines
  return {
    store: isFile ? at(place.replace(/^sqlite:/, '')) : place,
    isFile,
    name,
    jsonl: own && { ...own, file: at(own.file) },
    keep,
    maxRows,
    environment: isFile ? {} : Object.fromEntries(Object.entries(environment).flatMap(([key, value]) => (key.startsWith('PG') && value !== undefined ? [[key, value]] : []))),
  }
}
