import type { Command } from 'commander'
import { EXIT } from './exit-codes.ts'
import type { Run } from './explain-command.ts'
import type { LiftOptions, ListOptions, RecallOptions } from './recall.ts'

const printed = ({ code, lines }: { readonly code: number; readonly lines: readonly string[] }): number => {
  for (const line of lines) console.log(line)
  return code
}

/** `recall`: takes versions back by hand, and says who fetched them. */
export function addRecallCommand(program: Command, run: Run): void {
  const withConfig = (command: Command): Command =>
    command.option('-c, --config <file>', "the mirror's configuration; default: data/config.yaml").option('--json', 'as JSON')

  // What stands behind `recall list` is about the list, of options that both have too.
  program.enablePositionalOptions()
  const command = withConfig(program.command('recall'))
    .description('refuses versions from now on, whatever the policy says, and lists who fetched them before; also while the mirror runs')
    .enablePositionalOptions()
    .argument('<name@range...>', 'a version, or a semver range of one package (prereleases included); "name@*" is all of it')
    .option('-r, --reason <text>', 'why; everybody who is refused reads it')
    .option('-a, --approved-by <name>', 'who answers for it')
    .option('--dry-run', 'recalls nothing, only lists who fetched them')
    .action((specs: readonly string[], options: RecallOptions) => run(async () => printed(await (await import('./recall.ts')).recall(specs, options))))
  withConfig(command.command('list'))
    .description('what is recalled')
    .option('--all', 'what was lifted too')
    .action((options: ListOptions) => run(async () => printed({ code: EXIT.fine, lines: await (await import('./recall.ts')).listRecalls(options) })))
  withConfig(command.command('lift'))
    .description('takes a recall back: the policy decides again')
    .argument('<id>', 'its number, by `recall list`')
    .requiredOption('-r, --reason <text>', 'why; it is logged and kept')
    .option('-a, --approved-by <name>', 'who answers for it')
    .action((id: string, options: LiftOptions) => run(async () => printed(await (await import('./recall.ts')).liftRecall(id, options))))
}
