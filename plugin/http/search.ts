import type { Request, RequestHandler, Response, Router } from 'express'
import { isObject } from '../domain/json.ts'
import { SingleFlight } from '../domain/single-flight.ts'
import { isRefusal, permitted, userOf, type StoredVersion, type VerdaccioAuth, type VerdaccioStorage } from './access.ts'
import { answerOf } from './patience.ts'

interface SearchDeps {
  readonly auth: VerdaccioAuth
  readonly storage: VerdaccioStorage
}

interface Visible {
  readonly auth: VerdaccioAuth
  readonly latest: () => Promise<readonly StoredVersion[]>
}

type Handler = (request: Request, response: Response) => Promise<void>

const MAX_RESULTS = 250
const DEFAULT_RESULTS = 20
const MAX_FROM = 10_000
const MAX_TEXT = 200

/**
 * Search, over what was published here. Verdaccio's own reads every manifest in its storage without asking the filters, and
 * would show what an older Verdaccio took from an uplink; an uplink's own search is not asked, since its answers name
 * versions nobody has judged.
 */
export function searchRoutes(router: Router, { auth, storage }: SearchDeps, route: (handler: Handler) => RequestHandler): void {
  // Every answer reads every manifest: those who ask at one time share one reading.
  const reading = new SingleFlight<'all', readonly StoredVersion[]>()
  const deps = { auth, latest: () => reading.run('all', () => latestVersions(storage)) }

  router.get('/-/v1/search', route(async (request, response) => {
    const from = within(request.query.from, 0, MAX_FROM)
    const size = within(request.query.size, DEFAULT_RESULTS, MAX_RESULTS)
    const found = (await visible(request, deps)).filter(matches(request.query.text))
    const objects = found.slice(from, from + size).map((version) => ({ package: summary(version), score: SCORE, searchScore: 1 }))
    response.json({ objects, total: found.length, time: new Date().toUTCString() })
  }))

  router.get('/-/all(/since)?', route(async (request, response) => {
    const packages = (await visible(request, deps)).map(summary)
    if (request.path.toLowerCase().includes('/since')) response.json(packages)
    // As old clients expect it: a number that is later than any they have, and the packages by name.
    else response.json({ _updated: 99_999, ...Object.fromEntries(packages.map((found) => [found.name, found])) })
  }))

  router.get('/-/verdaccio/data/search/:anything', auth.webUIJWTmiddleware(), route(async (request, response) => {
    const found = (await visible(request, deps)).filter(matches(request.params.anything))
    response.json(found.slice(0, DEFAULT_RESULTS))
  }))

  // Verdaccio's handlers throw outside any handler when this list cannot be read, which ends the process.
  router.get(['/-/verdaccio/data/packages', '/-/_view/starredByUser'], (request, response, next) => {
    route(async () => {
      await deps.latest()
      next()
    })(request, response, next)
  })
}

const SCORE = { final: 1, detail: { quality: 1, popularity: 1, maintenance: 1 } }

const latestVersions = (storage: VerdaccioStorage): Promise<readonly StoredVersion[]> =>
  answerOf('the packages published here', (resolve, reject) => {
    storage.getLocalDatabase((error, latest) => {
      if (error) reject(error)
      else resolve(latest ?? [])
    })
  })

/** The latest version of each package that whoever asks may see, by name. */
async function visible(request: Request, { auth, latest }: Visible): Promise<readonly StoredVersion[]> {
  const all = await latest()
  const allowed = await Promise.all(all.map(({ name }) => sees(auth, name, userOf(request))))
  return all.filter((_version, index) => allowed[index] === true).sort((one, other) => (one.name < other.name ? -1 : 1))
}

async function sees(auth: VerdaccioAuth, packageName: string, user: unknown): Promise<boolean> {
  try {
    await permitted(auth, 'access', { packageName }, user)
    return true
  } catch (error) {
    if (isRefusal(error)) return false
    throw error
  }
}

/** All words of the text, in name, description, keywords or, after `author:`, in the author. */
function matches(text: unknown): (version: StoredVersion) => boolean {
  const words = (typeof text === 'string' ? text : '').slice(0, MAX_TEXT).toLowerCase().split(/\s+/).filter((word) => word !== '')
  const plain = words.filter((word) => !word.startsWith('author:'))
  const authors = words.filter((word) => word.startsWith('author:')).map((word) => word.slice('author:'.length))
  return ({ name, description, keywords, author }) => {
    const described = JSON.stringify([name, description, keywords]).toLowerCase()
    const by = (nameOf(author) ?? '').toLowerCase()
    return plain.every((word) => described.includes(word)) && authors.every((word) => by.includes(word))
  }
}

function within(value: unknown, otherwise: number, max: number): number {
  const number = typeof value === 'string' ? Number.parseInt(value, 10) : NaN
  return number >= 0 ? Math.min(number, max) : otherwise
}

const summary = ({ name, version, description, keywords, author, maintainers, license, time }: StoredVersion): { readonly name: string } => ({
  name,
  version,
  ...Object.fromEntries(
    Object.entries({ description, keywords, author: authorIn(author), license, date: time }).filter(([, value]) => value !== undefined),
  ),
  // npm fails without this list, which its own publishes no longer bring.
  maintainers: usersIn(maintainers),
  links: {},
  'dist-tags': { latest: version },
  versions: { [version]: 'latest' },
}) as { readonly name: string }

const authorIn = (author: unknown): { readonly name: string } | undefined => {
  const name = nameOf(author)
  return name === undefined ? undefined : { name }
}

/** `Name <address> (website)`, or the same as an object (npm docs, package.json, people fields); an address alone names nobody. */
function nameOf(person: unknown): string | undefined {
  const text = isObject(person) ? person.name : person
  const name = typeof text === 'string' ? text.slice(0, MAX_TEXT).replace(/<[^>]*>?|\([^)]*\)?/g, ' ').replace(/\S+@\S+/g, ' ').trim() : ''
  return name === '' ? undefined : name
}

/** Names alone: a publisher may have written e-mail addresses beside them. */
const usersIn = (maintainers: unknown): readonly { readonly username: string }[] =>
  (Array.isArray(maintainers) ? (maintainers as readonly unknown[]) : []).flatMap((one) => {
    const name = isObject(one) ? nameOf(one.name ?? one.username) : undefined
    return name === undefined ? [] : [{ username: name }]
  })
