import type { Command } from 'commander'
import type { TestResult } from '../compose-notify.ts'
import { EXIT } from './exit-codes.ts'
import type { Run } from './explain-command.ts'
import { safe } from './layout.ts'
import type { LedgerOptions } from './ledger.ts'
import { jsonText } from './terminal.ts'
import { usage } from './usage.ts'

/** `notify`: who is told by webhooks. */
export function addNotifyCommand(program: Command, run: Run): void {
  program
    .command('notify')
    .description('tries out who is told of refusals and other news (`notifications` of the configuration)')
    .command('test')
    .description('sends a test message to every receiver, or to one, and says what came of it')
    .argument('[name]', 'its `name`, or the host of its address where it has none')
    .option('-c, --config <file>', "the mirror's configuration; default: data/config.yaml")
    .option('--json', 'as JSON')
    .action((name: string | undefined, options: LedgerOptions) => run(async () => {
      const { code, lines } = await testNotify(name, options)
      for (const line of lines) console.log(line)
      return code
    }))
}

/** @throws ConfigurationError when there is no such receiver */
export async function testNotify(name: string | undefined, options: LedgerOptions): Promise<{ readonly code: number; readonly lines: readonly string[] }> {
  const [{ testNotifications }, { configOf }] = await Promise.all([import('../compose-notify.ts'), import('./ledger.ts')])
  const results = await testNotifications(configOf(options), name)
  if ('known' in results) {
    if (name === undefined) throw usage('notify test', 'nobody is to be told anything', 'Add `notifications` to middlewares.provenance: see docs/notifications.md.')
    throw usage(name, 'is no receiver of this configuration', results.known.length === 0 ? 'There is none: see docs/notifications.md.' : `These are: ${results.known.join(', ')}.`)
  }
  const code = results.every(({ delivered }) => delivered) ? EXIT.fine : EXIT.undecided
  return { code, lines: options.json === true ? [jsonText(results, 2)] : results.flatMap(resultText) }
}

function resultText({ name, type, host, signed, events, delivered, problem }: TestResult): readonly string[] {
  const how = `${type}, ${signed ? 'signed' : 'not signed'}, told of ${events.join(', ')}`
  return [`${safe(name)}  ${delivered ? 'took it' : `DID NOT TAKE IT: ${safe(problem ?? '')}`}`, `  ${safe(host)}  ${how}`]
}
