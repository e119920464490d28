import path from 'node:path'
import type { Command } from 'commander'
import type { openBucketStorage as OpenBucketStorage } from '../compose-s3.ts'
import { EXIT } from './exit-codes.ts'
import type { Run } from './explain-command.ts'
import { safe } from './layout.ts'
import type { LedgerOptions } from './ledger.ts'
import { jsonText } from './terminal.ts'
import { usage } from './usage.ts'

/** `packages`: what is published here, in a bucket. */
export function addPackagesCommand(program: Command, run: Run): void {
  const packages = program.command('packages').description('looks after packages published here that are kept in a bucket (`store` of the configuration)')
  packages
    .command('copy')
    .description("copies what was published into a Verdaccio storage on this machine's disk: packages, tokens and their secret; what is there already stays as it is")
    .requiredOption('--from <directory>', 'where the storage is: the directory with .verdaccio-db.json')
    .option('-c, --config <file>', "the mirror's configuration; default: data/config.yaml")
    .option('--json', 'as JSON')
    .action((options: LedgerOptions & { readonly from: string }) => run(() => copyPackages(options)))
  packages
    .command('sign')
    .description('authenticates every document of the bucket with the first of `shared.keys`, so that the others can go')
    .option('-c, --config <file>', "the mirror's configuration; default: data/config.yaml")
    .option('--json', 'as JSON')
    .action((options: LedgerOptions) => run(() => signPackages(options)))
}

/** @throws ConfigurationError when no bucket is configured, or there is no storage to copy */
async function copyPackages(options: LedgerOptions & { readonly from: string }): Promise<number> {
  const from = path.resolve(options.from)
  const counts = { copied: 0, 'there-already': 0, failed: 0 }
  await withBucket(options, async (storage) => {
    await storage.copyFrom(from, (copied) => {
      counts[copied.outcome]++
      if (options.json === true) console.log(jsonText(copied))
      else console.log(`${safe(copied.name)}  ${WORDS[copied.outcome]}${copied.outcome === 'copied' ? `, versions: ${String(copied.versions)}` : ''}${copied.problem === undefined ? '' : `: ${safe(copied.problem)}`}`)
    }).catch((error: unknown): never => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') throw usage('--from', `is no storage of Verdaccio's: ${from}`, 'Name the directory with .verdaccio-db.json.')
      throw error
    })
  })
  if (options.json !== true) console.log(`copied ${String(counts.copied)}, there already ${String(counts['there-already'])}, failed ${String(counts.failed)}`)
  return counts.failed === 0 ? EXIT.fine : EXIT.undecided
}

const WORDS = { copied: 'copied', 'there-already': 'is there already', failed: 'FAILED' } as const

async function signPackages(options: LedgerOptions): Promise<number> {
  await withBucket(options, async (storage) => {
    const documents = await storage.signAll()
    console.log(options.json === true ? jsonText({ documents }) : `documents authenticated with the first key: ${String(documents)}`)
  })
  return EXIT.fine
}

async function withBucket(options: LedgerOptions, work: (storage: ReturnType<typeof OpenBucketStorage>) => Promise<void>): Promise<void> {
  const [{ openBucketStorage }, { configOf }] = await Promise.all([import('../compose-s3.ts'), import('./ledger.ts')])
  const say = (fields: object): void => { console.error(safe(Object.values(fields).map(String).join(' '))) }
  const storage = openBucketStorage(configOf(options), { info: () => undefined, debug: () => undefined, warn: say, error: (fields) => { if (typeof fields === 'object' && fields !== null) say(fields) } })
  try {
    await work(storage)
  } finally {
    await storage.close()
  }
}
