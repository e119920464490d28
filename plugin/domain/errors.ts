import { reason, type Reason, type UnavailableCode } from './reason.ts'

/**
 * "Cannot decide now": an upstream, trust material or this mirror itself did not answer. Becomes 503 at the HTTP seam,
 * is never stored, and is never taken for "there is none".
 */
export class Unavailable extends Error {
  override readonly name = 'Unavailable'
  readonly reason: Reason
  constructor(code: UnavailableCode, message: string, options?: { cause?: unknown; detail?: Readonly<Record<string, string>> }) {
    super(message, options)
    this.reason = reason(code, message, options?.detail)
  }
}

/** One thing that is wrong in a configuration or policy. */
export interface Problem {
  /** Where in the document, e.g. `rules[2].require.provenance.issuer`; empty for the document as a whole. */
  readonly path: string
  /** The file, where it is another than the document's own: an included one. */
  readonly file?: string
  /** 1-based line in the file, where there is one. */
  readonly line?: number
  /** What is wrong. */
  readonly message: string
  /** What would be right. */
  readonly remedy: string
}

/** A configuration or policy that cannot be used. The process does not start with it. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
  readonly file: string
  readonly problems: readonly Problem[]
  constructor(file: string, problems: readonly Problem[], options?: { cause?: unknown }) {
    super(problems.map((problem) => describeProblem(file, problem)).join('\n'), options)
    this.file = file
    this.problems = problems
  }
}

/** A problem as a line for people. */
export const describeProblem = (document: string, { file = document, path, line, message, remedy }: Problem): string =>
  `${file}${line === undefined ? '' : `:${String(line)}`}: ${path === '' ? '' : `${path}: `}${message}. ${remedy}`

/** The message of anything that was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
