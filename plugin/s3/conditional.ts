import { randomUUID } from 'node:crypto'
import type { Bucket } from './objects.ts'

const contentType = 'text/plain'

/**
 * Whether the bucket holds writers to what they say must be there: some services beside AWS ignore the headers, and what two
 * mirrors write at one time would be lost. Found out by trying, since no service says so.
 * @throws BucketUnavailable
 */
export async function isConditional(bucket: Bucket): Promise<boolean> {
  const key = `.mirror/probe-${randomUUID()}`
  try {
    const first = await bucket.put(key, 'one', { condition: { absent: true }, contentType })
    // What is new to it is refused: it does not understand the condition.
    if (first === 'conflict') return false
    const put = (text: string, etag?: string): ReturnType<Bucket['put']> => bucket.put(key, text, { condition: etag === undefined ? { absent: true } : { etag }, contentType })
    if ((await put('two')) !== 'conflict') return false
    if ((await put('three', first.etag)) === 'conflict') {
      bucket.matchesBare = true
      if ((await put('three', first.etag)) === 'conflict') return false
    }
    return (await put('four', first.etag)) === 'conflict'
  } finally {
    await bucket.delete(key).catch(() => undefined)
  }
}
