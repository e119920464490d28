/** Markdown for a comment under a pull request. */
import { grouped, type Finding, type Group } from './finding.ts'
import type { Checked } from './report.ts'
import { LEVEL_WORDS, meaningOf, nearestText, pathText, printable, specOfPackage, summaryOf, tagsOf } from './words.ts'

/** Hosts of repositories cut comments at 65,536 characters. */
const LONGEST = 60_000

export function markdownReport(checked: readonly Checked[], source: string): readonly string[] {
  const lines = checked.flatMap(({ subject, findings, counts }) => [
    `### ${subject.file === undefined ? 'Packages' : code(subject.file)}`,
    '',
    `${text(summaryOf(counts))}; judged by ${text(source)}.`,
    ...grouped(findings).flatMap((group) => ['', ...groupLines(group)]),
    '',
  ])
  return shortened(lines)
}

function groupLines({ level, code: id, findings, monitored }: Group): readonly string[] {
  return [
    `**${LEVEL_WORDS[level]}: ${code(id)}** (${String(findings.length)})${monitored ? ', served since the policy only monitors' : ''}. ${text(meaningOf(id))}`,
    '',
    '| package | why | pulled in by | passes |',
    '|---|---|---|---|',
    ...findings.map(rowOf),
  ]
}

function rowOf(finding: Finding): string {
  const { package: one, message, nearest, also, level } = finding
  const tags = tagsOf(finding)
  const [path] = one.paths
  const cells = [
    `${code(specOfPackage(one))}${tags.length === 0 ? '' : ` ${one.optional && level === 'refused' ? `**${tags.join(', ')}**` : tags.join(', ')}`}`,
    `${text(printable(message))}${also.length === 0 ? '' : ` (also ${also.map((item) => code(item)).join(', ')})`}`,
    path === undefined || path.length === 0 ? '' : code(pathText(path)),
    nearest === undefined ? '' : text(nearestText(nearest)),
  ]
  return `| ${cells.join(' | ')} |`
}

/** Names of packages and people are no markup, no mention and no link. */
const text = (raw: string): string => raw.replace(/[\\`*_{}[\]<>()#!|~@&]/g, (sign) => (sign === '@' || sign === '<' || sign === '&' ? `&#${String(sign.charCodeAt(0))};` : `\\${sign}`))
const code = (raw: string): string => `\`${printable(raw).replaceAll('`', '\'').replaceAll('|', '\\|')}\``

function shortened(lines: readonly string[]): readonly string[] {
  const kept: string[] = []
  let length = 0
  for (const line of lines) {
    length += line.length + 1
    if (length > LONGEST) return [...kept, '', 'There is more: the report is longer than a comment may be.']
    kept.push(line)
  }
  return kept
}
