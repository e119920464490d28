/** A report for a terminal, 80 columns wide. */
import { grouped, type Finding, type Group } from './finding.ts'
import type { Checked } from './report.ts'
import { LEVEL_WORDS, meaningOf, nearestText, OPTIONAL_NOTE, pathText, printable, remedyFor, specOfPackage, summaryOf, tagsOf } from './words.ts'

export type Paint = (style: 'bold' | 'red' | 'yellow' | 'green' | 'dim', text: string) => string

export interface TextOptions {
  /** Of the terminal. */
  readonly width: number
  readonly paint: Paint
  /** Every package, however many one reason has. */
  readonly all: boolean
}

const SHOWN = 20

export function textReport(checked: readonly Checked[], source: string, options: TextOptions): readonly string[] {
  return checked.flatMap(({ subject, findings, counts }, index) => {
    const groups = grouped(findings)
    const what = subject.file === undefined ? 'the packages named' : `${printable(subject.file)} (${subject.format ?? ''} ${printable(subject.formatVersion ?? '')})`
    const native = findings.filter(({ level, package: one }) => level === 'refused' && one.optional).length
    return [
      ...(index === 0 ? [] : ['']),
      ...wrapped(`${what}, judged by ${source}`, 0, options.width),
      ...groups.flatMap((group) => ['', ...groupLines(group, options)]),
      '',
      ...wrapped(summaryOf(counts), 0, options.width).map((line) => options.paint(groups.some(isBad) ? 'bold' : 'green', line)),
      ...(native === 0 ? [] : wrapped(`${String(native)} of the refused ${native === 1 ? 'is' : 'are'} optional (native binaries, often): npm and bun install without, pnpm and yarn fail.`, 0, options.width)),
    ]
  })
}

const isBad = ({ level }: Group): boolean => level !== 'warned'

function groupLines({ level, code, findings, monitored }: Group, options: TextOptions): readonly string[] {
  const { width, paint, all } = options
  const shown = all ? findings : findings.slice(0, SHOWN)
  const left = findings.length - shown.length
  const head = `${LEVEL_WORDS[level].toUpperCase()}  ${code}  (${String(findings.length)})${monitored ? '  served, since the policy only monitors' : ''}`
  const remedy = remedyFor(code)
  return [
    ...wrapped(head, 0, width).map((line) => paint('bold', paint(level === 'warned' ? 'yellow' : 'red', line))),
    ...wrapped(meaningOf(code), 2, width),
    ...(remedy === '' ? [] : wrapped(remedy, 2, width).map((line) => paint('dim', line))),
    ...shown.flatMap((finding) => findingLines(finding, options)),
    ...(left === 0 ? [] : [`  and ${String(left)} more; --all shows them`]),
  ]
}

function findingLines(finding: Finding, { width, paint }: TextOptions): readonly string[] {
  const { package: one, message, also, nearest, waiver, level } = finding
  const tags = tagsOf(finding)
  const isNative = one.optional && level === 'refused'
  const head = `${specOfPackage(one)}${tags.length === 0 ? '' : `  [${tags.join(', ')}]`}`
  const [path, ...others] = one.paths
  const via = path === undefined || path.length === 0 ? [] : [`${pathText(path)}${others.length === 0 ? '' : ` (and ${String(others.length)} more)`}`]
  return [
    ...wrapped(head, 2, width).map((line) => (isNative ? paint('bold', paint('yellow', line)) : paint('bold', line))),
    ...labelled('why', printable(message), width),
    ...(also.length === 0 ? [] : labelled('also', also.map((code) => printable(code)).join(', '), width)),
    ...(waiver === undefined ? [] : labelled('waiver', printable(waiver), width)),
    ...via.flatMap((line) => labelled('by', line, width)),
    ...(nearest === undefined ? (level === 'refused' ? labelled('passes', 'no other version', width) : []) : labelled('passes', nearestText(nearest), width)),
    ...(isNative ? labelled('note', OPTIONAL_NOTE, width) : []),
  ]
}

const LABEL = 8

function labelled(label: string, text: string, width: number): readonly string[] {
  const lines = wrapped(text, 4 + LABEL, width)
  return lines.map((line, index) => (index === 0 ? `    ${label.padEnd(LABEL)}${line.trimStart()}` : line))
}

/** Breaks at spaces, and words that are longer than a line within them. */
export function wrapped(text: string, indent: number, width: number): readonly string[] {
  const room = Math.max(20, width - indent)
  const lines: string[] = []
  let line = ''
  const words = text.split(' ').flatMap((word) => word.match(new RegExp(`.{1,${String(room)}}`, 'gu')) ?? [''])
  for (const word of words) {
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line)
      line = word
    } else line = line === '' && lines.length + word.length === 0 ? '' : line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].map((one) => `${' '.repeat(indent)}${one}`)
}
