/** Pages that are made from code and data say what code and data say. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { casesDocument } from '../../../scripts/docs/cases.ts'
import { reasonsDocument } from '../../../scripts/docs/reasons.ts'

const ROOT = path.resolve(import.meta.dirname, '../../..')
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8')

describe('docs: generated pages', () => {
  for (const [file, document] of [['docs/reasons.md', reasonsDocument], ['docs/cases.md', casesDocument]] as const) {
    it(`${file} is current`, () => assert.equal(read(file), document(), 'run: node scripts/docs.ts'))
    it(`${file} is linked`, () => assert.ok(read('docs/policy.md').includes(`(${path.basename(file)})`)))
  }
})
