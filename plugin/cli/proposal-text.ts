/** A proposed policy as YAML, with comments for whoever reviews it. */
import { stringify } from 'yaml'
import type { NewWaiver, ProposedRule } from '../compose.ts'
import { safe } from './layout.ts'

export interface Proposal {
  /** Of the day it is made. */
  readonly date: Date
  readonly versions: number
  readonly packages: number
  /** Versions whose provenance was verified. */
  readonly verified: number
  readonly rules: readonly ProposedRule[]
  readonly waivers: readonly ProposedWaiver[]
  /** Comments at the end: what the proposal leaves open. */
  readonly open: readonly string[]
}

export interface ProposedWaiver extends NewWaiver {
  /** Why it would be refused. */
  readonly because: string
}

export function proposalText({ date, versions, packages, verified, rules, waivers, open }: Proposal, mode: 'monitor' | 'enforce' = 'monitor'): string {
  const covered = rules.reduce((sum, rule) => sum + rule.covers.packages, 0)
  return [
    ...comment(`Proposed on ${day(date)} by \`verdaccio-provenance policy init\`, from ${count(versions, 'version')} of ${count(packages, 'package')} in use.`),
    ...comment(
      verified === 0
        ? 'None of them has provenance that was verified, so that no package is held to who built it; the preset speaks of all.'
        : `${count(covered, 'package')} of them ${covered === 1 ? 'is' : 'are'} held to who was verified to have built ${covered === 1 ? 'it' : 'them'}; the preset speaks of the rest.`,
    ),
    'version: 1',
    'extends: recommended',
    ...comment('monitor serves what would be refused, and logs it. When the log is quiet: enforce.'),
    `mode: ${mode}`,
    ...section('rules', rules.map(ruleText)),
    ...section('waivers', waivers.map(waiverText)),
    ...(open.length === 0 ? [] : ['', ...open.flatMap((line) => comment(line))]),
    '',
  ].join('\n')
}

const section = (key: string, items: readonly (readonly string[])[]): readonly string[] => (items.length === 0 ? [] : ['', `${key}:`, ...items.flat()])

function ruleText({ source, packages, provenance, covers }: ProposedRule): readonly string[] {
  const { sourceRepositoryId, sourceRepository, sourceOwnerId, workflow } = provenance
  const held = [
    sourceRepositoryId === undefined ? undefined : 'the repository by its id, so that it may be renamed',
    sourceRepository?.endsWith('/*') === true ? 'any repository of the owner' : undefined,
    sourceOwnerId === undefined ? 'the address only: the certificates have no ids' : undefined,
    workflow === undefined ? 'any workflow: several were seen' : undefined,
  ].filter((part) => part !== undefined)
  return [
    ...comment(`${count(covers.packages, 'package')} in ${count(covers.versions, 'version')}, built by ${source}${held.length === 0 ? '' : ` (${held.join('; ')})`}`, '  '),
    ...item({ name: `built by ${source}`, packages, require: { provenance } }),
  ]
}

const waiverText = ({ because, ...waiver }: ProposedWaiver): readonly string[] => [...comment(because, '  '), ...item(waiver)]

function item(value: object): readonly string[] {
  const lines = stringify(value, { lineWidth: 0 }).trimEnd().split('\n')
  return lines.map((line, index) => `  ${index === 0 ? '- ' : '  '}${line}`)
}

const COLUMNS = 118
/** What stands in it comes from registries and lockfiles too: a line break would end the comment. */
function comment(text: string, indent = ''): readonly string[] {
  const lines: string[] = []
  for (const word of safe(text).split(' ')) {
    const last = lines.at(-1)
    if (last === undefined || last.length + word.length > COLUMNS) lines.push(`${indent}# ${word}`)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}

export const day = (date: Date): string => date.toISOString().slice(0, 10)
const count = (number: number, what: string): string => `${String(number)} ${what}${number === 1 ? '' : 's'}`
