import { CODES_BY_KIND, type ReasonKind } from '../../plugin/domain/reason.ts'
import { helpFor } from '../../plugin/domain/reason-help.ts'

/** What a group of codes has in common. */
const KINDS: Readonly<Record<ReasonKind, readonly [title: string, text: string]>> = {
  forgery: [
    'Somebody lied, or bytes are not what was promised',
    'No rule, waiver, branch or `verdict: allow` excuses these, with one exception: `integrity-missing` alone, by a waiver that pins a sha512. `mode: monitor` serves some of them and says so, never one that begins with `integrity-`.',
  ],
  evidence: ['Evidence that was asked for is not there, or cannot be judged', 'Only where the policy asks for it; what is announced must be good in any case.'],
  identity: ['The evidence is genuine, and of somebody or something else', 'What is compared is what the certificate says, never what a predicate or packument says of itself.'],
  history: ['Compared with what was seen before', 'What the mirror remembers: `ledger show NAME` and `pins show NAME`.'],
  circumstance: ['Circumstances', 'Nothing is wrong with the evidence.'],
  policy: ['What your policy says', 'Rules of your own.'],
  unavailable: ['Not a refusal: 503, nothing was decided', 'Clients try again by themselves. Nothing of it is stored, and no version leaves a packument for it.'],
}

/** docs/reasons.md. */
export function reasonsDocument(): string {
  const kinds = Object.keys(KINDS) as ReasonKind[]
  return [
    '<!-- Made by `node scripts/docs.ts`; the words are in plugin/domain/help/. -->',
    '# Reason codes',
    '',
    'In HTTP bodies, headers, log and CLI, each refusal carries one or more of these codes, worst first. The address in a refusal',
    '(`/-/provenance/v1/packages/NAME/VERSION`) answers with the same words under `help`; `verdaccio-provenance reasons CODE` prints them.',
    'Codes are stable, messages are not.',
    '',
    ...kinds.map((kind) => `- ${CODES_BY_KIND[kind].map((code) => `[\`${code}\`](#${code})`).join(' ')}`),
    '',
    ...kinds.flatMap(section),
  ].join('\n')
}

const section = (kind: ReasonKind): readonly string[] => {
  const [title, text] = KINDS[kind]
  return [
    `## ${title}`,
    text,
    '',
    ...CODES_BY_KIND[kind].flatMap((code) => {
      const { developer, security, remedy } = helpFor(code)
      return [
        `### ${code}`,
        '| | means | what to do |',
        '|---|---|---|',
        `| developer | ${developer} | ${remedy.developer} |`,
        `| security team | ${security} | ${remedy.security} |`,
        '',
      ]
    }),
  ]
}
