import { get } from '../load/fetch.ts'
import { fullHeaders, packumentHeaders, plain } from '../load/requests.ts'

/** What the benchmark tells the fake upstream, and what that counts. */
export const CONTROL = '/-/benchmark'

export interface Orders {
  /** Milliseconds before every answer. */
  readonly delay?: number
  /** A package whose packument is another document from now on. */
  readonly touch?: string
  /** Counts begin again. */
  readonly reset?: boolean
}

export interface Counts {
  readonly packuments: number
  readonly notModified: number
  readonly tarballs: number
  readonly attestations: number
}

export async function tell(upstream: string, orders: Orders): Promise<Counts> {
  const response = await fetch(`${upstream}${CONTROL}`, { method: 'POST', body: JSON.stringify(orders) })
  return (await response.json()) as Counts
}

/** Has the upstream make its answers, in every form a server may ask for, so that no server waits for that. */
export async function prepare(upstream: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    for (const headers of [fullHeaders, packumentHeaders]) for (const sent of [headers, plain(headers)]) await get(`${upstream}${path}`, sent)
  }
}
