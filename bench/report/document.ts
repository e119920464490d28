/** The whole report, as it is printed and as docs/performance.md. */
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'
import path from 'node:path'
import { canPin } from '../children.ts'
import { pinnedVersion, ROOT } from '../programs.ts'
import { figure } from '../statistics.ts'
import { section, targetsTable } from './markdown.ts'
import type { Section } from './section.ts'

export interface Finding {
  readonly name: string
  readonly title: string
  readonly section: Section
}

export interface RunFacts {
  readonly quick: boolean
  readonly rounds: number
  /** Names of the only parts that ran; empty when all did. */
  readonly only: readonly string[]
  readonly missing: readonly string[]
  readonly seconds: number
}

export function report(findings: readonly Finding[], facts: RunFacts): string {
  const targets = findings.flatMap((finding) => finding.section.targets)
  const hasGrowth = findings.some((finding) => (finding.section.growth ?? []).length > 0)
  return [
    '# Performance',
    '',
    'Written by `npm run bench -- --write`; not by hand. What counts are the ratios, all of one run: absolute figures drift with the machine.',
    '',
    ...machine(facts),
    ...HOW,
    ...(hasGrowth ? ['![Requests a second by versions of the package](performance-growth.svg)', ''] : []),
    ...(targets.length > 0 ? [targetsTable(targets)] : []),
    // Written by hand, and looked at again after each run.
    ...(targets.some(({ met }) => !met) ? [readFileSync(path.join(import.meta.dirname, 'causes.md'), 'utf8')] : []),
    ...findings.map((finding) => section(finding.title, finding.section)),
  ].join('\n').trimEnd() + '\n'
}

const HOW = [
  '## Running it again',
  '',
  '```sh',
  'npm run bench:programs      # what it compares with, and the npm it runs, into node_modules/.cache/bench',
  'npm run bench               # prints the tables; a good half hour',
  'npm run bench -- --quick    # everything small, under two minutes',
  'npm run bench -- --only herd --only memory --rounds 2 --write    # parts, rounds, and the report into docs/',
  'npm run bench -- --only soak     # an hour of mixed load on 10,000 packages in five minutes: does anything go on growing?',
  '```',
  '',
  'It needs `wrk` (Debian: `apt-get install wrk`) for requests a second, Linux for CPU time and memory, and the registry that npm is configured with',
  'once, for the packages of `bench/tree`, which it keeps.',
  '',
  'Every server is a process of its own on loopback, with all its threads on one core; what asks, and the fake upstream behind all of them, are on another.',
  'Rounds go from server to server and round again; figures are medians, ratios medians of the ratios within rounds. Requests carry the headers npm',
  'sends. This mirror enforces the preset `recommended` with its configuration as shipped and an access log; every version is signed by a registry key it trusts, and every',
  'signature and tarball is verified. Raw `node:http` has the very bytes of this mirror in memory and does nothing else.',
  '',
]

function machine({ quick, rounds, only, missing, seconds }: RunFacts): readonly string[] {
  const all = cpus()
  return [
    `${all.length} × ${all[0]?.model ?? 'unknown processor'}, ${figure(totalmem() / 1e9)} GB, ${type()} ${release()}; Node ${process.version},`,
    `Verdaccio ${versionOf('verdaccio')}, pnpr ${pinnedVersion('@pnpm/pnpr.linux-x64')}, npm ${pinnedVersion('npm')}. ${rounds === 1 ? 'One round' : `${rounds} rounds`} in ${figure(seconds)} s.`,
    '',
    ...(quick ? ['**A quick run**: one short round of everything. Its figures are rough.', ''] : []),
    ...(only.length > 0 ? [`Only: ${only.join(', ')}.`, ''] : []),
    ...(canPin() ? [] : ['Servers and load could not be given cores of their own (`taskset`, two cores).', '']),
    ...missing.flatMap((line) => [line, '']),
  ]
}

const versionOf = (name: string): string => (JSON.parse(readFileSync(path.join(ROOT, 'node_modules', name, 'package.json'), 'utf8')) as { version: string }).version
