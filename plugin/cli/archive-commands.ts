import type { Command } from 'commander'
import type { ExportCommandOptions, ImportCommandOptions } from './archive.ts'
import type { AttestOptions } from './attest.ts'

const CONFIG = "the mirror's configuration; default: data/config.yaml"

/** `export`, `import` and `attest`, each loaded when it runs. `run` has the exit code set, or prints what was thrown. */
export function addArchiveCommands(program: Command, run: (command: () => Promise<number>) => Promise<void>): void {
  program
    .command('export')
    .description('writes one signed archive of what a mirror behind an air gap needs: packuments, attestations and tarballs, each verified')
    .argument('[lockfile|spec...]', 'lockfiles, or packages: NAME, NAME@VERSION, NAME@RANGE (without what they depend on); default: the lockfile in this folder')
    .requiredOption('-o, --output <file>', 'the archive to write, a tar file')
    .option('-k, --key <file>', "a private key in PEM to sign with, ECDSA P-256 or Ed25519; default: the mirror's own for archives, made when there is none")
    .option('-c, --config <file>', CONFIG)
    .option('--json', 'the summary as JSON')
    .action((args: readonly string[], options: ExportCommandOptions) => run(async () => (await import('./archive.ts')).exportCommand(args, options)))
  program
    .command('import')
    .description('verifies an archive, byte by byte and version by version, and takes it into the mirror; what is refused leaves nothing')
    .argument('<archive>', 'what `export` wrote')
    .option('-c, --config <file>', CONFIG)
    .option('--json', 'the summary as JSON')
    .action((file: string, options: ImportCommandOptions) => run(async () => (await import('./archive.ts')).importCommand(file, options)))
  program
    .command('attest')
    .description('prints a signed SLSA Verification Summary Attestation (a DSSE envelope, JSON) of a version that passes')
    .argument('<name@version>', 'the version')
    .option('-o, --output <file>', 'writes it there')
    .option('-c, --config <file>', CONFIG)
    .action((spec: string, options: AttestOptions) => run(async () => (await import('./attest.ts')).attestCommand(spec, options)))
}
