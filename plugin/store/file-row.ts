import { fstatSync, type BigIntStats } from 'node:fs'

/** What tells a file from what was made of it: ctime, which no caller can set, follows every write, link, unlink and rename. */
export interface FileRow {
  readonly size: bigint
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
  readonly ino: bigint
  readonly dev: bigint
  readonly nlink: bigint
}

/** A clock tick of any usual file system, with room: a write within one leaves the times as they are. */
const TICK_NS = 100_000_000n

export const rowOf = ({ size, mtimeNs, ctimeNs, ino, dev, nlink }: BigIntStats): FileRow => ({ size, mtimeNs, ctimeNs, ino, dev, nlink })

/** Of an open file; some microseconds, since nothing of a path is looked up. */
export const rowOfOpen = (fd: number): FileRow => rowOf(fstatSync(fd, { bigint: true }))

export const isSame = (a: FileRow, b: FileRow): boolean =>
  a.ctimeNs === b.ctimeNs && a.mtimeNs === b.mtimeNs && a.size === b.size && a.ino === b.ino && a.dev === b.dev && a.nlink === b.nlink

/**
 * Whether a row tells of every later write. A file that was touched in the tick in which its bytes were read may be touched
 * again in the same tick and keep its row (git calls such entries racy, and reads them again).
 * @param readAt when reading the bytes began, in milliseconds since the epoch
 */
export const isTelling = ({ ctimeNs }: FileRow, readAt: number): boolean => ctimeNs + TICK_NS < BigInt(Math.floor(readAt)) * 1_000_000n
