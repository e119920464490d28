/**
 * `node bench/simulation/main.ts [--measure] [--write]`: what so many developers need. `--measure` measures this machine first and keeps what it found
 * (after `npm run build`); `--write` puts the guide into docs/.
 */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { pinThisProcess } from '../children.ts'
import { ROOT } from '../programs.ts'
import { assumed } from './assumptions.ts'
import { readCosts, writeCosts } from './costs.ts'
import { sizingChart, sizingDocument, sizings } from './document.ts'
import { measure } from './measure.ts'

const { values } = parseArgs({ options: { measure: { type: 'boolean', default: false }, write: { type: 'boolean', default: false } } })
if (values.measure) {
  pinThisProcess()
  writeCosts(await measure())
}
const costs = readCosts()
const found = sizings(costs, assumed())
const text = sizingDocument(found, costs)
console.log(text)
if (values.write) {
  writeFileSync(path.join(ROOT, 'docs/sizing.md'), text)
  writeFileSync(path.join(ROOT, 'docs/sizing.svg'), sizingChart(found, costs))
}
process.exit(0)
