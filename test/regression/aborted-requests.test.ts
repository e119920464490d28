/** Clients that are gone before anybody looks at their request must not count for good. */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { createServer, request as ask, type ClientRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { NextFunction, Request, Response } from 'express'
import { inFlight } from '../../plugin/http/in-flight.ts'
import { publishVersion, type PublishVersionDeps } from '../../plugin/http/publish-version.ts'
import { publishBody } from '../support/publish.ts'

/** A response whose client broke off before it was looked at. */
const brokenOff = (): Promise<{ readonly request: IncomingMessage; readonly response: ServerResponse }> =>
  new Promise((resolve) => {
    const server = createServer((request, response) => {
      response.once('close', () => {
        server.close()
        resolve({ request, response })
      })
      client?.destroy()
    })
    let client: ClientRequest | undefined
    server.listen(0, '127.0.0.1', () => {
      client = ask({ host: '127.0.0.1', port: (server.address() as AddressInfo).port })
      client.on('error', () => undefined).end()
    })
  })

describe('regression: requests that were broken off', () => {
  it('[17f] take no place among those in flight', async () => {
    const handler = inFlight(1)
    const { request, response } = await brokenOff()
    handler(request as Request, response as Response, () => undefined)
    let passed = false
    handler(request as Request, new EventEmitter() as unknown as Response, () => { passed = true })
    assert.equal(passed, true)
  })

  it('a publish that was broken off can be tried again', async () => {
    let judged = 0
    const stop = new Error('judged')
    const deps = {
      auth: { allow_publish: (_pkg: unknown, _user: unknown, callback: (error: null, allowed: boolean) => void) => { callback(null, true) } },
      local: { clock: { now: () => new Date(0) }, registry: { packument: () => { judged++; return Promise.reject(stop) } } },
      base: () => 'http://localhost',
    } as unknown as PublishVersionDeps
    const handler = publishVersion(deps)
    const { body } = publishBody({ name: 'widget', version: '1.0.0' })
    const { response } = await brokenOff()
    const run = (to: unknown): Promise<void> => Promise.resolve(handler({ params: { package: 'widget' }, body } as unknown as Request, to as Response, (() => undefined) as NextFunction))
    await run(response).catch(() => undefined)
    await assert.rejects(run(new EventEmitter()), stop)
    assert.ok(judged > 0)
  })
})
