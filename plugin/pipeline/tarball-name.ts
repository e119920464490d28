import { tarballFileName, unscopedName } from '../domain/package-ref.ts'
import type { Packument } from '../domain/packument.ts'

/**
 * The version whose tarball a file name asks for: the one this mirror lists under that name, else the one whose upstream
 * address ends in it. What stands for the version in the name is looked up, and counts for nothing where there is no such version; an
 * upstream name that two versions share names neither.
 */
export function versionOfFile(packument: Packument, fileName: string): string | undefined {
  const { name } = packument
  const listed = fileName.slice(unscopedName(name).length + 1, -ENDING.length)
  if (packument.versions.has(listed) && tarballFileName({ name, version: listed }) === fileName) return listed
  const upstream = [...packument.versions.values()].filter(({ dist }) => upstreamFileName(dist.tarball) === fileName)
  return upstream.length === 1 ? upstream[0]?.version : undefined
}

const ENDING = '.tgz'

function upstreamFileName(address: string | undefined): string | undefined {
  if (address === undefined || !URL.canParse(address)) return undefined
  const last = new URL(address).pathname.split('/').at(-1) ?? ''
  try {
    return decodeURIComponent(last)
  } catch {
    return undefined
  }
}
