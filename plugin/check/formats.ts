import { jsonText } from '../domain/unseen.ts'
import { jsonReport } from './json.ts'
import { junitReport } from './junit.ts'
import { markdownReport } from './markdown.ts'
import type { Checked } from './report.ts'
import { sarifReport } from './sarif.ts'
import { textReport, type TextOptions } from './text.ts'

export const FORMATS = ['text', 'json', 'sarif', 'junit', 'markdown'] as const
export type Format = (typeof FORMATS)[number]

export interface RenderOptions extends TextOptions {
  /** Who judged, for people. */
  readonly source: string
  /** Of this program. */
  readonly version: string
}

/** A report in one of its forms, as lines. */
export function render(checked: readonly Checked[], format: Format, options: RenderOptions): readonly string[] {
  switch (format) {
    case 'text':
      return textReport(checked, options.source, options)
    case 'json':
      return [jsonText(jsonReport(checked, options.source), 2)]
    case 'sarif':
      return [jsonText(sarifReport(checked, options.version), 2)]
    case 'junit':
      return junitReport(checked)
    case 'markdown':
      return markdownReport(checked, options.source)
  }
}
