import { context, propagation, SpanKind, SpanStatusCode, trace, type Attributes, type Context, type Span as OtelSpan, type TextMapGetter, type TracerProvider } from '@opentelemetry/api'
import { Unavailable } from '../domain/errors.ts'
import type { OpenRequest, RequestHeaders, RequestTracing, Span, SpanAttributes } from '../domain/tracing.ts'

export interface TracingOptions {
  readonly version: string
  /** Tells uplinks which trace their work belongs to. */
  readonly propagate: boolean
}

const TRACER = 'verdaccio-provenance'

const fromHeaders: TextMapGetter<RequestHeaders> = {
  keys: (headers) => Object.keys(headers),
  get: (headers, name) => (Object.hasOwn(headers, name) ? [headers[name] ?? []].flat() : undefined),
}

/**
 * Spans through OpenTelemetry's API alone, which does nothing until a user registers an SDK: attributes are put together for spans that
 * are recorded and for no others. Names of attributes follow the semantic conventions (HTTP 1.23 and later).
 */
export function createTracing({ version, propagate }: TracingOptions): RequestTracing {
  const tracer = trace.getTracer(TRACER, version)
  const isOn = registered()
  const note = (attributes: () => SpanAttributes): void => {
    if (!isOn()) return
    const span = trace.getActiveSpan()
    if (span?.isRecording() === true) span.setAttributes(defined(attributes()))
  }
  return {
    get isOn() { return isOn() },
    note,
    traced: (what, work) => !isOn() ? work(ignore) : tracer.startActiveSpan(what.name, { kind: kindOf(what) }, (span) => recorded(span, what, work)),
    headers: () => {
      const carrier: Record<string, string> = {}
      if (propagate) propagation.inject(context.active(), carrier)
      return carrier
    },
    request: (headers, { name, attributes }) => {
      if (!isOn()) return WITHOUT_SDK
      // What instruments Node's HTTP server has opened a span already, from the same headers.
      const isOutermost = trace.getActiveSpan() === undefined
      const parent = isOutermost ? propagation.extract(context.active(), headers, fromHeaders) : context.active()
      const span = tracer.startSpan(name, { kind: isOutermost ? SpanKind.SERVER : SpanKind.INTERNAL }, parent)
      if (span.isRecording()) span.setAttributes(defined(attributes()))
      return openRequest(span, trace.setSpan(parent, span))
    },
  }
}

const openRequest = (span: OtelSpan, within: Context): OpenRequest => ({
  run: (handle) => context.with(within, handle),
  end: (status) => {
    span.setAttributes(status === 0 ? { 'error.type': 'aborted' } : { 'http.response.status_code': status })
    if (status >= 500) span.setAttribute('error.type', String(status)).setStatus({ code: SpanStatusCode.ERROR })
    span.end()
  },
})

/**
 * Whether an SDK was registered, at any time since: warm answers are too many to ask OpenTelemetry's own no-op each time, which costs
 * ten times as much. A provider that is not the API's own proxy (its next major version has none) counts as an SDK.
 */
function registered(): () => boolean {
  let on = false
  return () => {
    if (on) return true
    const provider = trace.getTracerProvider() as TracerProvider & { getDelegateTracer?(name: string): unknown }
    on = provider.getDelegateTracer === undefined || provider.getDelegateTracer(TRACER) !== undefined
    return on
  }
}

const ignore = (): void => undefined
const WITHOUT_SDK: OpenRequest = { run: (handle) => handle(), end: () => undefined }

async function recorded<Result>(span: OtelSpan, { attributes }: Span, work: (note: (found: SpanAttributes) => void) => Promise<Result>): Promise<Result> {
  const isRecording = span.isRecording()
  if (isRecording) span.setAttributes(defined(attributes()))
  try {
    return await work((found) => { if (isRecording) span.setAttributes(defined(found)) })
  } catch (error) {
    // A type and no text: messages may quote what an upstream wrote.
    span.setAttribute('error.type', typeOf(error)).setStatus({ code: SpanStatusCode.ERROR })
    throw error
  } finally {
    span.end()
  }
}

const kindOf = ({ kind }: Span): SpanKind => (kind === 'client' ? SpanKind.CLIENT : SpanKind.INTERNAL)

function typeOf(error: unknown): string {
  if (error instanceof Unavailable) return error.reason.code
  return error instanceof Error ? error.name : 'unknown'
}

/** An upstream chooses names and versions, and how long they are. */
const MAX_TEXT = 512

const defined = (attributes: SpanAttributes): Attributes =>
  Object.fromEntries(Object.entries(attributes).flatMap(([name, value]) => (value === undefined ? [] : [[name, typeof value === 'string' ? value.slice(0, MAX_TEXT) : value]])))
