import path from 'node:path'
import { readConfiguredPolicy } from '../compose.ts'
import { configOf, usage, withLedger, type LedgerOptions } from './ledger.ts'
import { jsonText } from './terminal.ts'

export interface PublishPolicyOptions extends LedgerOptions {
  readonly approvedBy?: string
}

/**
 * `policy publish`: gives a policy, with the files it includes, to all mirrors that share the ledger; the lines to print.
 * @throws ConfigurationError when it is wrong, or the configuration does not say that published policies count
 */
export async function publishPolicy(file: string, options: PublishPolicyOptions): Promise<readonly string[]> {
  const at = new Date()
  const absolute = path.resolve(file)
  const { policy, error, texts } = readConfiguredPolicy({ place: 'file', file: absolute }, at)
  if (error !== undefined) throw error
  if (!isShared(options))
    throw usage(options.config ?? 'data/config.yaml', 'does not say that a published policy counts', 'Set `policy: shared` in it, with `store: postgres://…`; else mirrors read the policy from their own files.')
  const by = options.approvedBy?.trim() ?? ''
  const read = new Map([...texts].filter((entry): entry is [string, string] => entry[1] !== undefined))
  await withLedger(options, (ledger) => { ledger.policies.add({ at, file: absolute, texts: read, by: by === '' ? undefined : by }) })
  const { revision } = policy
  return options.json === true
    ? [jsonText({ published: revision, at: at.toISOString(), files: [...read.keys()] })]
    : [`published policy ${revision}: every mirror that reaches the shared ledger enforces it now, and others before they serve again`]
}

function isShared(options: LedgerOptions): boolean {
  const section = configOf(options).middlewares?.provenance
  return typeof section === 'object' && section !== null && 'policy' in section && section.policy === 'shared'
}
