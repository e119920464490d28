/** `npm run clients:docs`: runs the whole client matrix and writes docs/clients.md from what was seen. */
import { spawnSync } from 'node:child_process'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..')
const mocha = path.join(root, 'node_modules/mocha/bin/mocha.js')
const args = ['--no-config', '--extension', 'ts', '--require', './test/support/hooks.ts', 'test/clients/matrix.test.ts']
const { status } = spawnSync(process.execPath, [mocha, ...args], { cwd: root, stdio: 'inherit', env: { ...process.env, CLIENTS: 'all', CLIENTS_DOCS: 'write' } })
process.exit(status ?? 1)
