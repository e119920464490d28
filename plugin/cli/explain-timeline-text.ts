import { builderChange, builderName, builtVersion } from './builder-change.ts'
import { EVIDENCE, type EvidenceName, type ExplainedOutcome, type ExplainedPackage, type ExplainedVersion } from './explained.ts'
import { fitted, wrap, WIDTH, type Paint, type Style } from './layout.ts'

const VERSION = 20
const VERDICTS: Readonly<Record<ExplainedOutcome, { readonly word: string; readonly style: Style }>> = {
  allow: { word: 'allowed', style: 'green' },
  warn: { word: 'warning', style: 'yellow' },
  deny: { word: 'REFUSED', style: 'red' },
  unavailable: { word: 'undecided', style: 'yellow' },
}
const LETTERS: Readonly<Record<EvidenceName, string>> = { signature: 'S', publishAttestation: 'A', provenance: 'P' }
/** In place of the letter, where it is not verified. */
const MARKS: Readonly<Record<string, string>> = { absent: '-', claimed: '?', invalid: '!', 'unknown-key': '!', unavailable: '~' }

/** The versions of a package, newest first, with a line wherever who built it, or that anybody can be told, changes. */
export function timelineText({ package: name, uplink, policyRevision, versions }: ExplainedPackage, shown: readonly ExplainedVersion[], paint: Paint): readonly string[] {
  const of = shown.length === versions.length ? '' : `, the ${String(shown.length)} newest shown (--all)`
  const from = uplink === undefined ? '' : `, from ${uplink}`
  return [
    ...wrap(`${name}: ${String(versions.length)} ${versions.length === 1 ? 'version' : 'versions'}${of}${from}${policyRevision === undefined ? '' : `, policy ${policyRevision}`}`),
    '',
    paint('bold', `${'version'.padEnd(VERSION)}  not before  evid.  verdict    built by`),
    ...shown.flatMap((version, index) => [...rowText(version, paint), ...changeText(version, shown.slice(index + 1), paint)]),
    '',
    ...wrap('S registry signature, A publish attestation, P provenance verified; - none, ? announced only, ! invalid or unknown key, ~ cannot be had now'),
  ]
}

function rowText(version: ExplainedVersion, paint: Paint): readonly string[] {
  const { word, style } = VERDICTS[version.outcome]
  const head = `${fitted(version.version, VERSION).padEnd(VERSION)}  ${(version.notBefore ?? '').slice(0, 10).padEnd(10)}  ${badges(version).padEnd(5)}  `
  const by = fitted(builderName(version.builder), WIDTH - head.length - 11)
  const codes = version.outcome === 'allow' ? [] : wrap([...new Set(version.reasons.map(({ code }) => code))].join(', '), '    ')
  return [`${head}${paint(style, word)}${' '.repeat(Math.max(0, 11 - word.length))}${by}`.trimEnd(), ...codes.map((line) => paint('dim', line))]
}

const badges = ({ evidence }: ExplainedVersion): string =>
  evidence === undefined ? '' : EVIDENCE.map((name) => (evidence[name].state === 'verified' ? LETTERS[name] : (MARKS[evidence[name].state] ?? '?'))).join('')

/** Between a version and the ones before it. */
function changeText(version: ExplainedVersion, before: readonly ExplainedVersion[], paint: Paint): readonly string[] {
  const change = builderChange(builtVersion(version), before.map(builtVersion))
  switch (change?.kind) {
    case undefined:
      return []
    case 'ends':
      return line('^^ PROVENANCE ENDS HERE: the version before it had it', 'yellow', paint)
    case 'builder':
      return line(`^^ BUILT BY SOMEBODY ELSE from here on: before, ${change.before ?? ''}`, 'red', paint)
    case 'owner':
      return line(`^^ another owner of the repository from here on (${change.now ?? ''}): before, ${change.before ?? ''}`, 'yellow', paint)
    case 'workflow':
      return line(`^^ another workflow from here on (${change.now ?? 'none told'}): before, ${change.before ?? 'none told'}`, 'yellow', paint)
  }
}

const line = (text: string, style: Style, paint: Paint): readonly string[] => wrap(text, '  ').map((one) => paint(style, one))
