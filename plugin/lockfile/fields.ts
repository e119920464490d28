/** Typed looks into a parsed lockfile: what is there and not understood is `Malformed`, never skipped. */
import { isObject, own, type JsonObject } from '../domain/json.ts'
import { Malformed } from './lockfile.ts'

const shown = (where: string): string => JSON.stringify(where.slice(0, 100))

export function objectAt(value: unknown, where: string): JsonObject {
  if (value === undefined || value === null) return {}
  if (!isObject(value)) throw new Malformed(`${shown(where)} is not a mapping`)
  return value
}

export function textAt(object: JsonObject, key: string, where: string): string | undefined {
  const value = own(object, key)
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') return value
  // YAML reads `version: 1.0` as a number.
  if (typeof value === 'number') return String(value)
  throw new Malformed(`"${key}" of ${shown(where)} is not text`)
}

export const flagAt = (object: JsonObject, key: string): boolean => own(object, key) === true || own(object, key) === 'true'

/** Names and ranges of one kind of dependency. */
export function rangesAt(object: JsonObject, key: string, where: string): ReadonlyMap<string, string> {
  const found = objectAt(own(object, key), `${key} of ${where}`)
  return new Map(Object.keys(found).map((name) => [name, textAt(found, name, where) ?? '']))
}

/** `name@rest`, split at the first `@` that does not open a scope: ranges and addresses have further ones. */
export function splitFirst(text: string): { readonly name: string; readonly rest: string } {
  const at = text.indexOf('@', 1)
  return at === -1 ? { name: text, rest: '' } : { name: text.slice(0, at), rest: text.slice(at + 1) }
}

/** Of `git+ssh://…`, `github:a/b`, `git@host:a/b` and what hosts of repositories serve of a commit. */
export const isGit = (text: string): boolean =>
  /^(?:git(?:\+\w+)?:|git@|(?:github|gitlab|bitbucket|gist):)/.test(text) || /^https?:\/\/[^/]+\/.+\.git(?:#.*)?$/.test(text) || isArchiveOfCommit(text)
const isArchiveOfCommit = (text: string): boolean => /^https:\/\/(?:codeload\.github\.com\/|gitlab\.com\/api\/|bitbucket\.org\/)/.test(text)

export const isAddress = (text: string): boolean => /^https?:/.test(text)

export const isPath = (text: string): boolean => /^(?:file:|link:|portal:|\.\.?\/|\/)/.test(text)

/** What is asked of the registry: `npm:left@^1.0.0` under another name is `^1.0.0`; yarn writes `npm:` in front of everything. */
export function rangeOf(asked: string): string {
  if (!asked.startsWith('npm:')) return asked
  const { name, rest } = splitFirst(asked.slice(4))
  return rest === '' ? name : rest
}
