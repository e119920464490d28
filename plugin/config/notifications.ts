/** `notifications`: who is told what by webhooks. */
import { readFileSync } from 'node:fs'
import { authUtils } from '@verdaccio/core'
import { z } from 'zod'
import { messageOf, type Problem } from '../domain/errors.ts'
import { DEFAULT_EVENTS, EVENTS, type NotificationEvent } from '../domain/notification.ts'
import { parseInterval } from './units.ts'

const interval = (least: number, most: number) =>
  z.union([z.string(), z.number()]).transform((value, context) => {
    const milliseconds = parseInterval(value)
    if (milliseconds !== undefined && milliseconds >= least && milliseconds <= most) return milliseconds
    const message = `"${String(value)}" is not an interval of ${String(least / 1000)} to ${String(most / 1000)} seconds`
    context.addIssue({ code: 'custom', message, params: { remedy: 'Write it as 30s, 2m or 1h.' } })
    return z.NEVER
  })

const words = z.string().min(1, 'says nothing')

const notification = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/, 'is not a name of letters, digits, spaces, dots, dashes and underscores').optional(),
  type: z.enum(['generic', 'slack']).default('generic'),
  url: words.optional(),
  url_env: words.optional(),
  url_file: words.optional(),
  secret_env: words.optional(),
  secret_file: words.optional(),
  events: z.array(z.enum(EVENTS)).min(1, 'names no event').optional(),
  packages: z.array(words).min(1, 'names no package').optional(),
  window: interval(0, 86_400_000).prefault('1m'),
  interval: interval(0, 7 * 86_400_000).prefault('1m'),
  ca: words.optional(),
  http_proxy: z.string().optional(),
  https_proxy: z.string().optional(),
  no_proxy: z.union([z.string(), z.array(z.string())]).optional(),
})

export const notificationsSchema = z.array(notification).max(20, 'are more than 20').default([])
type NotificationSection = z.output<typeof notificationsSchema>[number]

/** A receiver; times in milliseconds. Address and secret are for nobody's eyes. */
export interface ConfiguredNotification {
  readonly name: string
  readonly type: 'generic' | 'slack'
  readonly url: URL
  readonly secret: string | undefined
  readonly events: ReadonlySet<NotificationEvent>
  readonly wants: (name: string) => boolean
  readonly window: number
  readonly interval: number
  /** PEM */
  readonly ca: string | undefined
  readonly proxy: string | undefined
  readonly noProxy: string
}

export interface NotificationSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly at: (file: string) => string
  /** Of the rest of the configuration, or of the environment. */
  readonly proxies: { readonly http_proxy?: string | undefined; readonly https_proxy?: string | undefined; readonly no_proxy?: string | readonly string[] | undefined }
  readonly problems: Problem[]
}

/** What is wrong is added to `problems`, and holds neither an address nor a secret. */
export function configuredNotifications(sections: readonly NotificationSection[], surroundings: NotificationSurroundings): readonly ConfiguredNotification[] {
  const configured = sections.flatMap((section, index) => configuredOne(section, `middlewares.provenance.notifications[${String(index)}]`, surroundings) ?? [])
  const twice = configured.find(({ name }, index) => configured.findIndex((other) => other.name === name) !== index)
  if (twice !== undefined)
    surroundings.problems.push({ path: 'middlewares.provenance.notifications', message: `two are called "${twice.name}"`, remedy: 'Give each a `name` of its own: what was told is remembered by it.' })
  return configured
}

function configuredOne(section: NotificationSection, place: string, surroundings: NotificationSurroundings): ConfiguredNotification | undefined {
  const { at, proxies, problems } = surroundings
  const address = oneOf({ value: section.url, variable: section.url_env, file: section.url_file }, ['url', 'url_env', 'url_file'], place, surroundings)
  const secret =
    section.secret_env === undefined && section.secret_file === undefined
      ? undefined
      : oneOf({ value: undefined, variable: section.secret_env, file: section.secret_file }, ['secret_env', 'secret_file'], place, surroundings)
  const url = address === undefined ? undefined : addressOf(address, place, problems)
  if (secret !== undefined) problems.push(...secretProblems(secret, place))
  let ca = section.ca
  if (ca !== undefined && !ca.includes('-----BEGIN CERTIFICATE-----')) ca = read(at(ca), `${place}.ca`, 'Name a PEM file.', problems)
  if (url === undefined) return undefined
  const globs = section.packages === undefined ? undefined : Object.fromEntries(section.packages.map((glob) => [glob, true]))
  const { http_proxy = proxies.http_proxy, https_proxy = proxies.https_proxy, no_proxy = proxies.no_proxy ?? '' } = section
  return {
    name: section.name ?? url.hostname,
    type: section.type,
    url,
    secret,
    events: new Set(section.events ?? DEFAULT_EVENTS),
    wants: (name) => globs === undefined || authUtils.getMatchedPackagesSpec(name, globs as never) !== undefined,
    window: section.window,
    interval: section.interval,
    ca,
    proxy: url.protocol === 'https:' ? https_proxy : http_proxy,
    noProxy: [no_proxy].flat().join(','),
  }
}

interface Places {
  readonly value: string | undefined
  readonly variable: string | undefined
  readonly file: string | undefined
}

function oneOf({ value, variable, file }: Places, names: readonly string[], place: string, { environment, at, problems }: NotificationSurroundings): string | undefined {
  const given = [value, variable, file].filter((one) => one !== undefined)
  const remedy = `Set one of ${names.join(', ')}.`
  if (given.length !== 1) {
    problems.push({ path: place, message: given.length === 0 ? 'has no address' : `has more than one of ${names.join(', ')}`, remedy })
    return undefined
  }
  if (file !== undefined) return read(at(file), `${place}.${names.at(-1) ?? ''}`, 'Name a file that holds it and nothing else.', problems)
  const found = value ?? environment[variable ?? '']
  if (found !== undefined && found.trim() !== '') return found.trim()
  problems.push({ path: `${place}.${names.at(-2) ?? ''}`, message: `the environment has no ${variable ?? ''}`, remedy })
  return undefined
}

function read(file: string, place: string, remedy: string, problems: Problem[]): string | undefined {
  try {
    const text = readFileSync(file, 'utf8').trim()
    if (text !== '') return text
    problems.push({ path: place, message: 'is empty', remedy })
  } catch (error) {
    problems.push({ path: place, message: `cannot be read: ${messageOf(error)}`, remedy })
  }
  return undefined
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

function addressOf(text: string, place: string, problems: Problem[]): URL | undefined {
  const url = /^https?:\/\//.test(text) ? URL.parse(text) : null
  const problem = addressProblem(url)
  if (problem === undefined) return url ?? undefined
  problems.push({ path: place, ...problem })
  return undefined
}

function addressProblem(url: URL | null): Omit<Problem, 'path'> | undefined {
  if (url === null) return { message: 'the address is no http or https address', remedy: 'Write it as https://hooks.example/….' }
  // What is told, and the address itself, would be anybody's on the way.
  if (url.protocol === 'http:' && !LOOPBACK.test(url.hostname)) return { message: 'the address is http', remedy: 'Use https; http is for this machine only.' }
  if (url.username === '' && url.password === '') return undefined
  return { message: 'the address has a user or a password in it', remedy: 'Sign with a secret, or have the receiver know its own path.' }
}

function secretProblems(secret: string, place: string): readonly Problem[] {
  const remedy = 'Make one with: echo "whsec_$(openssl rand -base64 32)".'
  const wrong = (message: string): readonly Problem[] => [{ path: place, message: `the secret ${message}`, remedy }]
  const encoded = secret.startsWith('whsec_') ? secret.slice(6) : undefined
  if (encoded !== undefined && !/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return wrong('is not base64 behind whsec_')
  // Standard Webhooks, "Signature scheme": 192 to 512 bits.
  const length = encoded === undefined ? Buffer.byteLength(secret) : Buffer.from(encoded, 'base64').length
  return length < 24 || length > 64 ? wrong('is not of 24 to 64 bytes') : []
}
