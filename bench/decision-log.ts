/**
 * What the decision log costs for a tarball that is served: an entry each (every asker another), and the same again and again, as a
 * warm mirror gives it. On the main thread (the record, the queue, handing it over), and in the whole process with the thread that keeps it.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DecisionLogStore } from '../plugin/audit/decision-log.ts'
import { RecordedDecisions } from '../plugin/audit/recorded.ts'
import type { Asker } from '../plugin/domain/decision.ts'
import type { Decision } from '../plugin/domain/ports.ts'

const ROUNDS = 20
const ENTRIES = 10_000
/** So many in one turn of the event loop. */
const TOGETHER = 100
const evidence = { signature: true, publishAttestation: false, provenance: true, pinned: true }
const verdict: Decision['verdict'] = { outcome: 'allow', rule: 'every other package (recommended)', reasons: [] }
const served: Omit<Decision, 'at' | 'asker'> = { kind: 'served', ref: { name: '@acme/widget', version: '1.2.3' }, uplink: 'npmjs', integrity: `sha512-${'A'.repeat(86)}==`, verdict, policyRevision: '0123456789ab', evidence }

const dir = mkdtempSync(path.join(tmpdir(), 'bench-log-'))
const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN
const asker = (number: number): Asker => ({ address: '192.0.2.7', client: `npm/11.0.0 node/v24.0.${String(number)} linux x64`, user: undefined })
let askers = 0
for (const { title, of } of [
  { title: 'another asker each time', of: () => asker(askers++) },
  { title: 'the same asker', of: () => asker(0) },
  { title: 'a hundred askers in turn', of: () => asker(askers++ % 100) },
]) {
  const store = path.join(dir, `${title}.db`)
  const log = new DecisionLogStore({
    store, log: 'mirror', keysDir: path.join(dir, 'keys'), jsonl: undefined, environment: {}, keep: 1e12, maxRows: undefined,
    clock: { now: () => new Date() }, warn: console.error,
  })
  await log.open()
  // No room to count what is another each time: as an entry costs once twenty thousand are being counted.
  const decisions = new RecordedDecisions(log, { now: () => new Date(), max: title.startsWith('another') ? 0 : undefined })
  log.giveBefore(() => { decisions.write() })
  const [main, whole, rates]: [number[], number[], number[]] = [[], [], []]
  for (let round = 0; round < ROUNDS; round++) {
    const [began, cpu, all] = [performance.now(), process.threadCpuUsage(), process.cpuUsage()]
    for (let index = 0; index < ENTRIES; index += TOGETHER) {
      for (let one = 0; one < TOGETHER; one++) decisions.record({ ...served, at: new Date(), asker: of() })
      await new Promise((resolve) => { setImmediate(resolve) })
    }
    await log.flush()
    const [own, total] = [process.threadCpuUsage(cpu), process.cpuUsage(all)]
    main.push((own.user + own.system) / ENTRIES)
    whole.push((total.user + total.system) / ENTRIES)
    rates.push(ENTRIES / ((performance.now() - began) / 1000))
  }
  console.log(`${title}: main thread ${median(main).toFixed(2)} us, whole process ${median(whole).toFixed(2)} us of CPU per tarball; ${Math.round(median(rates)).toLocaleString('en')} a second`)
  const kept = (log.state.entries.served ?? 0)
  await log.close()
  if (title.startsWith('another')) console.log(`on disk: ${String(Math.round(statSync(store).size / kept))} bytes per entry`)
}
rmSync(dir, { recursive: true })
