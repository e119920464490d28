import { tarballFileName } from '../domain/package-ref.ts'
import type { Packument } from '../domain/packument.ts'

/**
 * The version whose tarball a file name asks for: the one this mirror lists under that name, else the one whose upstream
 * address ends in it. The name is looked up and never taken apart; an upstream name that two versions share names neither.
 */
export function versionOfFile(packument: Packument, fileName: string): string | undefined {
  const versions = [...packument.versions.values()]
  const own = versions.find(({ version }) => tarballFileName({ name: packument.name, version }) === fileName)
  if (own !== undefined) return own.version
  const upstream = versions.filter(({ dist }) => upstreamFileName(dist.tarball) === fileName)
  return upstream.length === 1 ? upstream[0]?.version : undefined
}

function upstreamFileName(address: string | undefined): string | undefined {
  if (address === undefined || !URL.canParse(address)) return undefined
  const last = new URL(address).pathname.split('/').at(-1) ?? ''
  try {
    return decodeURIComponent(last)
  } catch {
    return undefined
  }
}
