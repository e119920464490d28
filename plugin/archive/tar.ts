/** The one form that an archive's tar has (POSIX, pax, "ustar Interchange Format"): what export writes and import expects. */
import { Header } from 'tar'

export interface Entry {
  readonly path: string
  readonly size: number
  /** Of the archive. */
  readonly created: Date
}

export const BLOCK = 512
/** Two blocks of zeros. */
export const END = Buffer.alloc(2 * BLOCK)

export function headerBlock({ path, size, created }: Entry): Buffer {
  const block = Buffer.alloc(BLOCK)
  const needsMore = new Header({ path, size, mode: 0o644, uid: 0, gid: 0, mtime: created, type: 'File' }).encode(block, 0)
  if (needsMore) throw new RangeError(`${path} does not fit into a tar header`)
  return block
}

/** Zeros after so many bytes. */
export const paddingOf = (size: number): number => (BLOCK - (size % BLOCK)) % BLOCK
