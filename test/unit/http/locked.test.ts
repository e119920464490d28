/** Who changes a package: alone, for those who may, and only what he has seen. */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { NextFunction, Request, Response } from 'express'
import type { VerdaccioAuth, VerdaccioStorage } from '../../../plugin/http/access.ts'
import { forThoseWhoMay, locked } from '../../../plugin/http/locked.ts'
import { sameRevision } from '../../../plugin/http/revision.ts'
import { ProcessLocks } from '../../../plugin/store/package-locks.ts'

const NEXT: NextFunction = () => undefined
const closable = (closed = false): Response => Object.assign(new EventEmitter(), { closed, destroyed: false }) as unknown as Response
const of = (name: string, more: object = {}): Request => ({ params: { package: name, ...more } }) as unknown as Request
const goesOn = async (handler: ReturnType<typeof locked>, request: Request, response = closable()): Promise<boolean> => {
  let isOn = false
  await handler(request, response, () => { isOn = true })
  return isOn
}

describe('who changes a package', () => {
  it('has it until his answer has ended', async () => {
    const handler = locked(new ProcessLocks())
    const first = closable()
    assert.equal(await goesOn(handler, of('acme'), first), true)
    let isOn = false
    const second = Promise.resolve(handler(of('acme'), closable(), () => { isOn = true }))
    assert.equal(await goesOn(handler, of('other')), true)
    assert.equal(isOn, false)
    first.emit('close')
    await second
    assert.equal(isOn, true)
  })
  it('who went away while he waited changes nothing, and the next one is let in', async () => {
    const locks = new ProcessLocks()
    assert.equal(await goesOn(locked(locks), of('acme'), closable(true)), false)
    assert.equal(await goesOn(locked(locks), of('acme')), true)
  })
  it('[15i] who may not, never has it: the core refuses him', async () => {
    const locks = new ProcessLocks(20)
    const auth = (allowed: boolean): VerdaccioAuth => ({ allow_unpublish: (_pkg: unknown, _user: unknown, done: (error: null, allowed: boolean) => void) => { done(null, allowed) } }) as unknown as VerdaccioAuth
    for (const allowed of [false, false, true]) assert.equal(await goesOn(forThoseWhoMay(auth(allowed), 'unpublish', locked(locks)), of('acme')), true)
    await assert.rejects(Promise.resolve(forThoseWhoMay(auth(true), 'unpublish', locked(locks))(of('acme'), closable(), NEXT)))
    const none = {} as VerdaccioAuth
    assert.equal(await goesOn(forThoseWhoMay(none, 'unpublish', locked(locks)), of('acme')), true)
  })
})

describe('what was changed meanwhile', () => {
  const STORED = '7-0123456789abcdef'
  const storage = (answer: (callback: (error: Error | null, manifest?: object) => void) => void): VerdaccioStorage =>
    ({ getPackage: ({ callback }: { callback: (error: Error | null, manifest?: object) => void }) => { answer(callback) } }) as unknown as VerdaccioStorage
  const there = storage((callback) => { callback(null, { _rev: STORED }) })
  const status = async (request: object, from = there): Promise<number> => {
    let answered = 0
    const response = { status: (code: number) => { answered = code; return { json: () => undefined } } } as unknown as Response
    await sameRevision({ storage: from })(request as Request, response, () => { answered = 200 })
    return answered
  }
  const document = (_rev: string, more: object = {}): object => ({ _rev, versions: {}, ...more })

  for (const [what, request, expected] of [
    ['in the address, the same', { ...of('acme', { 0: `-rev/${STORED}` }) }, 200],
    ['in the address, another', { ...of('acme', { 0: '-rev/6-0123456789abcdef' }) }, 409],
    ['in the document, the same', { ...of('acme'), body: document(STORED) }, 200],
    ['in the document, another', { ...of('acme'), body: document('6-0123456789abcdef') }, 409],
    ['of a publish, which adds', { ...of('acme'), body: document('6-0123456789abcdef', { _attachments: { 'a.tgz': {} } }) }, 200],
    ['of a star, which names no versions', { ...of('acme'), body: { _rev: '6-0123456789abcdef', users: {} } }, 200],
    ['of the file of a version that is gone', { ...of('acme', { 0: '-/acme-1.0.0.tgz/-rev/6-0123456789abcdef' }) }, 200],
    ['written by hand', { ...of('acme', { 0: '-rev/whatever' }) }, 200],
  ] as const)
    it(what, async () => { assert.equal(await status(request), expected) })
  it('of a package that is not there is the core\'s to say', async () => {
    const none = storage((callback) => { callback(Object.assign(new Error('none'), { status: 404 })) })
    assert.equal(await status(of('acme', { 0: `-rev/${STORED}` }), none), 200)
  })
  it('nobody knows: nothing is changed', async () => {
    const failing = storage((callback) => { callback(new Error('the disk')) })
    await assert.rejects(status(of('acme', { 0: `-rev/${STORED}` }), failing))
  })
})
