import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { standInFront } from '../../../plugin/http/front.ts'
import { metricsRoute, type MetricsOptions } from '../../../plugin/http/metrics.ts'
import { raw, type RawAnswer } from '../../support/raw.ts'

const PATH = '/-/provenance/metrics'
const ADDRESSES = { urls: [new URL('https://npm.acme.example')], prefix: '' }
const LOOPBACK = ['127.0.0.0/8', '::1']

describe('metrics: who may read them', () => {
  const servers: Server[] = []
  let failure: Error | undefined
  afterEach(() => {
    for (const server of servers.splice(0)) server.close()
    failure = undefined
  })

  async function start(options: Partial<MetricsOptions> | undefined, { trustProxy = false, fronted = false }: { readonly trustProxy?: boolean | string; readonly fronted?: boolean } = {}): Promise<(headers?: Readonly<Record<string, string>>) => Promise<RawAnswer>> {
    const app = express()
    app.set('trust proxy', trustProxy)
    // As Verdaccio's token middleware leaves it.
    app.use((request, _response, next) => {
      const name = request.headers['x-user']
      Object.assign(request, { remote_user: { name, groups: name === undefined ? ['$all', '$anonymous'] : ['$all', '$authenticated', String(request.headers['x-groups'] ?? '')] } })
      next()
    })
    const text = (): Promise<string> => (failure === undefined ? Promise.resolve('up 1\n') : Promise.reject(failure))
    metricsRoute(app, {
      storage: {} as never,
      logger: { warn: () => undefined, error: () => undefined },
      addresses: ADDRESSES,
      metrics: options && { text, contentType: 'text/plain; version=0.0.4', access: [], allow: LOOPBACK, ...options },
    })
    const server = createServer(app)
    servers.push(server)
    if (fronted) standInFront(server, ADDRESSES)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`
    return (headers = {}) => raw(url, PATH, { headers })
  }
  const status = async (answer: Promise<RawAnswer>): Promise<number> => (await answer).status

  it('somebody on this machine, without a login', async () => {
    const { status: code, headers, body } = await (await start({}))()
    assert.deepEqual([code, headers['content-type'], headers['cache-control'], body.toString()], [200, 'text/plain; version=0.0.4', 'no-store', 'up 1\n'])
  })
  it('nobody where they are switched off', async () => assert.equal(await status((await start(undefined))()), 404))
  it('nobody from an address that is not named', async () => assert.equal(await status((await start({ allow: ['10.0.0.0/8', '192.0.2.7'] }))()), 403))
  it('an address that is named', async () => assert.equal(await status((await start({ allow: ['192.0.2.7', '127.0.0.1'] }))()), 200))
  it('[15h] nobody through a proxy on this machine that Verdaccio was not told to believe', async () => {
    const ask = await start({})
    for (const header of ['x-forwarded-for', 'x-real-ip', 'forwarded', 'via']) assert.equal(await status(ask({ [header]: '127.0.0.1' })), 403, header)
  })
  it('[15h] nor where the front has tidied what the proxy said', async () => {
    const ask = await start({}, { fronted: true })
    assert.equal(await status(ask({ host: 'npm.acme.example' })), 200)
    assert.equal(await status(ask({ host: 'npm.acme.example', forwarded: 'for=192.0.2.1' })), 403)
  })
  it('[15h] by the address that a believed proxy tells, not by its own', async () => {
    const ask = await start({ allow: ['127.0.0.0/8', '192.0.2.0/24'] }, { trustProxy: 'loopback' })
    assert.equal(await status(ask({ 'x-forwarded-for': '198.51.100.1' })), 403)
    assert.equal(await status(ask({ 'x-forwarded-for': '192.0.2.9' })), 200)
    assert.equal(await status(ask({ 'x-forwarded-for': '::ffff:192.0.2.9' })), 200)
  })
  it('[15h] no page of the web in a browser on this machine', async () => {
    const ask = await start({})
    for (const header of ['origin', 'referer', 'sec-fetch-site']) assert.equal(await status(ask({ [header]: 'https://evil.example' })), 403, header)
  })
  it('[15h] no name of the web that leads here', async () => {
    const ask = await start({})
    assert.deepEqual(await Promise.all(['evil.example', 'npm.acme.example.', 'a.b:4873', 'a b'].map((host) => status(ask({ host })))), [400, 400, 400, 400])
    const fronted = await start({}, { fronted: true })
    assert.equal(await status(fronted({ host: 'evil.example' })), 400)
  })
  it('scrapers that name a machine or a container', async () => {
    const ask = await start({}, { fronted: true })
    for (const host of ['10.2.0.7:4873', 'mirror:4873', 'mirror', '[fd00::7]:4873', 'npm.acme.example']) assert.equal(await status(ask({ host })), 200, host)
  })
  it('users and groups that are named, from anywhere', async () => {
    const ask = await start({ allow: [], access: ['prometheus', 'operators'] })
    assert.equal(await status(ask({ 'x-user': 'prometheus' })), 200)
    assert.equal(await status(ask({ 'x-user': 'alice', 'x-groups': 'operators', origin: 'https://npm.acme.example' })), 200)
    assert.equal(await status(ask({ 'x-user': 'mallory' })), 403)
  })
  it('asks a stranger to log in where that would help', async () => {
    const answer = await (await start({ allow: [], access: ['prometheus'] }))()
    assert.deepEqual([answer.status, answer.headers['www-authenticate']], [401, 'Basic, Bearer'])
  })
  it('$all is everybody', async () => assert.equal(await status((await start({ allow: [], access: ['$all'] }))()), 200))
  it('a failure is told, and ends nothing', async () => {
    const ask = await start({})
    failure = new Error('disk')
    assert.equal(await status(ask()), 503)
    failure = undefined
    assert.equal(await status(ask()), 200)
  })
})
