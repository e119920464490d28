/** docs/reliability.md: what is written by hand stays, the table between the marks is what the tests saw. */
import type { FaultRow } from '../../test/faults/rows.ts'
import { tableOf } from '../../test/faults/rows.ts'

const BEGIN = '<!-- faults: written by node scripts/reliability-docs.ts -->'
const END = '<!-- end of faults -->'

/** The page with these rows in it. @throws Error when the page has no place for them */
export function withTable(page: string, rows: readonly FaultRow[]): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (begin === -1 || end < begin) throw new Error(`the page has no table between "${BEGIN}" and "${END}"`)
  return `${page.slice(0, begin)}${BEGIN}\n${tableOf(rows)}\n${page.slice(end)}`
}

/** Names of faults in the table, in its order. */
export const namesIn = (page: string): readonly string[] =>
  [...page.slice(page.indexOf(BEGIN), page.indexOf(END)).matchAll(/^\| \*\*(.+?)\*\*: /gm)].map(([, name = '']) => name)
