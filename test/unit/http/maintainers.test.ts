import assert from 'node:assert/strict'
import { forgetMaintainers } from '../../../plugin/http/maintainers.ts'

describe('maintainers of a package that was unpublished', () => {
  it('a ledger that fails is logged: nobody waits for it, and a throw would end the process', () => {
    const errors: unknown[] = []
    const logger = { warn: () => undefined, error: (...args: readonly unknown[]) => { errors.push(args[0]) } }
    const failure = new Error('disk I/O error')
    const maintainers = { maintainersOf: () => undefined, setMaintainers: () => { throw failure } }
    forgetMaintainers('widget', { maintainers }, logger)
    assert.deepEqual(errors, [{ err: failure, package: 'widget' }])
  })
})
