import assert from 'node:assert/strict'
import type { VerdaccioAuth } from '../../../plugin/http/access.ts'
import { anonymousAccess } from '../../../plugin/http/anonymous-access.ts'

const WIDGET = { packageName: 'widget', packageVersion: '1.0.0' }
const NOBODY = { name: undefined, groups: ['$all', '$anonymous'] }
type Decide = (callback: (error: Error | null, allowed?: boolean) => void) => void

function authOf(decide: Decide, plugins?: unknown): VerdaccioAuth & { asked: unknown[] } {
  const asked: unknown[] = []
  return {
    asked,
    allow_access: (pkg, user, callback) => { asked.push([pkg, user]); decide(callback) },
    allow_publish: () => undefined,
    webUIJWTmiddleware: () => () => undefined,
    plugins,
  }
}
const HTPASSWD = { authenticate: () => undefined }
const OWN = { authenticate: () => undefined, allow_access: () => undefined }
const granted: Decide = (callback) => { callback(null, true) }

describe('what everybody may read', () => {
  it('where only the configuration decides, nobody is asked again', () => {
    const auth = authOf(granted, [HTPASSWD, OWN])
    assert.deepEqual([anonymousAccess(auth).isGranted(WIDGET), auth.asked], [true, []])
  })
  for (const [what, plugins] of Object.entries({ 'a plugin that decides': [OWN, OWN], 'a plugin behind it': [OWN, HTPASSWD], 'no list of plugins': undefined, 'none that decides': [HTPASSWD] }))
    it(`${what}: it is asked each time, for the user of whom it was granted`, () => {
      const auth = authOf(granted, plugins)
      const access = anonymousAccess(auth)
      assert.equal(access.remember(NOBODY), true)
      assert.deepEqual([access.isGranted(WIDGET), auth.asked], [true, [[WIDGET, NOBODY]]])
    })
  for (const [what, decide] of Object.entries<Decide>({
    refuses: (callback) => { callback(new Error('forbidden')) },
    'does not know': (callback) => { callback(null, undefined) },
    'answers later': (callback) => { setImmediate(() => { callback(null, true) }) },
    'never answers': () => undefined,
  }))
    it(`not where the plugin ${what}`, () => {
      assert.equal(anonymousAccess(authOf(decide, [OWN, OWN])).isGranted(WIDGET), false)
    })
  it('nobody in particular is somebody without a name', () => {
    const access = anonymousAccess(authOf(granted))
    assert.deepEqual([NOBODY, { name: 'alice' }, { name: '' }, undefined, null, 'alice'].map((user) => access.remember(user)), [true, false, false, false, false, false])
  })
})
