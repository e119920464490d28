/** Where a dependency's specifier says it comes from, as far as that is plain to see. */
import { isObject, own, type Json, type JsonObject } from './json.ts'

/** What an installer fetches with a package; `devDependencies` it does not. */
export const INSTALLED = ['dependencies', 'optionalDependencies', 'peerDependencies'] as const

/**
 * A version, range or tag. Without `/ : @ # \` and a dot in front, a specifier says where nothing is, to any client, unless it ends
 * like the name of an archive (npm-package-arg, `isFileType`).
 */
const PLAIN = /^(?:[^\s./:@#\\][^/:@#\\]*)?$/
const ARCHIVE = /\.(?:tgz|tar\.gz|tar)$/i
/** Another name, with a version, range or tag of it. */
const ALIAS = /^npm:(?:@[a-z\d-][\w.~-]*\/)?[a-z\d-][\w.~-]*(?:@([^/:@#\\]*))?$/i

export const isArchive = (spec: string): boolean => ARCHIVE.test(spec)

/** Whether a specifier is a version, range, tag or alias beyond doubt. */
export function isOfARegistry(spec: string): boolean {
  if (ARCHIVE.test(spec)) return false
  if (PLAIN.test(spec)) return true
  const alias = ALIAS.exec(spec)
  return alias !== null && PLAIN.test((alias[1] ?? '').trim())
}

/** Whether an entry of a packument names dependencies that no registry may be asked for. */
export const namesOthers = (entry: JsonObject): boolean => INSTALLED.some((field) => needsALook(own(entry, field)))

function needsALook(dependencies: Json | undefined): boolean {
  if (dependencies === undefined) return false
  // Lists and words, as in npm's first years.
  if (!isObject(dependencies)) return true
  for (const name in dependencies) {
    const spec = dependencies[name]
    if (typeof spec === 'string' && !isOfARegistry(spec.trim())) return true
  }
  return false
}
