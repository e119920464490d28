import { hash, randomBytes } from 'node:crypto'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import path from 'node:path'

const DAY = 24 * 60 * 60 * 1000
const HOST = hash('sha256', hostname()).slice(0, 8)
/** Files this process is writing: two stores of one process may share a directory. */
const live = new Set<string>()

/** A new path in `dir` for a file that is not finished; its name says whose it is. */
export function temporaryPath(dir: string): string {
  const file = path.join(dir, `${HOST}-${String(process.pid)}-${randomBytes(8).toString('hex')}`)
  live.add(file)
  return file
}

/** For a file that has its final name now. */
export function keepTemporary(file: string): void {
  live.delete(file)
}

export const isTemporary = (file: string): boolean => live.has(file)

/** Removes the file where it is still there. */
export async function forgetTemporary(file: string): Promise<void> {
  live.delete(file)
  await rm(file, { force: true })
}

/** Makes the directory and removes what processes that are no more left unfinished in it. */
export async function cleanTemporary(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true })
  for (const name of await readdir(dir)) {
    const file = path.join(dir, name)
    if (!live.has(file) && (await isOrphan(file, name))) await rm(file, { force: true })
  }
}

async function isOrphan(file: string, name: string): Promise<boolean> {
  const [host, pid] = name.split('-')
  // In a container the process often has the number of its predecessor, hence `live`; on another host a number says nothing.
  if (host === HOST) return Number(pid) === process.pid || !isRunning(Number(pid))
  const stats = await stat(file).catch(() => undefined)
  return stats !== undefined && Date.now() - stats.mtimeMs > DAY
}

function isRunning(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it runs and belongs to somebody else.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
