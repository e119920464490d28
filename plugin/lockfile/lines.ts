/** Where in a lockfile an entry stands, for those who annotate it. */

/** What an entry is, is a mapping or a list; where it is asked for, a text. */
const JSON_KEY = /^\s*("(?:[^"\\]|\\.)*")\s*:\s*[[{]/
const YAML_KEY = /^\s*(?:'([^']+)'|"([^"]+)"|([^\s'"#][^'"]*?)):(?:\s|$)/

/** By the key of the entry, its first line; 1 where it is not found. */
export function lineFinder(text: string): (key: string) => number {
  const lines = new Map<string, number>()
  let number = 0
  for (const line of text.split('\n')) {
    number++
    // A key in front of a list of patterns (yarn) stands for the first of them, too.
    for (const key of keysIn(line)) if (!lines.has(key)) lines.set(key, number)
  }
  return (key) => lines.get(key) ?? 1
}

function keysIn(line: string): readonly string[] {
  const json = JSON_KEY.exec(line)?.[1]
  if (json !== undefined) {
    const key = parsed(json)
    return key === undefined ? [] : [key, ...key.split(/ *, */).slice(0, 1)]
  }
  const yaml = YAML_KEY.exec(line)
  const key = yaml?.[1] ?? yaml?.[2] ?? yaml?.[3]
  if (key === undefined) return yarnKey(line)
  return [key, ...key.split(/ *, */).slice(0, 1)]
}

/** `"a@1", b@2:` of yarn 1, each quoted for itself. */
function yarnKey(line: string): readonly string[] {
  if (/^[\s#]/.test(line) || !line.endsWith(':')) return []
  const [first = ''] = line.slice(0, -1).split(/ *, */)
  return [first.replace(/^"|"$/g, '')]
}

function parsed(json: string): string | undefined {
  try {
    return JSON.parse(json) as string
  } catch {
    return undefined
  }
}
