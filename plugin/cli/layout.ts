/** What is written to a terminal: 80 columns, no escapes of others, colours only where somebody looks. */
import { styleText } from 'node:util'
import { withoutUnseen } from '../domain/unseen.ts'

export const WIDTH = 80

/** Names, versions and addresses are an upstream's words: no escape, line break or change of direction of theirs reaches a terminal. */
export const safe = withoutUnseen

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow'
export type Paint = (style: Style, text: string) => string

/** Node knows whether it is a terminal, and NO_COLOR. */
export const paint: Paint = (style, text) => styleText(style, text, { stream: process.stdout })
export const plain: Paint = (_style, text) => text

/** Lines of at most `width` columns, broken at spaces; a word that is longer, such as an address, stays whole to be copied. */
export function wrap(text: string, indent = '', width = WIDTH): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > width) {
      lines.push(indent + line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return line === '' ? lines : [...lines, indent + line]
}

/** The end of an address or version says more than its middle. */
export function fitted(text: string, width: number): string {
  if (text.length <= width) return text
  const head = Math.ceil((width - 1) / 2)
  return `${text.slice(0, head)}~${text.slice(text.length - (width - 1 - head))}`
}

/** `KEY  value` lines, the values in one column. */
export const fields = (pairs: readonly (readonly [key: string, value: string])[], indent = '  '): readonly string[] => {
  const width = Math.max(0, ...pairs.map(([key]) => key.length))
  return pairs.map(([key, value]) => `${indent}${key.padEnd(width)}  ${value}`.trimEnd())
}
