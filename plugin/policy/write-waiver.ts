import { isMap, isScalar, isSeq, LineCounter, parseDocument, stringify, type YAMLSeq } from 'yaml'
import { ConfigurationError } from '../domain/errors.ts'
import { parsePolicy, type PolicyContext } from './parse.ts'

/** A waiver to be written. */
export interface NewWaiver {
  readonly package: string
  readonly integrity: string | undefined
  readonly waives: readonly string[]
  readonly reason: string
  readonly approvedBy: string
  /** As it is to stand in the file: `2027-03-01`. */
  readonly expires: string
}

/**
 * The text of a policy with one more waiver. Nothing else in it is touched, so that whoever reviews the change sees the waiver
 * and nothing else.
 * @throws ConfigurationError when the policy is wrong, before or after
 */
export function addWaiver(text: string, file: string, waiver: NewWaiver, context: PolicyContext): string {
  const before = parsePolicy(text, file, context).waivers.length
  const written = insert(text, waiver)
  const after = parsePolicy(written, file, context).waivers
  const last = after.find(({ package: spec, reason }) => spec === waiver.package && reason === waiver.reason)
  if (after.length === before + 1 && last !== undefined) return written
  throw new ConfigurationError(file, [{ path: 'waivers', message: 'cannot be added to', remedy: 'Write the list item by item, each on lines of its own' }])
}

function insert(text: string, waiver: NewWaiver): string {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const pair = isMap(document.contents) ? document.contents.items.find(({ key }) => isScalar(key) && key.value === 'waivers') : undefined
  if (pair === undefined) return `${text.replace(/\n*$/, '\n')}\nwaivers:\n${itemOf(waiver, 2)}`
  const list = pair.value
  if (isSeq(list) && list.flow !== true && list.items.length > 0) {
    const at = endOf(text, list)
    const column = lines.linePos(startOf(list)).col - 1
    return `${text.slice(0, at).replace(/\n?$/, '\n')}${itemOf(waiver, column)}${text.slice(at)}`
  }
  // Written as [] or left empty: there is no place in the text to write to.
  document.set('waivers', document.createNode([...(isSeq(list) ? (list.toJS(document) as unknown[]) : []), waiver]))
  return document.toString({ lineWidth: 0 })
}

const startOf = ({ range }: { readonly range?: readonly number[] | null | undefined }): number => range?.[0] ?? 0

/** Behind the line on which the last item ends. */
function endOf(text: string, list: YAMLSeq): number {
  const last = list.items.at(-1)
  const range = isMap(last) || isScalar(last) ? last.range : undefined
  const [, end = text.length] = range ?? list.range ?? []
  const line = text.indexOf('\n', Math.max(0, end - 1))
  return line === -1 ? text.length : line + 1
}

function itemOf({ package: spec, integrity, waives, reason, approvedBy, expires }: NewWaiver, column: number): string {
  const lines = stringify({ package: spec, integrity, waives, reason, approvedBy, expires }, { lineWidth: 0 }).trimEnd().split('\n')
  return lines.map((line, index) => `${' '.repeat(column)}${index === 0 ? '- ' : '  '}${line}\n`).join('')
}
