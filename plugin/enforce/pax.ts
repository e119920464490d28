import { NotATarball } from '../domain/ports.ts'

/**
 * Reads the records of a pax extended header, `LENGTH KEY=VALUE\n` (POSIX.1-2024, pax). Some readers split it at line ends
 * instead and cut values at a NUL, so that a comment could hide a `path` from one of them: such values are refused.
 * @throws NotATarball
 */
export function parsePaxRecords(body: Buffer): ReadonlyMap<string, string> {
  const records = new Map<string, string>()
  let position = 0
  while (position < body.length) {
    const head = /^(\d{1,7}) /.exec(body.subarray(position, position + 8).toString('latin1'))
    const length = Number(head?.[1])
    const record = body.subarray(position, position + length).toString('utf8')
    const equals = record.indexOf('=')
    if (head === null || length < 5 || position + length > body.length || !record.endsWith('\n') || equals < 0) {
      throw new NotATarball('malformed extended header')
    }
    const key = record.slice(head[0].length, equals)
    const value = record.slice(equals + 1, -1)
    if (/[\n\0]/.test(value)) throw new NotATarball('extended header with a value of several lines')
    // A repeated key, or a name given in GNU's way for sparse files, is read by some and not by others.
    if (records.has(key) || key.startsWith('GNU.sparse.')) throw new NotATarball('extended header with two readings')
    records.set(key, value)
    position += length
  }
  return records
}
