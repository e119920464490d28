export { LockfileError, type EntryKind, type LockedPackage, type Lockfile, type LockfileFault, type LockfileFormat } from './lockfile.ts'
export { MAX_LOCKFILE, readLockfile, type LockfileSource } from './read.ts'
