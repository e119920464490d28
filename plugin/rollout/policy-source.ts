import { isDeepStrictEqual } from 'node:util'
import { ConfigurationError, messageOf, type Problem } from '../domain/errors.ts'
import { parsePolicy, presetPolicy, type ReadFile, type TrustPolicy } from '../policy/index.ts'

/**
 * Where the policy stands: a file; the configuration, which is read at start only; the shared ledger, where it was published; or nowhere,
 * and the default preset is in force.
 */
export type PolicyPlace = 'file' | 'configuration' | 'shared' | 'preset'

export interface PolicySource {
  readonly place: PolicyPlace
  /** The policy's file, or what stands for it in messages. */
  readonly file: string
  /** The policy itself where it stands in the configuration. */
  readonly inline?: Readonly<Record<string, unknown>>
  /** What was published last; the default preset is in force while nothing was. */
  readonly published?: () => PublishedTexts | undefined
}

/** A policy's file and those it includes, by the names they had where they were published. */
export interface PublishedTexts {
  readonly file: string
  readonly texts: ReadonlyMap<string, string>
  /** By then its waivers had not expired: a mirror that starts later takes it as those do that were there. */
  readonly at: Date
}

/** What each file held, or undefined where it could not be read. */
export type Texts = ReadonlyMap<string, string | undefined>

/** A policy, compiled, or every problem that keeps it from being used; and what either was made of. */
export type PolicyReading =
  | { readonly texts: Texts; readonly policy: TrustPolicy; readonly error?: undefined }
  | { readonly texts: Texts; readonly policy?: undefined; readonly error: ConfigurationError }

/** A policy as the configuration names it: a path that was read already, the policy itself, `shared`, or nothing. */
export type ConfiguredPolicy = { readonly source: string | Readonly<Record<string, unknown>>; readonly file: string } | 'shared' | undefined

export function policySourceOf(configured: ConfiguredPolicy): PolicySource {
  if (configured === undefined) return { place: 'preset', file: 'the recommended preset' }
  if (configured === 'shared') return { place: 'shared', file: 'the published policy' }
  const { source, file } = configured
  return typeof source === 'string' ? { place: 'file', file } : { place: 'configuration', file, inline: source }
}

const TRIES = 3

/**
 * Reads a policy with all the files it includes, as they stood at one moment: they are read once more afterwards, and a change
 * between the two begins anew. Without that, half of a file that is being written, or the old policy with the new files of a
 * directory that is being swapped, could be in force for a while, and lack just the rule that refuses something.
 */
export function readPolicy(source: PolicySource, readFile: ReadFile, now: Date): PolicyReading {
  for (let tries = 0; tries < TRIES; tries++) {
    const reading = readOnce(source, readFile, now)
    if ([...reading.texts].every(([file, text]) => textOf(file, readFile) === text)) return reading
  }
  const problem = { path: '', message: 'changes while it is read', remedy: 'Write a new file beside it and rename that over it' }
  return { texts: new Map(), error: new ConfigurationError(source.file, [problem]) }
}

export const sameTexts = (a: Texts, b: Texts): boolean => isDeepStrictEqual(a, b)

function readOnce(source: PolicySource, readFile: ReadFile, now: Date): PolicyReading {
  const texts = new Map<string, string | undefined>()
  const read = (file: string): string => {
    texts.set(file, undefined)
    const text = readFile(file)
    texts.set(file, text)
    return text
  }
  try {
    return { texts, policy: parse(source, read, now) }
  } catch (error) {
    return { texts, error: error instanceof ConfigurationError ? error : new ConfigurationError(source.file, [failure(error)], { cause: error }) }
  }
}

function parse({ place, file, inline, published }: PolicySource, readFile: ReadFile, now: Date): TrustPolicy {
  if (place === 'preset') return presetPolicy()
  if (place === 'shared') {
    const shared = published?.()
    return shared === undefined ? presetPolicy() : parsePolicy(textIn(shared, shared.file), shared.file, { now: shared.at, readFile: (name) => textIn(shared, name) })
  }
  return parsePolicy(place === 'file' ? textToParse(file, readFile) : inline, file, { now, readFile })
}

function textIn({ texts }: PublishedTexts, name: string): string {
  const text = texts.get(name)
  if (text === undefined) throw new Error('it was not published with the policy')
  return text
}

function textToParse(file: string, readFile: ReadFile): string {
  try {
    return readFile(file)
  } catch (cause) {
    const problem = { path: '', message: `cannot be read: ${messageOf(cause)}`, remedy: 'Put the file back, where the mirror may read it' }
    throw new ConfigurationError(file, [problem], { cause })
  }
}

/** A mistake in this program: the policy in force stays, as for any other. */
const failure = (error: unknown): Problem => ({ path: '', message: `cannot be read: ${messageOf(error)}`, remedy: 'Take back the last change to it' })

function textOf(file: string, readFile: ReadFile): string | undefined {
  try {
    return readFile(file)
  } catch {
    return undefined
  }
}
