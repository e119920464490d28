/** What a lockfile says, whichever client wrote it. */
export type LockfileFormat = 'npm' | 'pnpm' | 'yarn-1' | 'yarn' | 'bun'

/**
 * Where a package comes from:
 * - `registry`, and `alias` where the project calls it by another name;
 * - `git`, `url`, `file`: past every registry;
 * - `workspace`: the project's own;
 * - `bundled`: inside the tarball of the package that depends on it.
 */
export type EntryKind = 'registry' | 'alias' | 'git' | 'url' | 'file' | 'workspace' | 'bundled'

/** One package of a lockfile; the same name, version, bytes and address stand together. Everything in it is the lockfile's word. */
export interface LockedPackage {
  /** Its name at the registry; what the project calls it is at the end of each path. */
  readonly name: string
  /** As in the lockfile; for `git`, `url`, `file` and `workspace` often empty. */
  readonly version: string
  readonly kind: EntryKind
  /** Subresource integrity, one or several digests; undefined where the format keeps none that a registry would know. */
  readonly integrity: string | undefined
  /** Address the lockfile has the client fetch from; undefined where it leaves that to the client's configuration. */
  readonly resolved: string | undefined
  /** Nothing but optional dependencies asks for it. */
  readonly optional: boolean
  readonly dev: boolean
  readonly peer: boolean
  /** Who pulls it in: names from the project to it, shortest first, at most `MAX_PATHS`. */
  readonly paths: readonly (readonly string[])[]
  /** How it is asked for, as the manifests say. */
  readonly ranges: readonly string[]
  /** 1-based line in the lockfile. */
  readonly line: number
}

export interface Lockfile {
  readonly format: LockfileFormat
  /** The format's own number, as the file has it. */
  readonly version: string
  readonly packages: readonly LockedPackage[]
}

export const MAX_PATHS = 5

/** `unsupported` is a version of a format that is not read, or a binary one; `malformed` is a format not kept to. */
export type LockfileFault = 'empty' | 'binary' | 'too-large' | 'merge-conflict' | 'malformed' | 'unsupported' | 'not-a-lockfile'

/** A file that is no lockfile to read. The message is one line: which file, where, what, and what to do. */
export class LockfileError extends Error {
  override readonly name = 'LockfileError'
  readonly fault: LockfileFault
  constructor(fault: LockfileFault, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.fault = fault
  }
}

/** Something in a lockfile that its format does not allow; the reader of the file says which file it was. */
export class Malformed extends Error {
  override readonly name = 'Malformed'
}

/** A version of a format that no reader here knows. */
export class Unsupported extends Error {
  override readonly name = 'Unsupported'
}
