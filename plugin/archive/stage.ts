import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'

/** Another process is importing into the same mirror. */
export class ImportRunning extends Error {
  override readonly name = 'ImportRunning'
}

/**
 * Runs something with an empty directory in `dir`, which is gone afterwards: one at a time, since what an archive brings is held
 * against what the one before it brought. What a killed import left is removed.
 * @throws ImportRunning
 */
export async function withStage<Result>(dir: string, run: (stage: string) => Promise<Result>): Promise<Result> {
  const stage = path.join(dir, 'import')
  await mkdir(dir, { recursive: true })
  await claim(stage)
  try {
    return await run(stage)
  } finally {
    await rm(stage, { recursive: true, force: true })
  }
}

async function claim(stage: string): Promise<void> {
  const owner = path.join(stage, 'pid')
  try {
    await mkdir(stage)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    const pid = Number(await readFile(owner, 'utf8').catch(() => ''))
    if (isOther(pid)) throw new ImportRunning(`another import is running (process ${String(pid)})`)
    await rm(stage, { recursive: true, force: true })
    await mkdir(stage)
  }
  await writeFile(owner, String(process.pid))
}

function isOther(pid: number): boolean {
  // In a container the process often has the number of its predecessor.
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
