import type { Command } from 'commander'
import type { CheckCommandOptions } from './check.ts'
import type { WarmOptions } from './warm.ts'

const WHAT = 'lockfiles of npm, pnpm, yarn or bun, or packages: NAME, NAME@VERSION, NAME@RANGE; default: the lockfile in this folder'

/** `check` and `warm`, each loaded when it runs. `run` has the exit code set, or prints what was thrown. */
export function addCheckCommands(program: Command, run: (command: () => Promise<number>) => Promise<void>): void {
  const withSource = (command: Command): Command =>
    command
      .option('-m, --mirror <url>', 'a running mirror to ask; its token is taken from .npmrc')
      .option('--token-env <name>', 'the variable that holds the token for --mirror')
      .option('-c, --config <file>', 'without --mirror: the configuration of a mirror whose store, policy and uplinks are used here; default: data/config.yaml')

  withSource(program.command('check').argument('[lockfile|spec...]', WHAT))
    .description('says of every package of a lockfile, or of those named, whether the mirror would serve it, and what does not come through it')
    .option('-a, --address <url>', 'a further address that leads to the mirror, as lockfiles name it; may be given several times', (url: string, all: readonly string[] | undefined) => [...(all ?? []), url])
    .option('-f, --format <format>', 'text, json, sarif (code scanning), junit, markdown (comment of a pull request)')
    .option('--json', 'same as --format json')
    .option('--sarif', 'same as --format sarif')
    .option('--junit', 'same as --format junit')
    .option('--markdown', 'same as --format markdown')
    .option('-o, --output <file>', 'writes the report there')
    .option('--all', 'shows every package, however many one reason has')
    .addHelpText('after', `
Exit codes: 0 all pass; 1 something is refused, missing or not covered; 2 wrong usage, or not a lockfile; 3 something could not be decided.

Examples:
  $ verdaccio-provenance check --mirror https://npm.acme.example
  $ verdaccio-provenance check --config data/config.yaml web/pnpm-lock.yaml api/yarn.lock
  $ verdaccio-provenance check --mirror http://localhost:4873 esbuild@^0.25 react
  $ verdaccio-provenance check --mirror https://npm.acme.example --format sarif --output check.sarif`)
    .action((args: readonly string[], options: CheckCommandOptions) => run(async () => (await import('./check.ts')).checkCommand(args, options)))

  withSource(program.command('warm').argument('[lockfile|spec...]', WHAT))
    .description('fetches and verifies packages ahead of use, evidence and tarballs; what is here already is skipped')
    .option('-r, --rate <rate>', 'versions begun in a second (20/s) or minute (600/min), those apart that are here', '20/s')
    .option('--json', 'the summary as JSON')
    .addHelpText('after', `
Exit codes: 0 all are here; 1 policy refuses some; 2 wrong usage, or not a lockfile; 3 some could not be decided.

Examples:
  $ verdaccio-provenance warm --mirror https://npm.acme.example
  $ verdaccio-provenance warm --config data/config.yaml --rate 300/min package-lock.json
  $ verdaccio-provenance warm --config data/config.yaml typescript@~6.0 esbuild`)
    .action((args: readonly string[], options: WarmOptions) => run(async () => (await import('./warm.ts')).warmCommand(args, options)))
}
