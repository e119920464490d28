/** Stretches of work with what they were of, where somebody records them (OpenTelemetry calls them spans). */

/** By the names of OpenTelemetry's semantic conventions, and `provenance.*`. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>

export interface Span {
  readonly name: string
  /** `client`: another system is asked. */
  readonly kind?: 'internal' | 'client' | undefined
  /** Called where it is recorded, and nowhere else. */
  readonly attributes: () => SpanAttributes
}

export interface Tracing {
  /** Runs `work` as a span: what begins in it is part of it. What it rejects with is noted as a type, not as a text. */
  traced<Result>(span: Span, work: (note: (attributes: SpanAttributes) => void) => Promise<Result>): Promise<Result>
  /** Adds to the span that is running, if there is one. */
  note(attributes: () => SpanAttributes): void
  /** Headers that tell another system which trace its work belongs to; empty unless the configuration wants them sent. */
  headers(): Readonly<Record<string, string>>
}

export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>

export interface RequestTracing extends Tracing {
  /** Whether anybody records: what is put together for spans can be left out otherwise. */
  readonly isOn: boolean
  /** Opens the span of one request, under the one that its headers name. `name`: method and route, since traces are grouped by it. */
  request(headers: RequestHeaders, span: Omit<Span, 'kind'>): OpenRequest
}

export interface OpenRequest {
  /** Runs the handling of the request, so that what it begins is part of the span. */
  run<Result>(handle: () => Result): Result
  /** @param status 0 when the client went away */
  end(status: number): void
}

const ignore = (): void => undefined

export const NO_TRACING: Tracing = {
  traced: (_span, work) => work(ignore),
  note: ignore,
  headers: () => ({}),
}
