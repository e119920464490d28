import { EVIDENCE, textOf, type EvidenceName, type ExplainedBuilder, type ExplainedEvidence, type ExplainedOutcome, type ExplainedReason, type ExplainedVersion } from './explained.ts'
import { linksOf, logLink, workflowOf } from './links.ts'
import { fields, wrap, type Paint, type Style } from './layout.ts'

export const OUTCOME_WORDS: Readonly<Record<ExplainedOutcome, { readonly word: string; readonly style: Style }>> = {
  allow: { word: 'allowed', style: 'green' },
  warn: { word: 'allowed with a warning', style: 'yellow' },
  deny: { word: 'REFUSED', style: 'red' },
  unavailable: { word: 'undecided', style: 'yellow' },
}

/** All about one version, for people: the verdict, why, what would make it pass, what was verified and who built it. */
export function versionText(version: ExplainedVersion, paint: Paint): readonly string[] {
  const { word, style } = OUTCOME_WORDS[version.outcome]
  const rule = version.rule === undefined ? '' : ` by the rule "${version.rule}"`
  const [first = '', ...rest] = wrap(`${version.package}@${version.version} is ${word}${rule}`)
  return [
    first.replace(word, paint(style, word)),
    ...rest,
    ...heading('Why', version.reasons.flatMap((reason) => reasonText(reason)), paint),
    ...heading(isServedOutcome(version) ? 'Mind' : 'What would make it pass', remedies(version), paint),
    ...heading('Published', publishedText(version), paint),
    ...heading('Verified', version.evidence === undefined ? [] : EVIDENCE.flatMap((name) => evidenceText(name, version.evidence?.[name])), paint),
    ...heading('Built by', version.builder === undefined ? [] : builderText(version.builder, version.evidence?.provenance), paint),
    ...heading('The package was built by, so far', version.pins.flatMap((pin) => wrap(pin, '  ')), paint),
  ]
}

const isServedOutcome = ({ outcome }: ExplainedVersion): boolean => outcome === 'allow' || outcome === 'warn'

const heading = (title: string, lines: readonly string[], paint: Paint): readonly string[] => (lines.length === 0 ? [] : ['', paint('bold', title), ...lines])

const reasonText = ({ code, message, help }: ExplainedReason): readonly string[] => [
  `  ${code}`,
  ...wrap(message, '    '),
  ...(help === undefined ? [] : [...wrap(help.developer, '    '), ...wrap(help.security, '    ')]),
]

function remedies({ package: name, outcome, reasons, waiver, monitored, validUntil, nearestAllowed }: ExplainedVersion): readonly string[] {
  const refused = outcome === 'deny' || outcome === 'unavailable'
  const told = new Set(reasons.flatMap(({ help }) => (help === undefined ? [] : [`you: ${help.remedy.developer}`, `who runs the policy: ${help.remedy.security}`])))
  return [
    ...(monitored ? wrap('It is served because the policy only monitors; enforced, it would be refused.', '  ') : []),
    ...(waiver === undefined ? [] : wrap(`A waiver lets it pass until ${waiver.expires.slice(0, 10)}: ${waiver.reason} (approved by ${waiver.approvedBy}).`, '  ')),
    ...(refused && nearestAllowed !== undefined ? wrap(`${name}@${nearestAllowed} passes now.`, '  ') : []),
    ...(validUntil === undefined ? [] : wrap(`The clock alone changes this verdict at ${moment(validUntil)}.`, '  ')),
    ...[...told].flatMap((text) => bullet(text)),
  ]
}

const bullet = (text: string): readonly string[] => wrap(text, '    ').map((line, index) => (index === 0 ? `  - ${line.trimStart()}` : line))

const moment = (iso: string): string => iso.replace(/:\d\d(\.\d+)?Z$/, 'Z')

const publishedText = ({ notBefore, uplink, integrity, policyRevision }: ExplainedVersion): readonly string[] =>
  fields([
    ...(notBefore === undefined ? [] : [['not before', moment(notBefore)] as const]),
    ...(uplink === undefined ? [] : [['uplink', uplink] as const]),
    ...(integrity === undefined ? [] : [['integrity', integrity] as const]),
    ...(policyRevision === undefined ? [] : [['judged by', `policy ${policyRevision}`] as const]),
  ])

const NAMES: Readonly<Record<EvidenceName, string>> = {
  signature: 'registry signature ',
  publishAttestation: 'publish attestation',
  provenance: 'provenance         ',
}

function evidenceText(name: EvidenceName, evidence: ExplainedEvidence | undefined): readonly string[] {
  if (evidence === undefined) return []
  const { state, facts, withdrawn, reasons } = evidence
  const said = [
    textOf(facts, 'keyid') === undefined ? undefined : `key ${String(textOf(facts, 'keyid'))}`,
    textOf(facts, 'predicateType'),
    textOf(facts, 'instance') === undefined ? undefined : `by the Sigstore instance ${String(textOf(facts, 'instance'))}`,
    textOf(facts, 'loggedAt') === undefined ? undefined : `logged ${moment(String(textOf(facts, 'loggedAt')))}`,
    withdrawn ? 'gone upstream; kept here' : undefined,
    ...reasons.map(({ message }) => message),
  ].filter((part) => part !== undefined)
  return [`  ${NAMES[name]}  ${STATES[state] ?? state}`, ...said.flatMap((part) => wrap(part, '    '))]
}

const STATES: Readonly<Record<string, string>> = {
  verified: 'verified',
  claimed: 'announced, and not looked at',
  absent: 'none',
  invalid: 'INVALID',
  'unknown-key': 'by an unknown key',
  unavailable: 'cannot be had now',
}

function builderText(builder: ExplainedBuilder, provenance: ExplainedEvidence | undefined): readonly string[] {
  const links = linksOf(builder)
  const [index, instance] = provenance === undefined ? [] : [textOf(provenance.facts, 'logIndex'), textOf(provenance.facts, 'instance')]
  const ids = [
    builder.sourceRepositoryId === undefined ? undefined : `id ${builder.sourceRepositoryId}`,
    builder.sourceOwnerId === undefined ? undefined : `owner ${builder.sourceOwnerId}`,
  ].filter((id) => id !== undefined)
  const pairs: readonly (readonly [string, string | undefined, string | undefined])[] = [
    ['repository', builder.sourceRepository, undefined],
    ['', ids.length === 0 ? undefined : ids.join(', '), undefined],
    ['ref', builder.sourceRef, links.ref],
    ['commit', builder.sourceDigest, links.commit],
    ['workflow', workflowOf(builder) ?? builder.subjectAlternativeName, links.workflow],
    ['run', builder.trigger === undefined ? links.run : `${builder.trigger}${builder.runner === undefined ? '' : `, ${builder.runner}`}`, builder.trigger === undefined ? undefined : links.run],
    ['issuer', builder.issuer, undefined],
    ['log index', index === undefined ? undefined : instance === undefined ? `${index} (if of the public Sigstore:` : `${index} of the Sigstore instance ${instance}`, index === undefined || instance !== undefined ? undefined : `${logLink(index)})`],
  ]
  const shown = pairs.flatMap(([key, value, link]) =>
    value === undefined ? [] : [[key, value] as const, ...(link === undefined ? [] : [['', link] as const])],
  )
  return fields(shown)
}
