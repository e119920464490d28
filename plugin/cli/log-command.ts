import { once } from 'node:events'
import type { Command } from 'commander'
import { EXIT } from './exit-codes.ts'
import type { ExportOptions, FilterOptions, ShowOptions, VerifyOptions } from './log.ts'

const CONFIG = "the mirror's configuration; default: data/config.yaml"

/** `log`: what the mirror decided. `run` sets the exit code, or prints what was thrown. */
export function addLogCommand(program: Command, run: (command: () => Promise<number>) => Promise<void>): void {
  const log = program.command('log').description('shows, exports and verifies the decision log: what was served, refused and changed, when, why and for whom; also while the mirror runs')
  const filtered = (command: Command): Command =>
    command
      .option('-k, --kind <kind...>', 'served, refused, warned, withheld, unavailable, published, pin-approved and so on')
      .option('-o, --outcome <outcome...>', 'allow, warn, deny, unavailable')
      .option('-p, --package <name>', 'a name, also with * for anything, or name@version')
      .option('-r, --reason <code...>', 'any of these reason codes')
      .option('--rule <name>', 'the rule that decided')
      .option('-u, --user <name>', 'who asked')
      .option('-a, --address <address>', 'from where')
      .option('--policy-revision <revision>', 'which policy decided')
      .option('-t, --text <text>', 'in package, version, rule, reason code or user')
      .option('--from <time>', 'from then on: 2026-11-22 or 2026-11-22T09:00:00Z')
      .option('--to <time>', 'before then')
      .option('-c, --config <file>', CONFIG)

  filtered(log.command('show').description('entries, newest first'))
    .option('-n, --limit <n>', 'how many', '50')
    .option('--oldest', 'oldest first')
    .option('--json', 'JSON Lines')
    .action((options: ShowOptions) => run(async () => printed(await (await import('./log.ts')).showLog(options))))
  filtered(log.command('tail').description('the last entries, and then those that come'))
    .option('--json', 'JSON Lines')
    .action((options: FilterOptions) => run(async () => {
      const { tailLog } = await import('./log.ts')
      await tailLog(options, (line) => { console.log(line) }, once(process, 'SIGINT'))
      return EXIT.fine
    }))
  filtered(log.command('export').description('JSON Lines; without filters the whole log with what was signed of it, for `log verify`'))
    .option('--output <file>', 'a new file; default: the terminal')
    .action((options: ExportOptions) => run(async () => {
      const { exportLog } = await import('./log.ts')
      for (const line of await exportLog(options)) console.error(line)
      return EXIT.fine
    }))
  log
    .command('verify')
    .description('recomputes the chain of entries and holds it against what was signed: nothing was altered, removed or written anew')
    .argument('[file]', 'what `log export` or the mirror wrote (JSON Lines); default: the log of the configuration')
    .option('-K, --key <file>', 'public key of a mirror, as `keys public log` prints it; may be given again; default: those of the configuration', collected)
    .option('-e, --expect <number:hash>', 'an entry that the log had, as an earlier run printed it: finds a log that was set back as a whole; may be given again', collected)
    .option('-c, --config <file>', CONFIG)
    .option('--json', 'as JSON')
    .action((file: string | undefined, options: VerifyOptions) => run(async () => {
      const { verifyLogs } = await import('./log.ts')
      const { code, lines } = await verifyLogs(file, options)
      printed(lines)
      return code
    }))
}

/** Of an option that stands before an argument, and would else take it too. */
const collected = (value: string, before: readonly string[] = []): readonly string[] => [...before, value]

function printed(lines: readonly string[]): number {
  for (const line of lines) console.log(line)
  return EXIT.fine
}
