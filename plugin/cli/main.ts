#!/usr/bin/env node
import { Command } from 'commander'
import { ConfigurationError, messageOf } from '../domain/errors.ts'
import { EXIT } from './exit-codes.ts'
import { lintPolicy, showPreset } from './policy.ts'
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
  .action((preset: string) => run(() => showPreset(preset)))
policy
  .command('lint')
  .description('checks a policy file and says what it amounts to')
  .argument('<file>', 'the policy')
  .action((file: string) => run(() => lintPolicy(file)))

await program.parseAsync()

/** Runs a command; what it throws is printed as one clear message. */
async function run(command: () => Promise<void> | void): Promise<void> {
  try {
    await command()
  } catch (error) {
    console.error(error instanceof ConfigurationError ? error.message : `error: ${messageOf(error)}`)
    process.exit(EXIT.usage)
  }
}
