import type { Command } from 'commander'
import type { ExplainOptions } from './explain.ts'
import type { SourceOptions } from './explain-source.ts'
import type { OwnMirrorOptions } from './own-mirror.ts'
import type { DiffOptions } from './policy-diff.ts'
import { EXIT } from './exit-codes.ts'

/** Has the exit code set, or prints what was thrown. */
export type Run = (command: () => Promise<number>) => Promise<void>

const CONFIG = 'the configuration of a mirror whose store, policy and uplinks are used here; default: data/config.yaml'

/** `explain` and `issue`. What a command needs is loaded when it runs, here as in all of them: the whole mirror takes half a second. */
export function addExplainCommands(program: Command, run: Run): void {
  const withSource = (command: Command): Command =>
    command
      .option('-m, --mirror <url>', 'a running mirror to ask; its token is taken from .npmrc')
      .option('--token-env <name>', 'the variable that holds the token for --mirror')
      .option('-c, --config <file>', `without --mirror: ${CONFIG}`)

  withSource(program.command('explain').argument('<name[@version]>', 'a version; or a package, whose versions are shown newest first'))
    .description('says of a version what was published and verified, who built it, which rule decided, and what would make it pass; of a package, its versions with their evidence, so that a change of who builds it stands out')
    .option('--all', 'every version; default: the newest 20')
    .option('--json', 'as JSON')
    .addHelpText('after', `
Exit codes: 0 allowed (of a package: some version is); 1 refused; 2 wrong usage, or not known; 3 cannot be decided now.

Examples:
  $ verdaccio-provenance explain --mirror https://npm.acme.example @acme/ui@3.0.0
  $ verdaccio-provenance explain --config data/config.yaml esbuild`)
    .action((spec: string, options: ExplainOptions) => run(() => decided(async () => printed(await (await import('./explain.ts')).explain(spec, options)))))

  withSource(program.command('issue').argument('<name@version>', 'the version'))
    .description('writes the text of a polite issue for the people who publish a package: please restore provenance, or please publish with it; Markdown, with the evidence')
    .addHelpText('after', `
Exit codes: 0 written; 2 wrong usage, or nothing to ask for; 3 cannot be told now.

Example:
  $ verdaccio-provenance issue --mirror https://npm.acme.example left-pad@1.3.1 > issue.md`)
    .action((spec: string, options: SourceOptions) => run(() => decided(async () => printed({ code: EXIT.fine, lines: await (await import('./upstream-issue.ts')).issue(spec, options) }))))
}

/** `policy diff` and `policy init`. */
export function addPolicyQuestions(policy: Command, run: Run): void {
  policy
    .command('diff')
    .description('says which verdicts change from one policy to another, both ways, over what lockfiles use or the log of a mirror shows')
    .argument('<old>', 'a policy file, or a preset')
    .argument('<new>', 'a policy file, or a preset')
    .option('-f, --lockfile <file...>', 'lockfiles of npm, pnpm, yarn or bun')
    .option('-l, --log <file>', 'the log of a mirror (JSON): the versions it decided on')
    .option('-d, --decisions', 'everything the mirror decided on, by its decision log; the default where nothing else is named and there is one')
    .option('--fetched', "everything the mirror gave out, by its decision log; lists who has what the new policy refuses")
    .option('-c, --config <file>', CONFIG)
    .option('--json', 'as JSON')
    .addHelpText('after', `
Exit codes: 0 nothing that was served is refused; 1 the new policy refuses something that the old one serves; 2 wrong usage; 3 something could not be judged.

Examples:
  $ verdaccio-provenance policy diff data/policy.yaml policy.new.yaml --lockfile package-lock.json
  $ verdaccio-provenance policy diff recommended strict --log mirror.log
  $ verdaccio-provenance policy diff data/policy.yaml policy.new.yaml --fetched`)
    .action((before: string, after: string, options: DiffOptions) => run(() => decided(async () => printed(await (await import('./policy-diff.ts')).diffPolicies(before, after, options)))))
  policy
    .command('init')
    .description('proposes a policy for what lockfiles use: packages held to who was verified to have built them, the fewest waivers, monitor first; YAML')
    .argument('[lockfile...]', 'lockfiles of npm, pnpm, yarn or bun; default: those in this folder')
    .option('-c, --config <file>', CONFIG)
    .addHelpText('after', `
Exit codes: 0 written; 2 wrong usage, or not a lockfile; 3 something could not be judged, as the end of the proposal says.

Example:
  $ verdaccio-provenance policy init package-lock.json > data/policy.yaml`)
    .action((lockfiles: readonly string[], options: OwnMirrorOptions) => run(() => decided(async () => {
      const { initPolicy } = await import('./policy-init.ts')
      const { code, text } = await initPolicy(lockfiles, options)
      process.stdout.write(text)
      return code
    })))
}

function printed({ code, lines }: { readonly code: number; readonly lines: readonly string[] }): number {
  process.stdout.write(`${lines.join('\n')}\n`)
  return code
}

async function decided(command: () => Promise<number>): Promise<number> {
  try {
    return await command()
  } catch (error) {
    const { notDecided } = await import('./check.ts')
    return notDecided(error)
  }
}
