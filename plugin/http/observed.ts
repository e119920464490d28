import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RequestMeasures } from '../domain/measures.ts'
import type { RequestTracing, SpanAttributes } from '../domain/tracing.ts'
import { lengthOf, type AccessLines } from './access-lines.ts'
import { addressed, type Addressed } from './route-class.ts'

export interface Observation {
  readonly requests: RequestMeasures
  readonly tracing: RequestTracing
  /** Undefined where nobody wants an access log. */
  readonly lines?: AccessLines | undefined
}

/** Handles a request the long way and takes note of how it was answered, however it ends. */
export function observed(request: IncomingMessage, response: ServerResponse, { requests, tracing }: Observation, handle: () => void): void {
  // Broken off before it came here: `close` will not come once more.
  if (response.closed) {
    handle()
    return
  }
  const { method = '', url = '' } = request
  const asked = addressed(method, url)
  const began = performance.now()
  const span = tracing.request(request.headers, { name: `${method} ${asked.route}`, attributes: () => attributesOf(request, asked, false) })
  requests.open++
  response.once('close', () => {
    requests.open--
    const status = response.writableFinished ? response.statusCode : 0
    requests.of[asked.route].whole.note(status, (performance.now() - began) / 1000, lengthOf(request, response))
    span.end(status)
  })
  span.run(handle)
}

/** As the semantic conventions for HTTP servers name them. No query, no headers, and nothing of who asks. */
export const attributesOf = ({ method, url = '', socket }: IncomingMessage, { route, name, version }: Addressed, warm: boolean): SpanAttributes => ({
  'http.request.method': method,
  'url.path': url.split('?', 1)[0],
  'url.scheme': 'encrypted' in socket ? 'https' : 'http',
  'provenance.route': route,
  'provenance.package': name,
  'provenance.version': version,
  'provenance.warm': warm,
})
