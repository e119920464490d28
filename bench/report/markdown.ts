import type { Section, Table, Target } from './section.ts'

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`

/** A Markdown table with its title; columns but the first hold figures. */
export function table({ title, columns, rows }: Table, level = '###'): string {
  const rule = columns.map((_, index) => (index === 0 ? '---' : '---:'))
  return [`${level} ${title}`, '', row(columns), `|${rule.join('|')}|`, ...rows.map(row), ''].join('\n')
}

export function targetsTable(targets: readonly Target[]): string {
  const rows = targets.map(({ what, asked, measured, met }) => [what, asked, measured, met ? 'yes' : '**no**'])
  return table({ title: 'Targets', columns: ['what', 'asked', 'measured', 'met'], rows }, '##')
}

export function section(title: string, { tables, notes }: Section): string {
  return [`## ${title}`, '', ...tables.map((one) => table(one)), ...notes.flatMap((note) => [note, ''])].join('\n')
}
