import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { z } from 'zod'
import { messageOf, type Problem } from '../domain/errors.ts'

const isPostgres = (value: string): boolean => /^postgres(ql)?:\/\/./.test(value) && URL.canParse(value)
const isRedis = (value: string): boolean => /^(redis|valkey)s?:\/\/./.test(value) && URL.canParse(value)

/** `middlewares.provenance.store`: what the mirror remembers for good. */
export const storeSchema = z
  .string()
  .refine((value) => /^sqlite:.+/.test(value) || isPostgres(value), {
    message: 'is not a store of the ledger',
    params: { remedy: 'Write it as sqlite:./provenance.db, or postgres://user@host/database where several mirrors share it.' },
  })
  .default('sqlite:./provenance.db')

/** `middlewares.provenance.facts`: what was verified, which may be lost. */
const factsPlace = z.string().refine((value) => /^sqlite:.+/.test(value) || isPostgres(value) || isRedis(value), {
  message: 'is not a store of facts',
  params: { remedy: 'Write it as sqlite:./provenance-facts.db, redis://host:6379, valkey://host:6379 or postgres://user@host/database.' },
})
const factsServer = z.strictObject({ url: factsPlace, password_env: z.string().optional(), password_file: z.string().min(1, 'names no file').optional() })

/** A text, or a mapping: told apart before either is looked into, so that a problem is one of what was written. */
export const factsSchema = z
  .unknown()
  .transform((value, context): z.output<typeof factsServer> => {
    const read = typeof value === 'string' ? factsPlace.safeParse(value) : factsServer.safeParse(value)
    if (!read.success) {
      for (const issue of read.error.issues) context.issues.push({ ...issue, input: undefined })
      return z.NEVER
    }
    return typeof read.data === 'string' ? { url: read.data } : read.data
  })
  .optional()

const key = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'is not a name of up to 64 letters, digits, dots, dashes and underscores'),
  secret_env: z.string().optional(),
  secret_file: z.string().min(1, 'names no file').optional(),
})

/** `middlewares.provenance.shared`: of mirrors that share their stores. */
export const sharedSchema = z
  .strictObject({
    name: z.string().regex(/^[A-Za-z0-9._-]{1,100}$/, 'is not a name of up to 100 letters, digits, dots, dashes and underscores').optional(),
    copy: z.string().min(1, 'names no file').default('./provenance-copy.db'),
    keys: z.array(key).default([]),
  })
  .prefault({})

export interface ConfiguredKey {
  readonly id: string
  readonly secret: Buffer
}

export interface ConfiguredShared {
  /** `postgres://…` of the ledger; undefined where it is a file of this mirror alone. */
  readonly ledger: string | undefined
  /** A file, or the address of a server. */
  readonly facts: string
  readonly factsAreShared: boolean
  /** Of this mirror among those it shares with. */
  readonly name: string
  /** File of its copy of the shared ledger. */
  readonly copy: string
  /** What authenticates shared entries, the one that signs first; empty where nothing is shared. */
  readonly keys: readonly ConfiguredKey[]
}

interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly at: (relative: string) => string
  readonly problems: Problem[]
}

interface Sections {
  readonly policy?: unknown
  readonly store: string
  readonly facts?: z.output<typeof factsSchema>
  readonly shared: z.output<typeof sharedSchema>
}

/** As long as the digest that the key is for (RFC 2104, section 3). */
const MIN_SECRET = 32
const PLACE = 'middlewares.provenance.shared'
const MAKE_ONE = 'Make one with: openssl rand -base64 48'

export function configuredShared({ policy, store, facts, shared }: Sections, { environment, at, problems }: Surroundings): ConfiguredShared {
  const ledger = isPostgres(store) ? store : undefined
  const ownFacts = at(store.replace(/^sqlite:/, '').replace(/(\.db)?$/, '-facts.db'))
  const place = facts === undefined ? ledger : withPassword(facts, { environment, at, problems })
  if (policy === 'shared' && ledger === undefined)
    problems.push({ path: 'middlewares.provenance.policy', message: 'is to be what was published to all mirrors, and this one shares no ledger', remedy: 'Set store to postgres://…, or name a file (./shared, if that is what it is called).' })
  const factsAreShared = place !== undefined && !place.startsWith('sqlite:')
  const keys = shared.keys.flatMap((one, index) => keyOf(one, `${PLACE}.keys[${String(index)}]`, { environment, at, problems }))
  if (new Set(keys.map(({ id }) => id)).size !== keys.length) problems.push({ path: `${PLACE}.keys`, message: 'has two keys of one id', remedy: 'Name each key differently: the id says which one an entry was made with.' })
  if ((ledger !== undefined || factsAreShared) && shared.keys.length === 0)
    problems.push({ path: `${PLACE}.keys`, message: 'has no key, and whoever can write to the shared store could forge what it says', remedy: `Give every mirror the same key. ${MAKE_ONE}` })
  return {
    ledger,
    facts: place === undefined ? ownFacts : factsAreShared ? place : at(place.replace(/^sqlite:/, '')),
    factsAreShared,
    name: shared.name ?? hostname(),
    copy: at(shared.copy),
    keys,
  }
}

/** Passwords are in the address from here on, and nobody shows one: titles of stores leave them out. */
function withPassword({ url, password_env, password_file }: NonNullable<Sections['facts']>, { environment, at, problems }: Surroundings): string {
  if (password_env === undefined && password_file === undefined) return url
  const told = (message: string, remedy: string): string => {
    problems.push({ path: 'middlewares.provenance.facts', message, remedy })
    return url
  }
  if (password_env !== undefined && password_file !== undefined) return told('names two places for the password', 'Set password_env to the name of a variable, or password_file to a file.')
  if (url.startsWith('sqlite:')) return told('is a file, and has no password', 'Leave the password out.')
  let password: string | undefined
  try {
    password = password_file === undefined ? environment[password_env ?? ''] : readFileSync(at(password_file), 'utf8').trim()
  } catch (error) {
    return told(`the file of its password cannot be read: ${messageOf(error)}`, 'Name a file that holds the password and nothing else.')
  }
  if (password === undefined || password === '') return told(password_file === undefined ? `the environment has no ${password_env ?? ''}` : 'the file of its password is empty', 'Set it, or leave the key out.')
  const parsed = new URL(url)
  if (parsed.password !== '') return told('has a password in its address and another beside it', 'Leave one of them out.')
  parsed.password = encodeURIComponent(password)
  return parsed.href
}

function keyOf({ id, secret_env, secret_file }: z.output<typeof key>, place: string, { environment, at, problems }: Surroundings): readonly ConfiguredKey[] {
  const told = (message: string, remedy: string): readonly [] => {
    problems.push({ path: place, message, remedy })
    return []
  }
  if ((secret_env === undefined) === (secret_file === undefined)) return told('names no place for the secret, or two', 'Set secret_env to the name of a variable, or secret_file to a file.')
  let text: string | undefined
  try {
    text = secret_file === undefined ? environment[secret_env ?? ''] : readFileSync(at(secret_file), 'utf8')
  } catch (error) {
    return told(`its file cannot be read: ${messageOf(error)}`, 'Name a file that holds the secret and nothing else.')
  }
  const secret = Buffer.from(text?.trim() ?? '', 'utf8')
  if (secret.length === 0) return told(secret_file === undefined ? `the environment has no ${secret_env ?? ''}` : 'its file is empty', MAKE_ONE)
  if (secret.length < MIN_SECRET) return told(`is shorter than ${String(MIN_SECRET)} bytes`, MAKE_ONE)
  return [{ id, secret }]
}
