/**
 * `npm run bench [-- --quick] [--only PART…] [--rounds N] [--write]`: this mirror beside other registries, as ratios within one run, since
 * absolute figures drift with the machine. `--write` puts the report into docs/.
 */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { pinThisProcess } from './children.ts'
import { withContext } from './context.ts'
import { PARTS, type PartName } from './parts.ts'
import { ROOT } from './programs.ts'
import { chart } from './report/chart.ts'
import { report, type Finding } from './report/document.ts'
import type { Section } from './report/section.ts'
import { leftOut } from './servers/index.ts'
import { WRK_MISSING, hasWrk } from './load/wrk.ts'

const names = [...PARTS.keys()]
const usual = [...PARTS].flatMap(([name, { isExtra }]) => (isExtra === true ? [] : [name]))
const USAGE = `npm run bench [-- --quick] [--only PART]… [--rounds N] [--write]
parts: ${names.join(', ')}`
const values = asked()
if (values.help) {
  console.log(USAGE)
  process.exit(0)
}
const unknown = values.only.filter((name) => !PARTS.has(name as PartName))
const rounds = Number(values.rounds ?? (values.quick ? 1 : 5))
if (!Number.isInteger(rounds) || rounds < 1) {
  console.error('--rounds takes a number from 1')
  process.exit(2)
}
if (unknown.length > 0) {
  console.error(`no part ${unknown.join(', ')}; there are ${names.join(', ')}`)
  process.exit(2)
}

pinThisProcess()
const missing = [...(hasWrk() ? [] : [WRK_MISSING]), ...leftOut()]
for (const line of missing) console.error(`  ${line}`)
const from = performance.now()
const findings = await withContext({ quick: values.quick, rounds }, async (context) => {
  const found: Finding[] = []
  for (const [name, { title, needsWrk, measure }] of PARTS) {
    if (!values.only.includes(name) || (needsWrk && !context.hasWrk)) continue
    const since = performance.now()
    context.say(`${name}:`)
    found.push({ name, title, section: await measure(context).catch(failed) })
    context.say(`${name} took ${((performance.now() - since) / 1000).toFixed(0)} s`)
  }
  return found
})
const seconds = (performance.now() - from) / 1000
const text = report(findings, { quick: values.quick, rounds, only: usual.every((name) => values.only.includes(name)) ? [] : values.only, missing, seconds })
console.log(text)
if (values.write) {
  writeFileSync(path.join(ROOT, 'docs/performance.md'), text)
  const growth = findings.flatMap(({ section }) => section.growth ?? [])
  if (growth.length > 0) writeFileSync(path.join(ROOT, 'docs/performance-growth.svg'), chart(growth))
}
process.exit(findings.some(({ section }) => section.failed === true) ? 1 : 0)

/** What the command line says; an option that there is none of ends the process. */
function asked() {
  try {
    return parseArgs({
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        quick: { type: 'boolean', default: false },
        rounds: { type: 'string' },
        write: { type: 'boolean', default: false },
        only: { type: 'string', multiple: true, default: usual },
      },
    }).values
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`)
    process.exit(2)
  }
}

/** One part that fails does not take the others along. */
function failed(error: unknown): Section {
  const why = error instanceof Error ? error.message : String(error)
  console.error(`  failed: ${why}`)
  return { tables: [], targets: [], notes: [`Failed in this run: ${why.split('\n')[0] ?? ''}`], failed: true }
}
