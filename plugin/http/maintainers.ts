/**
 * `npm owner`: the people a package published here names as its maintainers. It is a list for people: who may publish is said by
 * `packages` in the configuration, as everywhere in Verdaccio.
 */
import type { RequestHandler } from 'express'
import { isObject, ownObject, ownString, type Json, type JsonObject } from '../domain/json.ts'
import type { Maintainers } from '../domain/ports.ts'
import { userOf, type TokenLogger } from './access.ts'

const MAX_NAMES = 100
/** As Verdaccio's own check of user names has it: what stands in addresses and answers. */
const NAME = /^[^\s/:@<>"'\\\p{C}]{1,100}$/u

/** The names in a list of maintainers as npm sends it, each once; or what is wrong with it. E-mail addresses are not kept. */
export function readMaintainers(value: Json | undefined): readonly string[] | { readonly error: string } {
  if (!Array.isArray(value) || value.length === 0) return { error: 'nothing was changed: a package has at least one maintainer' }
  if (value.length > MAX_NAMES) return { error: `nothing was changed: a package has at most ${MAX_NAMES} maintainers` }
  const names = (value as readonly Json[]).map((one) => (isObject(one) ? ownString(one, 'name') : undefined))
  const good = names.filter((name) => name !== undefined).filter((name) => NAME.test(name))
  if (good.length !== names.length) return { error: 'nothing was changed: a maintainer is the name of a user' }
  return [...new Set(good)]
}

/** As clients read them; npm prints the address. */
export const asMaintainers = (names: readonly string[]): Json => names.map((name) => ({ name, email: '' }))

/** Who published what is there: the maintainers of a package of which nobody said who they are. */
export function publishersOf(packument: JsonObject): readonly string[] {
  const versions = Object.values(ownObject(packument, 'versions') ?? {})
  const names = versions.map((manifest) => (isObject(manifest) ? ownString(ownObject(manifest, '_npmUser') ?? {}, 'name') : undefined))
  return [...new Set(names.filter((name) => name !== undefined))]
}

/**
 * The user of a name, as `npm owner` asks for one. Nobody is told whether there is one: a list of maintainers gives no rights, and the
 * names of users are nobody's business. The core, which answers strangers, names nobody at all.
 */
export const userDocument: RequestHandler = (request, response, next) => {
  const user = userOf(request)
  const name = /^org\.couchdb\.user:(.+)$/.exec(request.params.user ?? '')?.[1]
  const asks: unknown = user !== null && typeof user === 'object' && 'name' in user ? user.name : undefined
  if (typeof asks !== 'string' || name === undefined || !NAME.test(name)) next()
  else response.json({ ok: `you are authenticated as '${asks}'`, name, email: '' })
}

/** Of a package that is gone: a throw here would end the process, and the list stays for whoever publishes the name again. */
export function forgetMaintainers(name: string, { maintainers }: { readonly maintainers: Maintainers }, logger: TokenLogger): void {
  try {
    maintainers.setMaintainers(name, undefined)
  } catch (error) {
    logger.error({ err: error, package: name }, 'the maintainers of @{package} cannot be forgotten: @{err.message}')
  }
}
