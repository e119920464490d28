import { TarballRefused } from '../domain/ports.ts'
import { cutShort, encodingOf, lengthOf, tooLarge } from './body.ts'
import { discard, type Answer, type Connection, type Question } from './connection.ts'
import { asFailure, asUnavailable, RequestFailure } from './failure.ts'
import type { Uplink } from './options.ts'

const TARBALL_LIMIT = 2 * 1024 ** 3

/**
 * A tarball's address as a packument gives it, or undefined when it is not one this mirror may ask: an upstream must not be
 * able to aim it at a file, an internal host, or a host of its choice.
 */
export function allowedTarball(uplink: Uplink, address: string): URL | undefined {
  const url = URL.parse(address)
  return url !== null && isAllowed(uplink, url) ? url : undefined
}

const isAllowed = (uplink: Uplink, url: URL): boolean =>
  url.username === '' &&
  url.password === '' &&
  (url.origin === uplink.base.origin || (url.protocol === 'https:' && uplink.tarballHosts.has(url.host)))

/**
 * Opens a tarball and yields it in pieces. A body that breaks off is asked for again and what was yielded already is skipped:
 * the caller hashes what it gets, so bytes that differ the second time are found there.
 * @throws TarballRefused; Unavailable (`evidence-unavailable`), also while streaming
 */
export async function openTarball(
  connection: Connection,
  address: string,
  limit = TARBALL_LIMIT,
): Promise<AsyncIterable<Uint8Array> | 'absent'> {
  const { uplink } = connection
  const refused = (): TarballRefused => new TarballRefused(`Uplink ${uplink.name} names a tarball address that is not allowed`)
  const url = allowedTarball(uplink, address)
  if (url === undefined) throw refused()
  const question: Question = {
    kind: 'tarball',
    url,
    what: `tarball ${url.pathname.slice(-200)}`,
    // Compressed on the way, it would not be the bytes that were signed.
    headers: { accept: 'application/octet-stream, */*', 'accept-encoding': 'identity' },
    deadline: uplink.tarballDeadline,
    allows: (next) => isAllowed(uplink, next),
    refused,
    answers: [200, 404, 410],
  }
  const signal = connection.signal(question.deadline)
  const open = (): Promise<Answer | 'absent'> => connection.ask(question, (answer) => accepted(answer, limit), { signal })
  const first = await open()
  return first === 'absent' ? 'absent' : closing(resumed(connection, question, signal, first, open, limit), first)
}

/** A generator that nobody started does not run its `finally`: a tarball given back unread must still free its connection. */
const closing = (chunks: AsyncGenerator<Uint8Array>, answer: Answer): AsyncIterable<Uint8Array> => ({
  [Symbol.asyncIterator]: () => ({
    next: () => chunks.next(),
    return: () => {
      answer.body.destroy()
      return chunks.return(undefined)
    },
  }),
})

async function accepted(answer: Answer, limit: number): Promise<Answer | 'absent'> {
  if (answer.status !== 200) {
    await discard(answer.body)
    return 'absent'
  }
  const encoding = encodingOf(answer.header('content-encoding'))
  if (encoding !== 'identity') throw new RequestFailure('sent an encoding that was not asked for')
  if ((lengthOf(answer) ?? 0) > limit) throw tooLarge(limit)
  return answer
}

async function* resumed(
  connection: Connection,
  question: Question,
  signal: AbortSignal,
  first: Answer,
  open: () => Promise<Answer | 'absent'>,
  limit: number,
): AsyncGenerator<Uint8Array> {
  let sent = 0
  let answer: Answer | 'absent' = first
  for (let retries = connection.uplink.retries; ; retries--) {
    try {
      if (answer === 'absent') throw new RequestFailure('withdrew the tarball while it was being sent')
      for await (const chunk of pieces(answer, limit, sent)) {
        sent += chunk.byteLength
        yield chunk
      }
      return
    } catch (error) {
      const failure = asFailure(error, signal)
      const again = failure instanceof RequestFailure && failure.retryable && retries > 0
      if (!again) throw asUnavailable(failure, connection.uplink.name, question.what)
    }
    answer = await open()
  }
}

/** A body from byte `skip` on, checked against its announced length and the limit. */
async function* pieces(answer: Answer, limit: number, skip: number): AsyncGenerator<Uint8Array> {
  const expected = lengthOf(answer)
  let received = 0
  for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
    const start = Math.max(skip - received, 0)
    received += chunk.byteLength
    if (received > limit) throw tooLarge(limit)
    if (start < chunk.byteLength) yield start === 0 ? chunk : chunk.subarray(start)
  }
  if (received < skip || (expected !== undefined && received !== expected)) throw cutShort()
}
