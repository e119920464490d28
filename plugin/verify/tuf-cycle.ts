import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { initTUF, TUFError } from '@sigstore/tuf'

/** A TUF repository. Without a mirror it is the public-good Sigstore's, whose address and first root @sigstore/tuf has. */
export interface TufRepository {
  readonly mirror?: string | undefined
  /** Path of the root that a client is given beforehand; needed with `mirror`. */
  readonly rootFile?: string | undefined
}

/** What a client keeps between cycles: metadata by path below its cache directory. */
export type TufMetadata = ReadonlyMap<string, string>

export interface TufAnswer {
  /** By name of the target; undefined where the repository says that there is none. */
  readonly targets: ReadonlyMap<string, string | undefined>
  readonly metadata: TufMetadata
}

const TARGETS_FOLDER = 'targets'
const WORK = 'work-'
const HOUR = 3_600_000

/**
 * One run of TUF's client workflow (TUF specification, 5), from the metadata of the last one, so that no version goes back.
 * A client refreshes once, keeps the clock of its construction and writes its files in place: each run has a client and a
 * directory of its own, and one that fails leaves nothing behind.
 * @throws TUFError, or what tuf-js throws, for anything that was not authenticated: forged, rolled back, expired, not there
 */
export async function runTufCycle(
  { mirror, rootFile }: TufRepository,
  names: readonly string[],
  before: TufMetadata,
  dir: string,
): Promise<TufAnswer> {
  await mkdir(dir, { recursive: true })
  const cachePath = await mkdtemp(path.join(dir, WORK))
  try {
    for (const [name, text] of before) {
      await mkdir(path.dirname(path.join(cachePath, name)), { recursive: true })
      await writeFile(path.join(cachePath, name), text)
    }
    const client = await initTUF({
      cachePath,
      ...(mirror === undefined ? {} : { mirrorURL: mirror.replace(/\/$/, '') }),
      ...(rootFile === undefined ? {} : { rootPath: rootFile }),
      retry: { retries: 1, minTimeout: 200 },
      timeout: 5_000,
    })
    const targets = new Map<string, string | undefined>()
    for (const name of names) targets.set(name, await targetOf(client, name))
    return { targets, metadata: await readMetadata(cachePath) }
  } finally {
    await rm(cachePath, { recursive: true, force: true })
  }
}

/** Removes what processes that ended in the middle of a run left behind. */
export async function cleanTufCycles(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true })
  for (const name of await readdir(dir)) {
    if (!name.startsWith(WORK)) continue
    const work = path.join(dir, name)
    const stats = await stat(work).catch(() => undefined)
    // Another process may be at it: no run takes an hour.
    if (stats !== undefined && Date.now() - stats.mtimeMs > HOUR) await rm(work, { recursive: true, force: true })
  }
}

/** Not listed by authenticated metadata is an answer; anything else that goes wrong is none. */
async function targetOf(client: Awaited<ReturnType<typeof initTUF>>, name: string): Promise<string | undefined> {
  try {
    return await client.getTarget(name)
  } catch (error) {
    if (error instanceof TUFError && error.code === 'TUF_FIND_TARGET_ERROR') return undefined
    throw error
  }
}

async function readMetadata(cachePath: string): Promise<TufMetadata> {
  const metadata = new Map<string, string>()
  for (const entry of await readdir(cachePath, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name)
    if (!entry.isFile() || path.basename(entry.parentPath) === TARGETS_FOLDER) continue
    metadata.set(path.relative(cachePath, file).split(path.sep).join('/'), await readFile(file, 'utf8'))
  }
  return metadata
}
