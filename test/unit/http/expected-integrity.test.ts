import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { expectsOtherBytes } from '../../../plugin/http/expected-integrity.ts'

const digest = (text: string): Buffer => createHash('sha512').update(text).digest()
const SERVED = digest('served').toString('hex')
const SAME = `sha512-${digest('served').toString('base64')}`
const OTHER = `sha512-${digest('other').toString('base64')}`
const objects = (header: string | string[] | undefined): boolean => expectsOtherBytes({ headers: { 'pacote-integrity': header } }, SERVED)

describe('what a client expects of a tarball', () => {
  it('other bytes', () => assert.ok(objects(OTHER)))
  it('other bytes, with more digests and options', () => {
    for (const header of [`sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk= ${OTHER}`, `${OTHER}?foo`, `${OTHER} ${OTHER}`]) assert.ok(objects(header), header)
  })
  it('these bytes', () => {
    for (const header of [SAME, `${SAME}?foo`, `${OTHER} ${SAME}`, `sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk= ${SAME}`]) assert.ok(!objects(header), header)
  })
  it('what says nothing about sha512 is no objection', () => {
    for (const header of [undefined, '', 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=', 'sha512-', `x${OTHER}`, OTHER.slice(0, -3), `${OTHER}x`, [OTHER]])
      assert.ok(!objects(header), String(header))
  })
  it('a header longer than any lockfile writes is not read', () => assert.ok(!objects(`${OTHER} ${'x'.repeat(2000)}`)))
})
