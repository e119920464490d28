/** What was seen of a fault, as a row of docs/reliability.md. Shared by the tests that see and the script that writes. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'

export type Phase = 'during' | 'after'

export interface FaultTitle {
  /** What is broken. */
  readonly name: string
  /** How the test breaks it. */
  readonly what: string
  /** What ends it: nothing but the cause, a restart by whoever supervises the process, or a person. */
  readonly recovery: string
}

export interface FaultRow extends FaultTitle {
  /** What was asked for, by what came: `200`, or the status and the reason codes. */
  readonly seen: Readonly<Record<Phase, Readonly<Record<string, readonly string[]>>>>
  /** What /ready said, and the series that told. */
  readonly told: readonly string[]
  /** Milliseconds from the end of the cause until all was as before. */
  readonly took: number | undefined
  readonly file: string
}

/** Rows that a run left in `file`. */
export const readRows = (file: string): readonly FaultRow[] =>
  existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as FaultRow) : []

export function noteRow(row: FaultRow): void {
  const { FAULTS_DOCS: file } = process.env
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(row)}\n`)
}

/** Rounded, so that a page made again differs where something is different. */
export function durationText(milliseconds: number): string {
  if (milliseconds < 1000) return 'under 1 s'
  const seconds = Math.ceil(milliseconds / 1000)
  return seconds <= 3 ? 'under 3 s' : seconds <= 10 ? 'under 10 s' : `about ${String(seconds)} s`
}

const answersText = (answers: Readonly<Record<string, readonly string[]>>): string =>
  Object.entries(answers).map(([answer, labels]) => `\`${answer}\` ${labels.join(', ')}`).join('; ')

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

export function tableOf(rows: readonly FaultRow[]): string {
  const lines = rows.map(({ name, what, recovery, seen, told, took, file }) => {
    const then = answersText(seen.after)
    const after = took === undefined ? recovery : `${recovery}${then === '' ? '' : `; then ${then}`} (${durationText(took)})`
    return `| **${cell(name)}**: ${cell(what)} | ${cell(answersText(seen.during)) || 'nothing: it is not asked'} | ${cell(told.join('; ')) || 'not asked'} | ${cell(after)} | ${file} |`
  })
  return ['| fault | what clients saw | `/ready` and the metric | how it ended | test |', '|---|---|---|---|---|', ...lines].join('\n')
}
