import { Command } from 'commander'
import { ConfigurationError, messageOf, Unavailable } from '../domain/errors.ts'
import { LockfileError } from '../lockfile/lockfile.ts'
import { addArchiveCommands } from './archive-commands.ts'
import { addCheckCommands } from './check-command.ts'
import { addCompletionCommand } from './completion.ts'
import { EXIT } from './exit-codes.ts'
import { completeHelp } from './help.ts'
import { addExplainCommands, addPolicyQuestions } from './explain-command.ts'
import { KEY_PURPOSES } from './key-purposes.ts'
import type { KeysOptions, RotateOptions } from './keys.ts'
import type { LedgerOptions } from './ledger.ts'
import { addLedgerCommands } from './ledger-command.ts'
import type { PublishPolicyOptions } from './publish-policy.ts'
import type { AllowOptions } from './policy.ts'
import { reasonLines } from './reasons.ts'
import { addLogCommand } from './log-command.ts'
import { logged } from './logged.ts'
import { addPinsCommand } from './pins-command.ts'
import { addRecallCommand } from './recall-command.ts'
import { addNotifyCommand } from './notify-command.ts'
import { addPackagesCommand } from './packages-command.ts'
import type { ShowOptions } from './show-policy.ts'
import type { ServeOptions } from './serve.ts'
import { linesWithoutUnseen } from './terminal.ts'
import { VERSION } from '../version.ts'

export const program = new Command('verdaccio-provenance')
  .description('A proxying npm registry mirror that enforces provenance')
  .version(VERSION)
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? EXIT.fine : EXIT.usage))

program
  .command('serve')
  .description('runs the mirror')
  .option('-c, --config <file>', "Verdaccio's YAML with middlewares.provenance; default: data/config.yaml, written when it is missing")
  .option('-l, --listen <host:port>', 'where to listen; default: `listen` of the configuration')
  .action((options: ServeOptions) => run(async () => {
    // Verdaccio takes a second to load, and no other command needs it.
    const { serve } = await import('./serve.ts')
    await serve(options)
  }))

const policy = program.command('policy').description('shows, checks and amends policies; a running mirror takes a changed file by itself, or at SIGHUP')
policy
  .command('show')
  .description('says what a preset, or the policy in a file, amounts to: every rule with its defaults filled in')
  .argument('[preset|file]', 'observe, recommended, strict or lockdown; or a policy file', 'recommended')
  .option('--yaml', 'as a policy that extends and includes nothing and means the same')
  .option('--json', 'as JSON')
  .action((what: string, options: ShowOptions) => run(async () => { print((await import('./show-policy.ts')).showPolicy(what, options)) }))
policy
  .command('lint')
  .description('checks a policy file and the files it includes, and says what it amounts to; ends with 0 when the mirror would take it, also with warnings, and with 2 when not')
  .argument('<file>', 'the policy')
  .option('--json', 'mistakes, warnings and the policy as JSON')
  .option('-l, --log <file>', "the log of a mirror (Verdaccio's, JSON; or what `log export` wrote): says which waivers it needed, and warns of the others")
  .option('-d, --decisions <config>', 'the same by the decision log of this configuration')
  .action((file: string, options: { json?: boolean; log?: string; decisions?: string }) => run(async () => {
    const [{ readAllDecisions }, { lintPolicy }] = [await import('./decision-log.ts'), await import('./show-policy.ts')]
    const decisions = await readAllDecisions(options)
    const { code, lines } = lintPolicy(file, { ...options, decisions })
    print(lines)
    process.exitCode = code
  }))
policy
  .command('test')
  .description('runs the examples of a policy file; ends with 0 when all are as expected, with 1 and a table when not, with 2 when the file is wrong')
  .argument('<file>', 'the policy')
  .option('--json', 'every example, as JSON')
  .action((file: string, options: { json?: boolean }) => run(async () => { process.exitCode = (await import('./policy.ts')).testPolicy(file, options) }))
policy
  .command('schema')
  .description('prints the JSON Schema of a policy, for editors')
  .action(() => run(async () => { (await import('./policy.ts')).printSchema() }))
policy
  .command('allow')
  .description('writes a waiver for one version into a policy file; a running mirror takes it within a second')
  .argument('<name@version>', 'the version')
  .requiredOption('-p, --policy <file>', 'the policy')
  .requiredOption('-e, --expires <date>', 'when it ends: a day (2027-03-01) or a span from now (30d)')
  .requiredOption('-r, --reason <text>', 'why')
  .requiredOption('-a, --approved-by <name>', 'who answers for it')
  .option('-w, --waives <codes>', 'reason codes that are excused, with commas between them', 'release-too-young')
  .option('-i, --integrity <sha512>', 'dist.integrity of the version: the waiver is for these bytes only')
  .option('--unpinned', 'for any bytes under this version')
  .option('-c, --config <file>', 'the configuration of the mirror, whose decision log is told of it')
  .action((spec: string, options: AllowOptions & LedgerOptions) => run(async () => {
    const { allowVersion } = await import('./policy.ts')
    if (options.config === undefined) allowVersion(spec, options)
    else await logged(options, (log) => { allowVersion(spec, options, log) })
  }))

policy
  .command('publish')
  .description('gives a policy, with the files it includes, to all mirrors that share a ledger and have `policy: shared`')
  .argument('<file>', 'the policy')
  .option('-a, --approved-by <name>', 'who answers for it')
  .option('-c, --config <file>', "the configuration of one of the mirrors; default: data/config.yaml")
  .option('--json', 'as JSON')
  .action((file: string, options: PublishPolicyOptions) => run(async () => { print(await (await import('./publish-policy.ts')).publishPolicy(file, options)) }))
addPolicyQuestions(policy, (command) => run(async () => { process.exitCode = await command() }))

const LEDGER_CONFIG = "the mirror's configuration; default: data/config.yaml"
addLedgerCommands(program, (command) => run(async () => { print(await command()) }))

program
  .command('reasons')
  .description('says what the reason codes mean and what to do about them')
  .argument('[code]', 'one of them; default: a line for each')
  .option('--json', 'the words as JSON')
  .action((code: string | undefined, options: { json?: boolean }) => run(() => { print(reasonLines(code, options)) }))

const keys = program.command('keys').description('shows and rotates the keys that this mirror signs with: packages published here, verification summaries, archives')
keys
  .command('list')
  .description('the keys of each purpose, oldest first; the last one signs')
  .option('-c, --config <file>', LEDGER_CONFIG)
  .option('--json', 'as JSON')
  .action((options: KeysOptions) => run(async () => { print((await import('./keys.ts')).listKeys(options)) }))
keys
  .command('public')
  .description('prints the public key that signs now, in PEM, for those who verify; makes it when there is none')
  .argument('<purpose>', KEY_PURPOSES.join(', '))
  .option('-c, --config <file>', LEDGER_CONFIG)
  .action((purpose: string, options: KeysOptions) => run(async () => { print((await import('./keys.ts')).publicKey(purpose, options)) }))
keys
  .command('rotate')
  .description('makes a new key that signs from now on; the old one stays listed for what was published before')
  .option('-o, --overlap <span>', 'how long the old key still counts for what is published: other processes read the keys a little later', '1d')
  .option('--revoke', 'drops the old keys: what they signed is signed anew')
  .option('-p, --purpose <purpose>', KEY_PURPOSES.join(', '), 'registry')
  .option('-c, --config <file>', LEDGER_CONFIG)
  .option('--json', 'as JSON')
  .action((options: RotateOptions) => run(async () => { print((await import('./keys.ts')).rotateSigningKeys(options)) }))

addCheckCommands(program, (command) => run(async () => { process.exitCode = await command() }))

addPinsCommand(program, (command) => run(async () => { print(await command()) }))

addLogCommand(program, (command) => run(async () => { process.exitCode = await command() }))

addRecallCommand(program, (command) => run(async () => { process.exitCode = await command() }))

addNotifyCommand(program, (command) => run(async () => { process.exitCode = await command() }))

addPackagesCommand(program, (command) => run(async () => { process.exitCode = await command() }))

addExplainCommands(program, (command) => run(async () => { process.exitCode = await command() }))

addArchiveCommands(program, (command) => run(async () => { process.exitCode = await command() }))
addCompletionCommand(program, (command) => run(() => { print(command()) }))
completeHelp(program)

function print(lines: readonly string[]): void {
  for (const line of lines) console.log(line)
}

/** Runs a command; what it throws is printed as one clear message. */
async function run(command: () => Promise<void> | void): Promise<void> {
  try {
    await command()
  } catch (error) {
    // Parts of it are words of lockfiles, registries and mirrors.
    console.error(linesWithoutUnseen(error instanceof ConfigurationError || error instanceof LockfileError ? error.message : `error: ${messageOf(error)}`))
    process.exit(error instanceof Unavailable ? EXIT.undecided : EXIT.usage)
  }
}
