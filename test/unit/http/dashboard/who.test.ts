import assert from 'node:assert/strict'
import type { RequestHandler } from 'express'
import type { VerdaccioAuth } from '../../../../plugin/http/access.ts'
import { mayRead, mayWrite, onlyJson, webToken } from '../../../../plugin/http/dashboard/who.ts'
import { Behind, BOB, CAROL, GROUPS } from './support.ts'

describe('who may see what was decided', () => {
  const answers = async (guard: RequestHandler, users: readonly unknown[]): Promise<readonly number[]> => {
    const server = new Behind('/', (_request, response) => void response.json({}), guard)
    await server.start()
    const statuses: number[] = []
    for (const user of users) {
      server.user = user
      statuses.push((await server.ask('/')).status)
    }
    server.stop()
    return statuses
  }

  it('readers, and writers', async () => {
    assert.deepEqual(await answers(mayRead(GROUPS), [BOB, CAROL, { name: 'eve', groups: ['eve'] }]), [200, 200, 403])
    assert.deepEqual(await answers(mayRead({ read: [], write: ['security'] }), [BOB, CAROL]), [403, 200])
  })
  it('writes: nobody unless a group is named', async () => {
    assert.deepEqual(await answers(mayWrite(GROUPS), [BOB, CAROL]), [403, 200])
    assert.deepEqual(await answers(mayWrite({ read: ['$authenticated'], write: [] }), [BOB, CAROL]), [403, 403])
  })
  it('nobody without a name, whatever groups Verdaccio puts him in', async () =>
    assert.deepEqual(await answers(mayRead({ read: ['$all'], write: ['$all'] }), [undefined, {}, { name: undefined, groups: ['$all'] }, { name: '', groups: ['$all'] }]), [401, 401, 401, 401]))
  it('groups that are none', async () => assert.deepEqual(await answers(mayRead(GROUPS), [{ name: 'eve', groups: '$authenticated' }, { name: 'eve', groups: [{}, null] }, { name: 'eve' }]), [403, 403, 403]))

  it('no window of the browser asks for a password', async () => {
    const server = new Behind('/', (_request, response) => void response.json({}), mayRead(GROUPS))
    await server.start()
    server.user = undefined
    assert.equal((await server.ask('/')).headers['www-authenticate'], 'Bearer')
    server.stop()
  })

  describe('the token of the web login', () => {
    const tokenOf = (claims: object): string => `Bearer x.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.x`
    const asked = async (authorization: string | undefined, user: unknown = { name: undefined, groups: ['$all'] }): Promise<readonly [number, boolean]> => {
      let isRead = false
      const auth = { webUIJWTmiddleware: (): RequestHandler => (request, _response, next) => {
        isRead = true
        Object.assign(request, { remote_user: BOB })
        next()
      } } as unknown as VerdaccioAuth
      const server = new Behind('/', (_request, response) => void response.json({}), webToken(auth), mayRead(GROUPS))
      await server.start()
      server.user = user
      const { status } = await server.ask('/', { headers: authorization === undefined ? {} : { authorization } })
      server.stop()
      return [status, isRead]
    }
    it('is taken', async () => assert.deepEqual(await asked(tokenOf({ name: 'bob', groups: [] })), [200, true]))
    it('is not looked at where the API knows who it is', async () => assert.deepEqual(await asked(tokenOf({ name: 'bob' }), BOB), [200, false]))
    it('[15h] a generated token is none: nobody would look whether it was revoked', async () => assert.deepEqual(await asked(tokenOf({ name: 'bob', token: { key: 'k' } })), [401, false]))
    for (const [what, header] of [['none', undefined], ['a password', 'Basic eDp5'], ['a token of another kind', 'Bearer abc'], ['no JSON', 'Bearer x.x.x']] as const)
      it(`${what} is left to the API`, async () => assert.deepEqual(await asked(header), [401, false]))
  })

  describe('a write', () => {
    const sent = async (headers: Readonly<Record<string, string>>, body?: string): Promise<number> => {
      const server = new Behind('/', (_request, response) => void response.json({}), mayWrite(GROUPS), onlyJson)
      await server.start()
      server.user = CAROL
      const { status } = await server.ask('/', { method: 'POST', headers, ...(body === undefined ? {} : { body }) })
      server.stop()
      return status
    }
    it('is JSON', async () => assert.equal(await sent({ 'content-type': 'application/json; charset=utf-8' }, '{}'), 200))
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonp', 'text/plain; application/json'])
      it(`is nothing that a form of another site can send: ${type}`, async () => assert.equal(await sent({ 'content-type': type }, '{}'), 415))
    it('without a type neither', async () => assert.equal(await sent({}, '{}'), 415))
    it('is an object', async () => assert.equal(await sent({ 'content-type': 'application/json' }, '[1]'), 400))
  })
})
