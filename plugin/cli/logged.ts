import type { DecisionRecord, DecisionWriter } from '../domain/decision.ts'
import type { LedgerOptions } from './ledger.ts'
import { printable } from './terminal.ts'

/** Runs a command that changes something; what it tells `log` is in the decision log of the configuration before this resolves. */
export async function logged<Result>(options: LedgerOptions, command: (log: DecisionWriter) => Result | Promise<Result>): Promise<Result> {
  const records: DecisionRecord[] = []
  const result = await command({ add: (record) => records.push(record) })
  if (records.length === 0) return result
  const [{ openDecisionLog }, { configOf }] = await Promise.all([import('../compose-log.ts'), import('./ledger.ts')])
  const warn = (message: string): void => { console.error(printable(message)) }
  const { log } = openDecisionLog(configOf(options), { warn, readOnly: false })
  for (const record of records) log.add(record)
  await log.close()
  return result
}
