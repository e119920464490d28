/** `node scripts/reliability-docs.ts`: plays every fault (it needs `npm run build`) and writes the table of docs/reliability.md from what was seen. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { readRows } from '../test/faults/rows.ts'
import { withTable } from './docs/reliability.ts'

const root = path.resolve(import.meta.dirname, '..')
const dir = mkdtempSync(path.join(tmpdir(), 'reliability-'))
try {
  const rows = path.join(dir, 'rows')
  const files = readdirSync(path.join(root, 'test/faults')).filter((file) => file.endsWith('.test.ts')).map((file) => path.join('test/faults', file))
  const mocha = path.join(root, 'node_modules/mocha/bin/mocha.js')
  const args = ['--no-config', '--extension', 'ts', '--require', './test/support/hooks.ts', ...files]
  // A fault that cannot be played here would be missing from the page: with CI=true it fails instead.
  const { status } = spawnSync(process.execPath, ['--no-warnings', mocha, ...args], { cwd: root, stdio: 'inherit', env: { ...process.env, CI: 'true', FAULTS_DOCS: rows } })
  if (status === 0) {
    const page = path.join(root, 'docs/reliability.md')
    writeFileSync(page, withTable(readFileSync(page, 'utf8'), readRows(rows)))
  }
  process.exitCode = status ?? 1
} finally {
  rmSync(dir, { recursive: true, force: true })
}
