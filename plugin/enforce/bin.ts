import { posix } from 'node:path'
import { isObject, own, ownObject, ownString, type Json, type JsonObject } from '../domain/json.ts'

/** Commands by name, with the file of each, as npm links them (@npmcli/package-json, `normalizePackageBin` and `binDir`). */
export function binOf(pkg: JsonObject, files: ReadonlySet<string>): ReadonlyMap<string, string> {
  const entries = entriesOf(own(pkg, 'bin'), ownString(pkg, 'name')?.trim())
  const directory = directoriesBinOf(pkg)
  if (directory !== undefined && entries.length === 0) return commandsIn(directory, files)
  return new Map(
    entries
      .map(([command, file]) => [posix.basename(inPackage(command)), inPackage(file)] as const)
      .filter(([command, file]) => command !== '' && file !== ''),
  )
}

export function directoriesBinOf(pkg: JsonObject): string | undefined {
  const directory = ownString(ownObject(pkg, 'directories') ?? {}, 'bin')
  return directory === undefined || directory === '' ? undefined : inPackage(directory)
}

function entriesOf(bin: Json | undefined, name: string | undefined): readonly (readonly [string, string])[] {
  if (typeof bin === 'string') return name === undefined || name === '' ? [] : [[name, bin]]
  if (Array.isArray(bin)) {
    return (bin as readonly Json[])
      .filter((file) => typeof file === 'string')
      .map((file) => [posix.basename(file), file] as const)
  }
  return isObject(bin) ? Object.entries(bin).filter((entry): entry is [string, string] => typeof entry[1] === 'string') : []
}

/** As a glob of `**` finds them: directories as well, and nothing that begins with a dot. */
function commandsIn(directory: string, files: ReadonlySet<string>): ReadonlyMap<string, string> {
  const prefix = directory === '' ? '' : `${directory}/`
  const below = [...files].filter((file) => file.startsWith(prefix) && !/(^|\/)\./.test(file.slice(prefix.length)))
  const found = new Set(below.flatMap((file) => [...parentsOf(file, prefix), file]))
  return new Map([...found].toSorted().map((path) => [posix.basename(path), path]))
}

const parentsOf = (file: string, prefix: string): readonly string[] => {
  const parts = file.slice(prefix.length).split('/')
  return parts.slice(1).map((_, index) => prefix + parts.slice(0, index + 1).join('/'))
}

/** A path that cannot leave the package, without `./`. */
const inPackage = (path: string): string => posix.join('/', path.replace(/[\\:]/g, '/')).slice(1).replace(/\/$/, '')
