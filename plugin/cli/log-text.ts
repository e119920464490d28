import type { LogReport } from '../compose-log.ts'
import { timesOf, type LogEntry } from '../domain/decision.ts'
import { printable } from './terminal.ts'

/** One line: when, what, of which version, why, by which rule, and who asked. */
export function entryLine(entry: LogEntry): string {
  const { at, kind, package: name, version, reasons, rule, policyRevision, asker, monitored, detail } = entry
  const times = timesOf(entry)
  const spec = name === null ? '' : version === null ? name : `${name}@${version}`
  const codes = [...new Set(reasons.map(({ code }) => code))].join(' ')
  const who = [asker.user, asker.address].filter((one) => one !== null).join(' from ')
  const parts = [
    at,
    `${kind}${monitored ? ' (monitored)' : ''}`.padEnd(WIDTH),
    spec,
    codes,
    rule === null ? '' : `(rule ${rule})`,
    // Of an event: what it is about beside a package.
    codes === '' && rule === null && detail !== null ? JSON.stringify(detail).slice(0, 200) : '',
    spec === '' && policyRevision !== null ? `policy ${policyRevision}` : '',
    who === '' ? '' : `by ${who}`,
    times === 1 ? '' : `(${String(times)} times)`,
  ]
  return printable(parts.filter((part) => part !== '').join('  '))
}
const WIDTH = 12

export function reportText({ log, entries, first, last, hash, checkpoints, problems, problemCount }: LogReport): readonly string[] {
  const name = printable(log)
  const range = first === null ? 'no entries' : `${String(entries)} entries, ${String(first)} to ${String(last)}, ${String(checkpoints)} signed checkpoints`
  if (problemCount === 0) return [`${name}: whole and unaltered: ${range}`, `  to be noted elsewhere, and expected the next time: ${String(last ?? 0)}:${hash}`]
  const more = problemCount - problems.length
  return [
    `${name}: NOT THE LOG THAT WAS WRITTEN: ${range}`,
    ...problems.map(({ fault, message }) => `  ${fault}: ${printable(message)}`),
    ...(more > 0 ? [`  and ${String(more)} more`] : []),
  ]
}
