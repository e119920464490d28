import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Context, type ContextManager } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { AlwaysOffSampler, BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace-base'
import { createTracing } from '../../../plugin/audit/tracing.ts'
import { Unavailable } from '../../../plugin/domain/errors.ts'

/** As an SDK for Node registers one. */
class AsyncContexts implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>()
  active(): Context { return this.#storage.getStore() ?? ROOT_CONTEXT }
  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(within: Context, fn: F, thisArg?: ThisParameterType<F>, ...args: A): ReturnType<F> {
    return this.#storage.run(within, () => fn.apply(thisArg, args))
  }
  bind<T>(_within: Context, target: T): T { return target }
  enable(): this { return this }
  disable(): this { return this }
}

const options = { version: '1', propagate: false }
const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = 'b7ad6b7169203331'

describe('tracing', () => {
  const exporter = new InMemorySpanExporter()
  const register = (more: ConstructorParameters<typeof BasicTracerProvider>[0] = {}): void => {
    context.setGlobalContextManager(new AsyncContexts())
    propagation.setGlobalPropagator(new W3CTraceContextPropagator())
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)], ...more }))
  }
  afterEach(() => {
    exporter.reset()
    trace.disable()
    context.disable()
    propagation.disable()
  })
  const spans = (): readonly ReadableSpan[] => exporter.getFinishedSpans()
  const one = (name: string): ReadableSpan => {
    const found = spans().find((span) => span.name === name)
    assert.ok(found, name)
    return found
  }

  it('without an SDK: nothing is put together, and everything is done', async () => {
    const tracing = createTracing({ ...options, propagate: true })
    const never = (): never => { throw new Error('asked for') }
    assert.equal(await tracing.traced({ name: 'a', attributes: never }, () => Promise.resolve(7)), 7)
    tracing.note(never)
    const request = tracing.request({ traceparent: `00-${TRACE}-${PARENT}-01` }, { name: 'GET', attributes: never })
    assert.equal(request.run(() => 8), 8)
    request.end(200)
    assert.deepEqual([tracing.headers(), spans()], [{}, []])
  })
  it('an SDK that is registered after the mirror began is seen', async () => {
    const tracing = createTracing(options)
    await tracing.traced({ name: 'before', attributes: () => ({}) }, () => Promise.resolve())
    register()
    await tracing.traced({ name: 'after', attributes: () => ({}) }, () => Promise.resolve())
    assert.deepEqual(spans().map(({ name }) => name), ['after'])
  })
  it('a request is a server span under the trace of its client, and what it begins is part of it', async () => {
    register()
    const tracing = createTracing(options)
    const request = tracing.request({ traceparent: `00-${TRACE}-${PARENT}-01` }, { name: 'GET tarball', attributes: () => ({ 'provenance.route': 'tarball' }) })
    await request.run(() => tracing.traced({ name: 'uplink', kind: 'client', attributes: () => ({ 'provenance.uplink': 'npmjs' }) }, () => {
      tracing.note(() => ({ 'provenance.package': 'widget' }))
      return Promise.resolve()
    }))
    request.end(200)
    const [outer, inner] = [one('GET tarball'), one('uplink')]
    assert.deepEqual([outer.kind, outer.parentSpanContext?.spanId, outer.spanContext().traceId], [SpanKind.SERVER, PARENT, TRACE])
    assert.deepEqual([inner.kind, inner.parentSpanContext?.spanId], [SpanKind.CLIENT, outer.spanContext().spanId])
    assert.deepEqual(outer.attributes, { 'provenance.route': 'tarball', 'http.response.status_code': 200 })
    assert.deepEqual(inner.attributes, { 'provenance.uplink': 'npmjs', 'provenance.package': 'widget' })
  })
  it('under what instruments the HTTP server it is an internal span', () => {
    register()
    const outer = trace.getTracer('http').startSpan('GET')
    context.with(trace.setSpan(context.active(), outer), () => { createTracing(options).request({ traceparent: `00-${TRACE}-${PARENT}-01` }, { name: 'inner', attributes: () => ({}) }).end(200) })
    assert.deepEqual([one('inner').kind, one('inner').parentSpanContext?.spanId], [SpanKind.INTERNAL, outer.spanContext().spanId])
  })
  it('what its client does not record stays unrecorded, with all that is part of it', async () => {
    register()
    const tracing = createTracing({ ...options, propagate: true })
    const request = tracing.request({ traceparent: `00-${TRACE}-${PARENT}-00` }, { name: 'GET', attributes: () => ({}) })
    const headers = await request.run(() => tracing.traced({ name: 'part', attributes: () => ({}) }, () => Promise.resolve(tracing.headers())))
    request.end(200)
    assert.deepEqual(spans(), [])
    assert.match(headers.traceparent ?? '', new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`))
  })
  it('a sampler that takes nothing has no attributes put together', () => {
    register({ sampler: new AlwaysOffSampler() })
    createTracing(options).request({}, { name: 'GET', attributes: () => { throw new Error('asked for') } }).end(200)
  })
  it('another system is told of a trace only where the configuration says so', async () => {
    register()
    for (const [propagate, told] of [[false, false], [true, true]] as const) {
      const tracing = createTracing({ version: '1', propagate })
      const headers = await tracing.traced({ name: 'uplink', attributes: () => ({}) }, () => Promise.resolve(tracing.headers()))
      assert.equal('traceparent' in headers, told)
    }
  })
  it('a failure is noted as its type or code, without its text', async () => {
    register()
    const tracing = createTracing(options)
    const fail = (name: string, error: unknown): Promise<unknown> => tracing.traced({ name, attributes: () => ({}) }, () => Promise.reject(error as Error)).catch(() => undefined)
    await fail('a', new Unavailable('evidence-unavailable', 'written by an upstream'))
    await fail('b', new TypeError('written by an upstream'))
    await fail('c', 'text')
    assert.deepEqual(spans().map(({ attributes, status: { code } }) => [attributes, code]), ['evidence-unavailable', 'TypeError', 'unknown'].map((type) => [{ 'error.type': type }, SpanStatusCode.ERROR]))
    assert.equal(JSON.stringify(spans().map(({ attributes, events, status }) => [attributes, events, status])).includes('upstream'), false)
  })
  it('a client that went away, and an answer that is an error', () => {
    register()
    const tracing = createTracing(options)
    for (const status of [0, 503, 404]) tracing.request({}, { name: String(status), attributes: () => ({}) }).end(status)
    assert.deepEqual(one('0').attributes, { 'error.type': 'aborted' })
    assert.deepEqual([one('503').attributes['error.type'], one('503').status.code], ['503', SpanStatusCode.ERROR])
    assert.deepEqual([one('404').attributes['error.type'], one('404').status.code], [undefined, SpanStatusCode.UNSET])
  })
  it('long texts are cut, what is not known is left out', async () => {
    register()
    await createTracing(options).traced({ name: 'a', attributes: () => ({ 'provenance.version': 'v'.repeat(10_000), 'provenance.package': undefined }) }, () => Promise.resolve())
    assert.deepEqual(one('a').attributes, { 'provenance.version': 'v'.repeat(512) })
  })
})
