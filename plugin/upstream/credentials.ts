import { readFile } from 'node:fs/promises'
import { RequestFailure } from './failure.ts'
import type { Credentials } from './options.ts'

/**
 * The Authorization header of one request. A token in a file is read for each: services that let tokens live for hours have
 * theirs replaced while the mirror runs.
 *
 * Where there is none to send, nothing is asked: a registry answers 404 to strangers, and that would be taken for "has no such
 * package" and send the question on to the next uplink.
 * @throws RequestFailure
 */
export async function authorization({ type, token, tokenFile }: Credentials): Promise<string> {
  const value = tokenFile === undefined ? token : await tokenIn(tokenFile)
  if (value === undefined || !isToken(value)) throw new RequestFailure('has no token to be asked with: the variable or file that holds it is empty or unreadable')
  return `${type === 'basic' ? 'Basic' : 'Bearer'} ${value}`
}

/** The text of a file without the white space around it; undefined when it cannot be read. */
const tokenIn = (file: string): Promise<string | undefined> => readFile(file, 'utf8').then((text) => text.trim(), () => undefined)

/** One word of printable ASCII: RFC 6750, 2.1 and RFC 7617, 2 allow no more, and a line break would begin another header. */
export const isToken = (text: string): boolean => /^[\x21-\x7e]{1,16384}$/.test(text)
