/** `wrk`, a load generator that costs little itself (Debian and Homebrew: wrk). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { LOAD_CORE, has, run } from '../children.ts'

export const WRK_MISSING = '`wrk` is not installed (Debian: apt-get install wrk): requests a second are left out'
export const hasWrk = (): boolean => has('wrk')

export interface WrkResult {
  readonly perSecond: number
  readonly requests: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** Answers other than 2xx and 3xx, and connections that failed. */
  readonly failures: number
}

export interface Load {
  readonly url: string
  /** Asked in turn; default: the path of `url`. */
  readonly paths?: readonly string[]
  readonly headers: Readonly<Record<string, string>>
  readonly seconds: number
  readonly connections: number
}

export async function wrk({ url, paths, headers, seconds, connections }: Load): Promise<WrkResult> {
  const dir = mkdtempSync(path.join(tmpdir(), 'wrk-'))
  try {
    const script = path.join(dir, 'paths.lua')
    if (paths !== undefined) writeFileSync(script, luaOf(paths))
    const { code, output } = await run({
      command: 'wrk',
      args: [
        ...['-t1', `-c${connections}`, `-d${Math.max(1, Math.round(seconds))}s`, '--latency', '--timeout', '60s'],
        ...Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
        ...(paths === undefined ? [] : ['-s', script]),
        url,
      ],
      cores: String(LOAD_CORE),
    })
    if (code !== 0) throw new Error(`wrk: ${output}`)
    return parseWrk(output)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Asks for one path after the other; requests are made ready once, so that the generator stays cheap. */
const luaOf = (paths: readonly string[]): string => `
local paths = { ${paths.map((one) => JSON.stringify(one)).join(', ')} }
local ready = {}
local at = 0
init = function() for i, path in ipairs(paths) do ready[i] = wrk.format("GET", path) end end
request = function() at = at % #ready + 1; return ready[at] end
`

/** Reads what `wrk --latency` prints. @throws Error when it is something else */
export function parseWrk(output: string): WrkResult {
  const one = (pattern: RegExp): string | undefined => pattern.exec(output)?.[1]
  const perSecond = Number(one(/^Requests\/sec:\s+([\d.]+)/m))
  const requests = Number(one(/(\d+) requests in/))
  if (Number.isNaN(perSecond) || Number.isNaN(requests)) throw new Error(`wrk printed something else:\n${output}`)
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output)?.slice(1) ?? []
  return {
    perSecond,
    requests,
    p50: milliseconds(one(/^\s+50%\s+(\S+)/m)),
    p99: milliseconds(one(/^\s+99%\s+(\S+)/m)),
    failures: Number(one(/Non-2xx or 3xx responses: (\d+)/) ?? 0) + sockets.reduce((sum, count) => sum + Number(count), 0),
  }
}

const UNITS: ReadonlyMap<string, number> = new Map([['us', 0.001], ['ms', 1], ['s', 1000], ['m', 60_000], ['h', 3_600_000]])

/** `14.63ms`, `250.00us`, `1.20s`, `1.02m`; not a number when nothing was answered. */
function milliseconds(text: string | undefined): number {
  const [, value, unit] = /^([\d.]+)(us|ms|s|m|h)$/.exec(text ?? '') ?? []
  return Number(value) * (UNITS.get(unit ?? '') ?? NaN)
}
