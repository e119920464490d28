import type { Command } from 'commander'
import type { LedgerOptions } from './ledger.ts'
import { logged } from './logged.ts'
import type { DecideOptions, ListOptions } from './pins.ts'

/** `pins`: who built packages, and what operators say of it. `run` prints the lines, or what was thrown. */
export function addPinsCommand(program: Command, run: (command: () => readonly string[] | Promise<readonly string[]>) => Promise<void>): void {
  const pins = program.command('pins').description('shows who built packages so far, and approves changes; also while the mirror runs')
  const withConfig = (command: Command): Command =>
    command.option('-c, --config <file>', "the mirror's configuration; default: data/config.yaml").option('--json', 'as JSON')

  withConfig(pins.command('list').description('who built which package').argument('[name]', 'one package'))
    .option('--pending', 'only changes that wait for approval')
    .action((name: string | undefined, options: ListOptions) => run(async () => (await import('./pins.ts')).listPins(name, options)))
  withConfig(pins.command('show').description('who built a package, what waits, and what was decided').argument('<name>', 'the package')).action(
    (name: string, options: LedgerOptions) => run(async () => (await import('./pins.ts')).showPins(name, options)),
  )
  withConfig(pins.command('approve').description('lets a package be built by who waits; the versions that wait are judged anew at once').argument('<name>', 'the package'))
    .requiredOption('-t, --to <repository>', 'certified id of the repository, or its address')
    .requiredOption('-r, --reason <text>', 'why; it is logged and kept')
    .requiredOption('-a, --approved-by <name>', 'who answers for it')
    .option('-w, --workflow <path>', 'this workflow of it only')
    .action((name: string, options: DecideOptions) => run(() => logged(options, async (log) => (await import('./pins.ts')).approvePin(name, options, log))))
  withConfig(pins.command('drop').description('has a repository count no longer; new versions built by it wait for approval').argument('<name>', 'the package'))
    .requiredOption('-t, --to <repository>', 'certified id of the repository, or its address')
    .requiredOption('-r, --reason <text>', 'why; it is logged and kept')
    .option('-a, --approved-by <name>', 'who answers for it')
    .action((name: string, options: DecideOptions) => run(() => logged(options, async (log) => (await import('./pins.ts')).dropPin(name, options, log))))
}
