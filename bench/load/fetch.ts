/** Requests one by one, for what is measured once: cold answers, a herd. Bodies are taken as they come, not decompressed. */
import http from 'node:http'

export interface Fetched {
  readonly status: number
  readonly etag: string | undefined
  readonly bytes: number
  readonly milliseconds: number
}

export type Headers = Readonly<Record<string, string>>

/** @throws Error when the connection breaks */
export function get(url: string, headers: Headers, agent?: http.Agent): Promise<Fetched> {
  const from = performance.now()
  return new Promise((resolve, reject) => {
    http.get(url, { headers, ...(agent === undefined ? {} : { agent }) }, (response) => {
      let bytes = 0
      response.on('data', (chunk: Buffer) => { bytes += chunk.length })
      response.once('error', reject)
      response.once('end', () => {
        resolve({ status: response.statusCode ?? 0, etag: response.headers.etag, bytes, milliseconds: performance.now() - from })
      })
    }).once('error', reject)
  })
}

/** The same, when it must be there. @throws Error for any other status */
export async function take(url: string, headers: Headers, agent?: http.Agent): Promise<Fetched> {
  const fetched = await get(url, headers, agent)
  if (fetched.status !== 200) throw new Error(`${url} was ${fetched.status}`)
  return fetched
}

/** All of them, `width` at a time over connections that are kept. Returns the wall time in milliseconds. */
export async function takeAll(urls: readonly string[], headers: Headers, width: number): Promise<number> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: width })
  const from = performance.now()
  try {
    await Promise.all(urls.map((url) => take(url, headers, agent)))
  } finally {
    agent.destroy()
  }
  return performance.now() - from
}
