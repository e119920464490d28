/** The page of faults names each one that is played, and no other. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { namesIn, withTable } from '../../../scripts/docs/reliability.ts'
import { durationText, type FaultRow } from '../../faults/rows.ts'

const ROOT = path.resolve(import.meta.dirname, '../../..')
const FAULTS = path.join(ROOT, 'test/faults')
const page = readFileSync(path.join(ROOT, 'docs/reliability.md'), 'utf8')

const ROW: FaultRow = {
  name: 'a | b',
  what: 'it breaks',
  recovery: 'by itself',
  seen: { during: { 200: ['known'], '503 internal-error': ['new', 'other'] }, after: { 200: ['new'] } },
  told: ['`/ready` 200'],
  took: 1500,
  file: '`test/faults/x.test.ts`',
}

describe('docs: reliability', () => {
  it('has a row for every fault, and for nothing else', function () {
    this.timeout(30_000)
    // As mocha finds them, without playing them.
    const files = readdirSync(FAULTS).filter((file) => file.endsWith('.test.ts')).map((file) => path.join(FAULTS, file))
    const mocha = path.join(ROOT, 'node_modules/mocha/bin/mocha.js')
    const { stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', mocha, '--no-config', '--extension', 'ts', '--dry-run', '--reporter', 'json', ...files], { cwd: ROOT, encoding: 'utf8' })
    assert.notEqual(stdout, '', stderr)
    const { tests } = JSON.parse(stdout) as { readonly tests: readonly { readonly title: string }[] }
    assert.deepEqual(namesIn(page).toSorted(), tests.map(({ title }) => title).toSorted(), 'run: node scripts/reliability-docs.ts')
  })
  it('a row says what came, of what, and how it ended', () => {
    const written = withTable('# x\n<!-- faults: written by node scripts/reliability-docs.ts -->\nold\n<!-- end of faults -->\nend\n', [ROW])
    assert.ok(written.includes('| **a \\| b**: it breaks | `200` known; `503 internal-error` new, other | `/ready` 200 | by itself; then `200` new (under 3 s) | `test/faults/x.test.ts` |'))
    assert.ok(!written.includes('old'))
    assert.ok(written.endsWith('<!-- end of faults -->\nend\n'))
    assert.throws(() => withTable('# no place', []))
  })
  it('times are said as they can be promised', () => {
    assert.deepEqual([20, 1200, 4000, 31_000].map(durationText), ['under 1 s', 'under 3 s', 'under 10 s', 'about 31 s'])
  })
  it('is linked', () => {
    for (const file of ['README.md', 'docs/deployment.md']) assert.ok(readFileSync(path.join(ROOT, file), 'utf8').includes('reliability.md'), file)
  })
})
