/**
 * A process with a decision log: `logging-process.ts <dir> <how>`; gives it entries, says so, and ends by `exit`, or when it is told to.
 * `again`: always the same, as its number.
 */
import { writeSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import path from 'node:path'
import { DecisionLogStore } from '../../plugin/audit/decision-log.ts'
import { RecordedDecisions } from '../../plugin/audit/recorded.ts'
import type { Decision } from '../../plugin/domain/ports.ts'
import { recordOf } from './decision-log.ts'

const [dir = '', how = ''] = process.argv.slice(2)
const log = new DecisionLogStore({
  store: path.join(dir, 'log.db'),
  log: 'mirror',
  keysDir: path.join(dir, 'keys'),
  jsonl: { file: path.join(dir, 'log.jsonl'), maxSize: 1e9, files: 1 },
  environment: {},
  keep: 1e12,
  maxRows: undefined,
  clock: { now: () => new Date() },
  warn: (message) => { writeSync(2, `${message}\n`) },
})
await log.open()
let given = 0
const give = (): void => { log.add(recordOf({ at: new Date().toISOString(), version: `${String(++given)}.0.0` })) }
const decisions = new RecordedDecisions(log, { now: () => new Date() })
log.giveBefore(() => { decisions.write() })
const verdict: Decision['verdict'] = { outcome: 'allow', rule: 'all', reasons: [] }
const giveAgain = (): void => {
  given++
  decisions.record({ kind: 'served', ref: { name: 'widget', version: '1.0.0' }, uplink: 'main', integrity: 'sha512-AAAA', verdict, policyRevision: 'p1', at: new Date(), asker: { address: '192.0.2.7' } })
}
if (how === 'exit') {
  for (let i = 0; i < 1000; i++) give()
  writeSync(1, `given ${String(given)}\n`)
  process.exit(0)
}
// As a busy mirror gives them; each line says how many, and when.
for (;;) {
  for (let i = 0; i < 20; i++) (how === 'again' ? giveAgain : give)()
  writeSync(1, `given ${String(given)} ${String(Date.now())}\n`)
  await wait(5)
}
