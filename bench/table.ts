export interface Row {
  readonly what: string
  readonly milliseconds: number
}

/** A Markdown table; ratios are to the row that `reference` names, so that they compare between machines. */
export function table(title: string, rows: readonly Row[], reference: string): string {
  const base = rows.find(({ what }) => what === reference)?.milliseconds
  if (base === undefined) throw new Error(`no row "${reference}"`)
  const lines = rows.map(({ what, milliseconds }) => `| ${what} | ${milliseconds.toFixed(2)} | ${(milliseconds / base).toFixed(2)} |`)
  return [`### ${title}`, '', `| | ms | of "${reference}" |`, '|---|---:|---:|', ...lines, ''].join('\n')
}
