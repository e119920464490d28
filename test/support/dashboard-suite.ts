/** What the suites over the dashboard share: a browser, and the decision whether they can run. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import type { Context } from 'mocha'
import { chromiumPath } from './browser.ts'

export const PAGES_DIR = path.resolve(import.meta.dirname, '../../dist/dashboard')

/** Skips, saying so, where pages or browser are missing; not in CI, where both have to be there. */
export function needsBrowser(context: Context): void {
  const missing = !existsSync(path.join(PAGES_DIR, 'index.html')) ? 'the dashboard is not built (npm run build)' : chromiumPath() === undefined ? 'there is no chromium (apt-get install chromium)' : undefined
  if (missing === undefined) return
  if (process.env.CI === 'true') throw new Error(missing)
  process.stderr.write(`skipped: ${missing}\n`)
  context.skip()
}

export interface Closable {
  close(): Promise<void>
}

/** The last that was opened first. */
export async function closeAll(open: readonly Closable[]): Promise<void> {
  for (const one of open.toReversed()) await one.close()
}
