/** Completion for shells, made of the program itself: a command or option that is added is in it. */
import { Option, type Command } from 'commander'
import { ConfigurationError } from '../domain/errors.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof SHELLS)[number]

/** What can follow the words of a command. */
interface Place {
  /** Words so far, without the program's name; empty for the program itself. */
  readonly words: string
  readonly next: readonly { readonly word: string; readonly says: string; readonly takesValue: boolean }[]
  /** Values of its first argument, where it lists them; else files are offered. */
  readonly values: readonly string[]
  readonly takesArguments: boolean
}

/** `completion`; `run` prints the lines, or what was thrown. */
export function addCompletionCommand(program: Command, run: (command: () => readonly string[]) => Promise<void>): void {
  program
    .command('completion')
    .description('prints what completes commands and options in a shell')
    .argument('<shell>', SHELLS.join(', '))
    .action((shell: string) => run(() => completionScript(program, shell)))
}

/** @throws ConfigurationError when there is none for this shell */
export function completionScript(program: Command, shell: string): readonly string[] {
  const known = SHELLS.find((one) => one === shell)
  if (known === undefined) throw new ConfigurationError('completion', [{ path: '', message: `"${shell}" is no shell that is known here`, remedy: `Name one of ${SHELLS.join(', ')}.` }])
  return WRITERS[known](program.name(), placesOf(program))
}

function placesOf(command: Command, words: readonly string[] = []): readonly Place[] {
  const commands = command.commands.map((one) => ({ word: one.name(), says: firstClause(one.description()), takesValue: false }))
  const options = [...command.options, HELP].flatMap(({ long, short, description, required, optional }) =>
    [long, short].flatMap((word) => (word ? [{ word, says: firstClause(description), takesValue: required || optional }] : [])),
  )
  const [argument] = command.registeredArguments
  const here: Place = { words: words.join(' '), next: [...commands, ...options], values: valuesOf(argument?.description ?? ''), takesArguments: argument !== undefined }
  return [here, ...command.commands.flatMap((one) => placesOf(one, [...words, one.name()]))]
}

const HELP = new Option('-h, --help', 'says how it is used')
/** `bash, zsh, fish` is a list of what can be given; sentences are not. */
const valuesOf = (description: string): readonly string[] => (/^[a-z-]+(?:, [a-z-]+)+$/.test(description) ? description.split(', ') : [])
const firstClause = (text: string): string => (text.split(/[;:(]/)[0] ?? '').trim()

const WRITERS: Readonly<Record<Shell, (name: string, places: readonly Place[]) => readonly string[]>> = { bash, zsh, fish }

const functionOf = (name: string): string => `_${name.replaceAll('-', '_')}`
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
const withValues = (places: readonly Place[]): string => [...new Set(places.flatMap(({ next }) => next.filter(({ takesValue }) => takesValue).map(({ word }) => word)))].join('|')

function bash(name: string, places: readonly Place[]): readonly string[] {
  const words = places.map(({ words }) => words).filter((one) => one !== '')
  return [
    `# bash completion for ${name}; written by \`${name} completion bash\``,
    `${functionOf(name)}() {`,
    '  local current="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" place="" word i',
    '  for ((i = 1; i < COMP_CWORD; i++)); do',
    '    word="${place:+$place }${COMP_WORDS[i]}"',
    `    case "$word" in ${words.map(quoted).join('|')}) place="$word" ;; esac`,
    '  done',
    '  COMPREPLY=()',
    `  case "$before" in ${withValues(places)}) COMPREPLY=($(compgen -f -- "$current")); return ;; esac`,
    '  case "$place" in',
    ...places.map(
      ({ words, next, values, takesArguments }) =>
        `    ${quoted(words)}) COMPREPLY=($(compgen -W ${quoted([...next.map(({ word }) => word), ...values].join(' '))} -- "$current"))${takesArguments && values.length === 0 ? '; [[ $current == -* ]] || COMPREPLY+=($(compgen -f -- "$current"))' : ''} ;;`,
    ),
    '  esac',
    '}',
    `complete -o filenames -F ${functionOf(name)} ${name}`,
  ]
}

function zsh(name: string, places: readonly Place[]): readonly string[] {
  const words = places.map(({ words }) => words).filter((one) => one !== '')
  const described = ({ word, says }: Place['next'][number]): string => quoted(`${word.replaceAll(':', '\\:')}:${says}`)
  return [
    `#compdef ${name}`,
    `# zsh completion for ${name}; written by \`${name} completion zsh\``,
    `${functionOf(name)}() {`,
    '  local place="" word i',
    '  local -a found',
    '  for ((i = 2; i < CURRENT; i++)); do',
    '    word="${place:+$place }${words[i]}"',
    `    case "$word" in (${words.map(quoted).join('|')}) place="$word" ;; esac`,
    '  done',
    `  case "\${words[CURRENT-1]}" in (${withValues(places)}) _files; return ;; esac`,
    '  case "$place" in',
    ...places.map(
      ({ words, next, values, takesArguments }) =>
        `    (${quoted(words)}) found=(${[...next.map(described), ...values.map(quoted)].join(' ')}); _describe ${quoted(name)} found${takesArguments && values.length === 0 ? '; _files' : ''} ;;`,
    ),
    '  esac',
    '}',
    `if [ "$funcstack[1]" = ${quoted(functionOf(name))} ]; then ${functionOf(name)} "$@"; else compdef ${functionOf(name)} ${name}; fi`,
  ]
}

function fish(name: string, places: readonly Place[]): readonly string[] {
  const at = `${functionOf(name)}_at`
  const words = places.map(({ words }) => words).filter((one) => one !== '')
  return [
    `# fish completion for ${name}; written by \`${name} completion fish\``,
    `function ${at}`,
    '  set -l place ""',
    '  for word in (commandline -opc)[2..-1]',
    '    set -l longer (string trim -- "$place $word")',
    `    contains -- $longer ${words.map(quoted).join(' ')}; and set place $longer`,
    '  end',
    '  test "$place" = "$argv[1]"',
    'end',
    `complete -c ${name} -f`,
    ...places.flatMap((place) => place.next.map((one) => fishLine(name, `${at} ${quoted(place.words)}`, one))),
    ...places.flatMap(({ words, values, takesArguments }) => {
      const when = `-n ${quoted(`${at} ${quoted(words)}`)}`
      if (values.length > 0) return [`complete -c ${name} ${when} -a ${quoted(values.join(' '))}`]
      return takesArguments ? [`complete -c ${name} ${when} -F`] : []
    }),
  ]
}

function fishLine(name: string, when: string, { word, says, takesValue }: Place['next'][number]): string {
  const what = word.startsWith('--') ? `-l ${word.slice(2)}` : word.startsWith('-') ? `-s ${word.slice(1)}` : `-a ${quoted(word)}`
  return `complete -c ${name} -n ${quoted(when)} ${what}${takesValue ? ' -r -F' : ''} -d ${quoted(says)}`
}
