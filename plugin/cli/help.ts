/** What every command's `--help` has beside its options: how it ends, what it reads, and how it is used. One place, so that none lacks it. */
import type { Command } from 'commander'

interface Words {
  /** What the codes mean here. */
  readonly exits: string
  readonly examples: readonly string[]
  readonly files?: readonly string[]
}

const ME = 'verdaccio-provenance'
const FINE_OR_NOT = '0 fine; 2 wrong usage, configuration or policy.'

const DATA = [
  'data/config.yaml     the configuration; relative paths in it are relative to it',
  'data/provenance.db   what the mirror remembers (`store`): keep it',
  'data/provenance-decisions.db   what it decided (`decisions.store`)',
  'data/cache/          packuments, attestations and tarballs (`cache.dir`): may be deleted where an uplink can be asked again',
  'data/keys/           what it signs with (`keys.dir`): readable by its user alone',
]

/** By the words of the command; those that are not here bring their own. */
const WORDS: Readonly<Record<string, Words>> = {
  serve: { exits: '0 it was told to stop; 2 wrong configuration, or the address cannot be listened on.', examples: ['serve', 'serve --config /etc/verdaccio/config.yaml --listen 0.0.0.0:4873'] },
  'policy show': { exits: FINE_OR_NOT, examples: ['policy show strict', 'policy show data/policy.yaml --yaml'] },
  'policy lint': { exits: '0 the mirror would take it, also with warnings; 2 it would not.', examples: ['policy lint data/policy.yaml', 'policy lint --json data/policy.yaml'] },
  'policy test': { exits: '0 all are as expected; 1 some are not; 2 the policy is wrong.', examples: ['policy test data/policy.yaml'] },
  'policy schema': { exits: FINE_OR_NOT, examples: ['policy schema > policy.schema.json'] },
  'policy allow': {
    exits: FINE_OR_NOT,
    examples: ['policy allow left-pad@1.3.0 --policy data/policy.yaml --expires 30d --reason "reviewed by hand" --approved-by ann --integrity sha512-…'],
  },
  'ledger show': { exits: FINE_OR_NOT, examples: ['ledger show debug', 'ledger show debug@4.4.1 --json'] },
  'ledger share': { exits: '0 it is shared; 2 there is no such ledger, or the shared one has begun, or cannot be reached.', examples: ['ledger share --from data/provenance.db --config mirror-1/config.yaml'] },
  'policy publish': { exits: '0 it is in force at every mirror that reaches the shared ledger; 2 it is wrong, or the configuration names another policy; 3 the shared ledger cannot be reached.', examples: ['policy publish data/policy.yaml --approved-by security'] },
  'ledger reset': { exits: FINE_OR_NOT, examples: ['ledger reset debug@4.4.1 --reason "the registry answered with half of a packument"'] },
  reasons: { exits: FINE_OR_NOT, examples: ['reasons', 'reasons trust-downgrade'] },
  'keys list': { exits: FINE_OR_NOT, examples: ['keys list', 'keys list --json'] },
  'keys public': { exits: FINE_OR_NOT, examples: ['keys public archive > exporter.pem', 'keys public vsa > vsa.pem'] },
  'keys rotate': { exits: FINE_OR_NOT, examples: ['keys rotate', 'keys rotate --purpose vsa --overlap 0', 'keys rotate --revoke'] },
  recall: {
    exits: '0 recalled, and who fetched it is known; 2 wrong usage or configuration; 3 recalled, but the decision log could not be used.',
    examples: ['recall debug@4.4.2 --reason "published with a stolen token" --approved-by ann', 'recall "@acme/ui@>=2.1.0 <2.1.4" chalk@5.6.1 --reason "advisory 2026-17" --json', 'recall debug@4.4.2 --dry-run'],
  },
  'recall list': { exits: FINE_OR_NOT, examples: ['recall list', 'recall list --all --json'] },
  'recall lift': { exits: '0 lifted; 2 wrong usage or configuration; 3 lifted, but the decision log could not be used.', examples: ['recall lift 3 --reason "a false alarm" --approved-by ann'] },
  'notify test': { exits: '0 every receiver took it; 2 wrong usage or configuration; 3 some did not.', examples: ['notify test', 'notify test security --json'] },
  'packages copy': { exits: '0 all are in the bucket; 2 wrong usage or configuration; 3 some are not.', examples: ['packages copy --from ./storage'] },
  'packages sign': { exits: FINE_OR_NOT, examples: ['packages sign --config /etc/mirror/config.yaml'] },
  'log show': { exits: FINE_OR_NOT, examples: ['log show --kind refused --from 2026-11-01', 'log show --package "@acme/*" --limit 200 --json'] },
  'log tail': { exits: FINE_OR_NOT, examples: ['log tail', 'log tail --kind refused unavailable --json'] },
  'log export': { exits: FINE_OR_NOT, examples: ['log export --output decisions.jsonl', 'log export --user ann --from 2026-01-01 --to 2026-02-01'] },
  'log verify': {
    exits: '0 it is the log that was written; 1 it is not, and what is wrong with which entry; 2 wrong usage, or no log.',
    examples: ['log verify', 'log verify --key log-key.pem decisions.jsonl'],
  },
  'pins list': { exits: FINE_OR_NOT, examples: ['pins list --pending', 'pins list debug'] },
  'pins show': { exits: FINE_OR_NOT, examples: ['pins show debug'] },
  'pins approve': { exits: FINE_OR_NOT, examples: ['pins approve debug --to 6845645 --reason "moved to its own organisation" --approved-by ann'] },
  'pins drop': { exits: FINE_OR_NOT, examples: ['pins drop debug --to https://github.com/mallory/debug --reason "never theirs"'] },
  export: {
    exits: '0 all that was asked for is in it; 1 something is refused, missing or comes from no registry; 2 wrong usage; 3 something could not be decided. What is not in it is told, the rest is.',
    examples: ['export --output packages.tar', 'export package-lock.json typescript@~6.0 --output packages.tar --json'],
    files: ['data/keys/archive-signing.json   the key that signs archives; `keys public archive` prints its public half'],
  },
  import: {
    exits: '0 all of it was taken; 1 it is refused (nothing was taken), or the policy here refuses some of it; 2 wrong usage, or no key is configured; 3 some could not be decided.',
    examples: ['import packages.tar', 'import packages.tar --config /etc/verdaccio/config.yaml --json'],
  },
  attest: {
    exits: '0 the summary was written; 1 the version does not pass, or is not there; 2 wrong usage; 3 it cannot be decided now.',
    examples: ['attest semver@7.8.6 --output semver.vsa.json'],
    files: ['data/keys/vsa-signing.json   the key that signs summaries; `keys public vsa` prints its public half'],
  },
  completion: { exits: FINE_OR_NOT, examples: ['completion bash > /etc/bash_completion.d/verdaccio-provenance', 'completion zsh > ~/.zfunc/_verdaccio-provenance', 'completion fish > ~/.config/fish/completions/verdaccio-provenance.fish'] },
}

/** Commands that do something, with their words on the command line; those that only hold others, and take nothing, are not among them. */
export function commandsOf(program: Command, words: readonly string[] = []): readonly (readonly [string, Command])[] {
  return program.commands.flatMap((command) => {
    const name = [...words, command.name()]
    const own = command.commands.length === 0 || command.registeredArguments.length > 0 ? [[name.join(' '), command] as const] : []
    return [...own, ...commandsOf(command, name)]
  })
}

/** Gives every command what its help lacks. */
export function completeHelp(program: Command): void {
  for (const [name, command] of commandsOf(program)) {
    const words = Object.hasOwn(WORDS, name) ? WORDS[name] : undefined
    const readsData = command.options.some(({ long }) => long === '--config')
    const parts = [
      ...(words === undefined ? [] : ['', `Exit codes: ${words.exits}`, '', 'Examples:', ...words.examples.map((one) => `  $ ${ME} ${one}`)]),
      ...(readsData ? ['', 'Files:', ...[...DATA, ...(words?.files ?? [])].map((line) => `  ${line}`)] : []),
    ]
    if (parts.length > 0) command.addHelpText('after', parts.join('\n'))
  }
  const common = ['', 'Exit codes: 0 fine; 1 policy refuses something; 2 wrong usage or configuration; 3 something could not be decided.', '', 'Each command has --help with examples.']
  program.addHelpText('after', common.join('\n'))
}
