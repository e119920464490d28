import type { Json } from '../../../plugin/domain/json.ts'
import type { PolicyAnswer, RuleAnswer, WaiverAnswer } from '../answers.ts'

/** The policy in force, defaults filled in, as a file that reads the same: what somebody begins to edit. */
export function policyYaml({ preset, mode, listing, withheld, onUnavailable, rules, waivers }: PolicyAnswer): string {
  return [
    'version: 1',
    ...linesOf({ extends: preset, mode, listing, withheld, onUnavailable }, ''),
    'rules:',
    ...rules.flatMap(ruleLines),
    ...(waivers.length === 0 ? [] : ['waivers:', ...waivers.flatMap(waiverLines)]),
    '',
  ].join('\n')
}

function ruleLines({ name, packages, origin, verdict, reason, require, where, onFailure }: RuleAnswer): readonly string[] {
  const requires = require === undefined ? [] : ['    require:', ...linesOf(require, '      ')]
  return [`  - name: ${text(name)}`, ...linesOf({ packages, origin, verdict, reason }, '    '), ...requires, ...linesOf({ where, onFailure }, '    ')]
}

const waiverLines = ({ package: spec, integrity, waives, reason, approvedBy, expires }: WaiverAnswer): readonly string[] => [
  `  - package: ${text(spec)}`,
  ...linesOf({ integrity, waives, reason, approvedBy, expires: expires.replace(/T00:00:00\.000Z$/, '') }, '    '),
]

/** YAML 1.2 has JSON in it: what is more than a word stands as that. */
const linesOf = (values: Readonly<Record<string, Json | undefined>>, indent: string): readonly string[] =>
  Object.entries(values).flatMap(([key, value]) => (value === undefined ? [] : [`${indent}${key}: ${text(value)}`]))

const text = (value: Json): string => (typeof value === 'string' && /^[A-Za-z][\w-]*$/.test(value) && !/^(?:true|false|null|yes|no|on|off|[yn])$/i.test(value) ? value : JSON.stringify(value))
