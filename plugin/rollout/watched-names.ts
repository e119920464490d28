import { lstatSync, readlinkSync } from 'node:fs'
import path from 'node:path'

const MAX_LINKS = 40

/**
 * The directories in which a change can put another file under a path, each with the names that matter in it: the file's own, and
 * those of the symbolic links on the way to it. A ConfigMap is updated by swapping one link, `..data`, above all of its files.
 */
export function watchedNames(files: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
  const names = new Map<string, Set<string>>()
  const add = (place: string): void => {
    const directory = path.dirname(place)
    names.set(directory, (names.get(directory) ?? new Set()).add(path.basename(place)))
  }
  for (const file of files) {
    let at = path.resolve(file)
    add(at)
    for (let links = 0; links < MAX_LINKS; links++) {
      const link = firstLink(at)
      if (link === undefined) break
      add(link.place)
      at = path.resolve(path.dirname(link.place), link.target, path.relative(link.place, at))
      add(at)
    }
  }
  return names
}

/** The link nearest to the root, since those behind it are looked up where it leads. */
function firstLink(file: string): { readonly place: string; readonly target: string } | undefined {
  const { root } = path.parse(file)
  const steps = file.slice(root.length).split(path.sep)
  for (const index of steps.keys()) {
    const place = path.join(root, ...steps.slice(0, index + 1))
    try {
      if (lstatSync(place).isSymbolicLink()) return { place, target: readlinkSync(place) }
    } catch {
      // It is not there now; what is above it is watched, and tells when it comes.
      return undefined
    }
  }
  return undefined
}
