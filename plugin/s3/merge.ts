import { isObject, own, type Json, type JsonObject } from '../domain/json.ts'

/** Said anew with every change: whoever writes last is right. */
const LAST_WINS = new Set(['readme', 'dist-tags', 'users', '_uplinks', '_rev', '_id', 'name'])

/**
 * What somebody changed in a manifest, done to the manifest that somebody else has written meanwhile: two versions published at
 * one time are both there afterwards, and what one removed stays removed. `conflict` where both changed one version, or one file.
 */
export function mergeManifest(base: JsonObject, mine: JsonObject, theirs: JsonObject): JsonObject | 'conflict' {
  const merged = new Map<string, Json>(Object.entries(theirs) as [string, Json][])
  for (const key of new Set([...Object.keys(base), ...Object.keys(mine)])) {
    const [was, is, other] = [own(base, key), own(mine, key), own(theirs, key)]
    if (isSame(was, is)) continue
    const value = isObject(was ?? {}) && isObject(is) && isObject(other ?? {}) ? mergeEntries(key, (was ?? {}) as JsonObject, is, (other ?? {}) as JsonObject) : isSame(was, other) || LAST_WINS.has(key) ? is : 'conflict'
    if (value === 'conflict') return 'conflict'
    if (value === undefined) merged.delete(key)
    else merged.set(key, value)
  }
  return Object.fromEntries(merged)
}

function mergeEntries(field: string, was: JsonObject, is: JsonObject, other: JsonObject): JsonObject | 'conflict' {
  const merged = new Map<string, Json>(Object.entries(other) as [string, Json][])
  for (const key of new Set([...Object.keys(was), ...Object.keys(is)])) {
    const [before, mine, theirs] = [own(was, key), own(is, key), own(other, key)]
    if (isSame(before, mine)) continue
    if (!isSame(before, theirs) && !isSame(mine, theirs) && !LAST_WINS.has(field) && field !== 'time') return 'conflict'
    if (mine === undefined) merged.delete(key)
    else merged.set(key, mine)
  }
  return Object.fromEntries(merged)
}

const isSame = (one: Json | undefined, other: Json | undefined): boolean => JSON.stringify(one) === JSON.stringify(other)
