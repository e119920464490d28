import { caseFiles, expectations, MOMENTS, PRESET_NAMES, type Case, type CaseFile, type CaseOutcome, type Expected, type Moment } from '../../test/support/cases/read.ts'

/** `observe` refuses nothing by its nature; what it says is what `recommended` says. */
const SHOWN = [1, 2, 3] as const

/** docs/cases.md: what each preset makes of real incidents and honest changes. Tests hold the same data against the policy engine. */
export function casesDocument(): string {
  const files = caseFiles()
  const outcomes = expectations()
  const attacks = files.filter(({ kind }) => kind === 'attack').flatMap(({ cases }) => cases)
  const benign = files.filter(({ kind }) => kind === 'benign').flatMap(({ cases }) => cases)
  const expected = ({ outcome }: Case): Expected => {
    const found = outcomes.get(outcome)
    if (found === undefined) throw new Error(`${outcome} is not described`)
    return found
  }
  return [
    '<!-- Made by `node scripts/docs.ts` from test/data/cases/; test/unit/policy/cases.test.ts holds the policy engine against them. -->',
    '# What the presets make of real cases',
    '',
    `${attacks.length} malicious releases and ${benign.length} honest ones, described in numbers in [test/data/cases](../test/data/cases): what evidence a version had, what`,
    'versions before it had, and how long it was to be had. All are judged as a registry of today would serve them: every version signed, a publish',
    'attestation with each provenance, by a mirror that knew the package before. *(made up)* is a case that no thread documents, made after a real kind of',
    'change; an asterisk marks one of whose facts some are assumed, and the file says which.',
    '',
    '## In numbers',
    ...table(
      ['malicious releases, for as long as they were up', ...PRESET_NAMES],
      [
        ...counts('documented', attacks.filter(({ constructed }) => !constructed), ({ whileUp }, preset) => whileUp?.[preset]),
        ...counts('made up', attacks.filter(({ constructed }) => constructed), ({ whileUp }, preset) => whileUp?.[preset]),
      ],
    ),
    '',
    ...table(
      ['the same, had nobody noticed them for 40 days', ...PRESET_NAMES],
      counts('all', attacks, (one, preset) => expected(one).at['40d'][preset]),
    ),
    '',
    ...(['2d', '40d'] as const).flatMap((moment) => [
      ...table([`honest releases, ${moment === '2d' ? '2 days' : '40 days'} old`, ...PRESET_NAMES], counts('all', benign, (one, preset) => expected(one).at[moment][preset])),
      '',
    ]),
    '`observe` serves everything and says what recommended would not have served.',
    '',
    ...READING,
    '',
    '## What becomes of whom',
    'Each case below has one of these shapes. A cell is the outcome of a version just published, and what it becomes at which age.',
    '',
    ...table(
      ['shape', 'evidence', ...PRESET_NAMES],
      [...outcomes].map(([name, { says, at }]) => [`\`${name}\``, says, ...PRESET_NAMES.map((_, preset) => course(at, preset))]),
    ),
    '',
    ...files.flatMap((file) => section(file, expected)),
  ].join('\n')
}

const READING = [
  'Read honestly:',
  '',
  '- **Age does most of the work.** Most malicious releases had no provenance, and neither had any release before them: nothing but the waiting time refuses',
  '  them, and it is enough because they are found within hours. Those that stayed up for days or weeks (rand-user-agent, cap-js, colors, node-ipc, event-stream)',
  '  were served by recommended once a day had passed.',
  '- **A drop in evidence is the strongest sign there is**, where a project has provenance: axios 1.14.1, nx and eslint-config-prettier are refused for 30 days and',
  '  not for hours. Honest maintainers drop it too, for the reasons in the third table. After the window recommended only warns; strict goes on refusing, and',
  '  needs a waiver for each such version. This is the price of strict, and no setting takes it away.',
  '- **Old release lines look alike, honest or not.** axios 0.30.4 (malicious) and 0.30.3 (honest) differ in nothing that a mirror can see but their age.',
  '- **Valid evidence proves who built it, and not that it is good.** A version built by the right workflow of the right repository, out of a poisoned cache or',
  '  by a maintainer who turned, passes everywhere once it is old enough. TanStack in May 2026 was refused for its git dependency and its age; with the payload in',
  '  the tarball only the age would have been left. What helps beyond that is outside a mirror: review, staged publishing, blocking egress and install scripts.',
  '- **lockdown refuses nearly everything**, since about nine packages in ten have no provenance: it is for a short list of packages of your own choosing.',
  '- **The cases are chosen.** Malicious releases that nobody noticed are missing, and many of the hours are assumed. The honest ones are there because somebody',
  '  complained, or because they are hard: of all releases of a day, far fewer are refused.',
]

type Outcomes = (one: Case, preset: number) => CaseOutcome | undefined

const LABELS: Readonly<Record<CaseOutcome, string>> = { deny: 'refused', warn: 'served with a warning', allow: 'served without a word' }

const counts = (title: string, cases: readonly Case[], of: Outcomes): readonly (readonly string[])[] =>
  (['deny', 'warn', 'allow'] as const).map((outcome) => [
    `${title} (${cases.length}): ${LABELS[outcome]}`,
    ...PRESET_NAMES.map((_, preset) => String(cases.filter((one) => of(one, preset) === outcome).length)),
  ])

/** `deny; 2d allow`: what it is at first, and what it becomes when. */
const course = (at: Expected['at'], preset: number): string =>
  MOMENTS.filter((moment, index) => at[moment][preset] !== previous(at, index)?.[preset])
    .map((moment, index) => `${index === 0 ? '' : `${moment} `}${at[moment][preset] ?? ''}`)
    .join('; ')

const previous = (at: Expected['at'], index: number): Expected['at'][Moment] | undefined => {
  const before = MOMENTS[index - 1]
  return before === undefined ? undefined : at[before]
}

function section({ kind, title, about, cases }: CaseFile, expected: (one: Case) => Expected): readonly string[] {
  const isAttack = kind === 'attack'
  const presets = SHOWN.map((preset) => PRESET_NAMES[preset])
  const head = isAttack
    ? ['version', 'what', 'shape', 'up for', ...presets.map((name) => `${name} meanwhile`), 'reading']
    : ['version', 'what', 'shape', ...presets.map((name) => `${name} at 40d`), 'reading']
  const rows = cases.map((one) => [
    `\`${one.package}\`${one.assumed === undefined ? '' : ' *'}`,
    `${one.title}${one.constructed ? ' *(made up)*' : ''} (${one.sources.map(linked).join(', ')})`,
    `\`${one.outcome}\``,
    ...(isAttack ? [one.upFor ?? ''] : []),
    ...SHOWN.map((preset) => (isAttack ? one.whileUp?.[preset] : expected(one).at['40d'][preset]) ?? ''),
    one.reading,
  ])
  return [`## ${isAttack ? 'Malicious' : 'Honest'}: ${title.charAt(0).toLowerCase()}${title.slice(1)}`, about, '', ...table(head, rows), '']
}

const linked = (source: string): string => {
  if (/^GHSA(?:-[a-z0-9]{4}){3}$/.test(source)) return `[${source}](https://github.com/advisories/${source})`
  const [, repository, number] = /^([\w.-]+\/[\w.-]+)#(\d+)$/.exec(source) ?? []
  return repository === undefined || number === undefined ? source : `[${source}](https://github.com/${repository}/issues/${number})`
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
