import path from 'node:path'
import type { Command } from 'commander'
import type { LedgerOptions } from './ledger.ts'
import { logged } from './logged.ts'
import { jsonText } from './terminal.ts'

type Run = (command: () => Promise<readonly string[]>) => Promise<void>

const CONFIG = "the mirror's configuration; default: data/config.yaml"

export function addLedgerCommands(program: Command, run: Run): void {
  const ledger = program.command('ledger').description('shows and mends what the mirror remembers, and shares it with other mirrors')
  ledger
    .command('show')
    .description('what is remembered of a package or one version: when it was seen, its bytes, and what vouched for them')
    .argument('<name[@version]>', 'the package')
    .option('-c, --config <file>', CONFIG)
    .option('--json', 'as JSON')
    .action((spec: string, options: LedgerOptions) => run(async () => (await import('./ledger.ts')).showLedger(spec, options)))
  ledger
    .command('reset')
    .description('forgets what is remembered of a package or one version; the next answer of its registry is then the first')
    .argument('<name[@version]>', 'the package')
    .requiredOption('-r, --reason <text>', 'why; it is logged and kept')
    .option('-c, --config <file>', CONFIG)
    .option('--json', 'the decision line alone')
    .action((spec: string, options: LedgerOptions & { reason: string }) => run(() => logged(options, async (log) => (await import('./ledger.ts')).resetLedger(spec, options, log))))
  ledger
    .command('share')
    .description('puts what one mirror remembers where mirrors that share a ledger begin; before the first of them starts')
    .requiredOption('-f, --from <file>', 'the ledger of the mirror that ran alone: provenance.db')
    .option('-c, --config <file>', `${CONFIG}; its store is the shared one, its cache that of the mirror that ran alone`)
    .option('--json', 'as JSON')
    .action((options: LedgerOptions & { readonly from: string }) => run(() => share(options)))
}

async function share(options: LedgerOptions & { readonly from: string }): Promise<readonly string[]> {
  const [{ shareLedger }, { configOf }] = await Promise.all([import('../compose-share.ts'), import('./ledger.ts')])
  const shared = await shareLedger(configOf(options), path.resolve(options.from))
  if (options.json === true) return [jsonText(shared)]
  const { packages, documents, missing } = shared
  const lost = missing === 0 ? '' : `; ${String(missing)} attestation documents are not in the cache any more and will be asked for again`
  return [`shared what is remembered of ${String(packages)} packages, with ${String(documents)} attestation documents${lost}`]
}
