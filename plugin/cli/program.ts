import { Command } from 'commander'
import { ConfigurationError, messageOf } from '../domain/errors.ts'
import { EXIT } from './exit-codes.ts'
import { resetLedger, showLedger, type LedgerOptions } from './ledger.ts'
import { allowVersion, lintPolicy, printSchema, showPreset, testPolicy, type AllowOptions } from './policy.ts'
import { serve } from './serve.ts'
import { VERSION } from '../version.ts'

const program = new Command('verdaccio-provenance')
  .description('A proxying npm registry mirror that enforces provenance')
  .version(VERSION)
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? EXIT.fine : EXIT.usage))

program
  .command('serve')
  .description('runs the mirror')
  .option('-c, --config <file>', "Verdaccio's YAML with middlewares.provenance; default: data/config.yaml, written when it is missing")
  .option('-l, --listen <host:port>', 'where to listen; default: `listen` of the configuration')
  .action((options: { config?: string; listen?: string }) => run(() => serve(options)))

const policy = program.command('policy').description('shows and checks policies')
policy
  .command('show')
  .description('says what a preset asks for')
  .argument('[preset]', 'observe, recommended, strict or lockdown', 'recommended')
  .option('--yaml', 'as a policy that extends nothing and means the same')
  .action((preset: string, options: { yaml?: boolean }) => run(() => showPreset(preset, options)))
policy
  .command('lint')
  .description('checks a policy file and says what it amounts to')
  .argument('<file>', 'the policy')
  .action((file: string) => run(() => lintPolicy(file)))
policy
  .command('test')
  .description('runs the examples of a policy file; ends with 1 when the policy says something else of one')
  .argument('<file>', 'the policy')
  .option('--json', 'every example, as JSON')
  .action((file: string, options: { json?: boolean }) => run(() => { process.exitCode = testPolicy(file, options) }))
policy
  .command('schema')
  .description('prints the JSON Schema of a policy, for editors')
  .action(() => run(printSchema))
policy
  .command('allow')
  .description('writes a waiver for one version into a policy file')
  .argument('<name@version>', 'the version')
  .requiredOption('-p, --policy <file>', 'the policy')
  .requiredOption('-e, --expires <date>', 'when it ends: a day (2027-03-01) or a span from now (30d)')
  .requiredOption('-r, --reason <text>', 'why')
  .requiredOption('-a, --approved-by <name>', 'who answers for it')
  .option('-w, --waives <codes>', 'reason codes that are excused, with commas between them', 'release-too-young')
  .option('-i, --integrity <sha512>', 'dist.integrity of the version: the waiver is for these bytes only')
  .option('--unpinned', 'for any bytes under this version')
  .action((spec: string, options: AllowOptions) => run(() => allowVersion(spec, options)))

const ledger = program.command('ledger').description('shows and mends what the mirror remembers')
const LEDGER_CONFIG = "the mirror's configuration; default: data/config.yaml"
ledger
  .command('show')
  .description('what is remembered of a package or one version: when it was seen, its bytes, and what vouched for them')
  .argument('<name[@version]>', 'the package')
  .option('-c, --config <file>', LEDGER_CONFIG)
  .option('--json', 'as JSON')
  .action((spec: string, options: LedgerOptions) => run(() => { print(showLedger(spec, options)) }))
ledger
  .command('reset')
  .description('forgets what is remembered of a package or one version; the next answer of its registry is then the first')
  .argument('<name[@version]>', 'the package')
  .requiredOption('-r, --reason <text>', 'why; it is logged and kept')
  .option('-c, --config <file>', LEDGER_CONFIG)
  .option('--json', 'the decision line alone')
  .action((spec: string, options: LedgerOptions & { reason: string }) => run(() => { print(resetLedger(spec, options)) }))

await program.parseAsync()

function print(lines: readonly string[]): void {
  for (const line of lines) console.log(line)
}

/** Runs a command; what it throws is printed as one clear message. */
async function run(command: () => Promise<void> | void): Promise<void> {
  try {
    await command()
  } catch (error) {
    console.error(error instanceof ConfigurationError ? error.message : `error: ${messageOf(error)}`)
    process.exit(EXIT.usage)
  }
}
