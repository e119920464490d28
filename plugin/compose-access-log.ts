/** The wiring of the access log. */
import { LineFile } from './audit/line-file.ts'
import type { Configuration } from './config/configuration.ts'
import { ConfigurationError, messageOf } from './domain/errors.ts'
import { AccessLines } from './http/access-lines.ts'

export interface AccessLogParts {
  /** Undefined where nobody wants one. */
  readonly lines: AccessLines | undefined
  readonly warnings: readonly string[]
  /** Lines that were not written. */
  readonly lost: number
  close(): Promise<void>
}

/** @param now milliseconds since 1970. @throws ConfigurationError when the file cannot be written to */
export function accessLogOf({ accessLog, file: config }: Pick<Configuration, 'accessLog' | 'file'>, { now, warn }: { readonly now: () => number; readonly warn: (message: string) => void }): AccessLogParts {
  if (accessLog === undefined) return { lines: undefined, warnings: [], lost: 0, close: () => Promise.resolve() }
  const text = (error: unknown): string => `the access log ${accessLog.file} is not written, and its lines are lost: ${messageOf(error)}`
  const file = opened(() => new LineFile(accessLog, { onFailure: (error) => { warn(text(error)) } }), (error) => {
    const remedy = 'Name a file that this user may write to, or leave `accessLog` out.'
    return new ConfigurationError(config, [{ path: 'middlewares.provenance.accessLog', message: `cannot be written to: ${messageOf(error)}`, remedy }], { cause: error })
  })
  return {
    lines: new AccessLines(file, now),
    get warnings() { return file.failure === undefined ? [] : [text(file.failure)] },
    get lost() { return file.lost },
    close: () => file.close(),
  }
}

function opened(open: () => LineFile, instead: (error: unknown) => Error): LineFile {
  try {
    return open()
  } catch (error) {
    throw instead(error)
  }
}
