/** `npm run bench [-- --quick]`: how long things take, as ratios within one run. Absolute figures drift with the machine. */
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { policyRows } from './policy.ts'
import { table } from './table.ts'

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } })

console.log(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}\n`)
console.log(table('Policy: evaluating a package', policyRows(values), '3000 versions, 1 rules'))
