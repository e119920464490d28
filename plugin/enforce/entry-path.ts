/** Where npm puts a member of a tarball: the name without its first part (node-tar, `strip: 1`). */
export const npmPath = (path: string): string => path.slice(path.indexOf('/') + 1 || path.length)

/**
 * Where a member could end up on the file system least fussy about names, part by part: `\` separates, `.`, `..` and
 * doubled separators are resolved, case and look-alikes are folded (APFS, NTFS), invisible characters are dropped (HFS+),
 * so are dots and spaces at a part's end, streams (`package.json::$DATA`) and short names (`PACKAG~1.JSO`) on Windows.
 */
export function placeOf(path: string): readonly string[] {
  const place: string[] = []
  for (const part of path.split(/[\\/]+/)) {
    if (part === '..') place.pop()
    else if (part !== '' && part !== '.') place.push(fold(part))
  }
  return place
}

const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu

function fold(part: string): string {
  // NFKC also folds what a case-insensitive comparison does: `ſ` to `s`, the Kelvin sign to `K`.
  const folded = part.normalize('NFKC').replace(INVISIBLE, '').toLowerCase()
  const name = folded.replace(/:.*$/s, '').replace(/[. ]+$/, '')
  if (/^npm-sh~\d+\.jso$/.test(name)) return 'npm-shrinkwrap.json'
  return /^packag~\d+\.jso$/.test(name) ? 'package.json' : name
}

/** Whether a member lies at or below a link that came before it. */
export function linkedFrom(path: string, links: ReadonlySet<string>): boolean {
  if (links.size === 0) return false
  const place = placeOf(path)
  return place.some((_, index) => links.has(place.slice(0, index + 1).join('/')))
}
