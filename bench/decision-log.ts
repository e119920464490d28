/** What an entry of the decision log costs the main thread: the record, the queue, and handing it over. */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DecisionLogStore } from '../plugin/audit/decision-log.ts'
import { RecordedDecisions } from '../plugin/audit/recorded.ts'
import type { Decision } from '../plugin/domain/ports.ts'

const ROUNDS = 20
const ENTRIES = 10_000
/** So many in one turn of the event loop. */
const TOGETHER = 100
const evidence = { signature: true, publishAttestation: false, provenance: true, pinned: true }
const verdict: Decision['verdict'] = { outcome: 'allow', rule: 'every other package (recommended)', reasons: [] }
const served: Decision = { kind: 'served', ref: { name: '@acme/widget', version: '1.2.3' }, uplink: 'npmjs', integrity: `sha512-${'A'.repeat(86)}==`, verdict, policyRevision: '0123456789ab', at: new Date(), evidence }

const dir = mkdtempSync(path.join(tmpdir(), 'bench-log-'))
const log = new DecisionLogStore({
  store: path.join(dir, 'log.db'), log: 'mirror', keysDir: path.join(dir, 'keys'), jsonl: undefined, environment: {}, keep: 1e12, maxRows: undefined,
  clock: { now: () => new Date() }, warn: console.error,
})
await log.open()
const decisions = new RecordedDecisions(log)
const costs: number[] = []
const rates: number[] = []
for (let round = 0; round < ROUNDS; round++) {
  const [began, cpu] = [performance.now(), process.threadCpuUsage()]
  for (let index = 0; index < ENTRIES; index += TOGETHER) {
    for (let one = 0; one < TOGETHER; one++) decisions.record({ ...served, at: new Date(), asker: { address: '192.0.2.7', client: `npm/11.0.0 node/v24.0.${String(one)} linux x64`, user: undefined } })
    await new Promise((resolve) => { setImmediate(resolve) })
  }
  await log.flush()
  const { user, system } = process.threadCpuUsage(cpu)
  costs.push((user + system) / ENTRIES)
  rates.push(ENTRIES / ((performance.now() - began) / 1000))
}
const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN
console.log(`main thread: ${median(costs).toFixed(2)} us of CPU per entry; ${Math.round(median(rates)).toLocaleString('en')} entries a second are kept`)
console.log(`on disk: ${String(Math.round(statSync(path.join(dir, 'log.db')).size / ROUNDS / ENTRIES))} bytes per entry`)
await log.close()
rmSync(dir, { recursive: true })
