import { Unavailable } from '../domain/errors.ts'
import { byTime, parsedSpec, unknown, versionsOf } from './explain.ts'
import { withSource, type ExplainSource, type SourceOptions } from './explain-source.ts'
import { explainedPackage, explainedVersion, type ExplainedVersion } from './explained.ts'
import { usage } from './usage.ts'
import { linksOf } from './links.ts'

/** As many of the newest versions are looked at for what they had. */
const LOOKED_AT = 20
const SHOWN = 5

/**
 * `issue`: the text of an issue for the people who publish a package, in Markdown; the lines to print.
 * @throws ConfigurationError when no version is named, or there is nothing to ask for: it has provenance, or later ones do; Unavailable
 */
export async function issue(spec: string, options: SourceOptions): Promise<readonly string[]> {
  const { name, version } = parsedSpec(spec)
  if (version === undefined) throw usage(spec, 'names no version', 'Name the one it is about: NAME@VERSION.')
  return withSource(options, (source) => issueText(source, name, version))
}

export async function issueText(source: ExplainSource, name: string, version: string): Promise<readonly string[]> {
  const [listed, document] = [await source.package(name), await source.version({ name, version })]
  if (document === 'absent' || listed === 'absent') throw unknown(listed, name, version)
  const subject = explainedVersion(document)
  const provenance = subject.evidence?.provenance
  if (provenance === undefined) throw usage(`${name}@${version}`, 'is gone from its registry', 'There is nothing to ask of a version that nobody can install.')
  if (provenance.state === 'unavailable' || provenance.state === 'claimed') throw new Unavailable('evidence-unavailable', `the provenance of ${name}@${version} cannot be had now`)
  if (provenance.state === 'verified') throw usage(`${name}@${version}`, 'has provenance that verifies', 'There is nothing to ask for; `explain` says what else is wrong with it.')
  const others = await versionsOf(source, name, byTime(explainedPackage(listed).versions).slice(0, LOOKED_AT))
  const having = others.map(explainedVersion).filter((other) => other.version !== version && other.builder !== undefined)
  const had = having.filter(({ notBefore = '' }) => notBefore < (subject.notBefore ?? ''))
  if (provenance.state !== 'absent') return [...address(had), ...mend(subject)]
  if (had.length > 0) return [...address(had), ...restore(subject, had)]
  // They have begun to publish with it: what lies before that nobody can mend.
  const [later] = having
  if (later !== undefined) throw usage(`${name}@${version}`, `was published before the package had provenance, which ${later.version} has`, 'There is nothing to ask for; move to that version.')
  return publishWith(subject)
}

/** Where it belongs, for whoever files it; not shown in the issue. */
function address(had: readonly ExplainedVersion[]): readonly string[] {
  const repository = had[0]?.builder?.sourceRepository
  return repository === undefined || !/^https:\/\/\S+$/.test(repository) || repository.includes('--') ? [] : [`<!-- for ${repository}/issues -->`, '']
}

function restore(subject: ExplainedVersion, had: readonly ExplainedVersion[]): readonly string[] {
  const [last] = had
  return [
    `# Please restore provenance: ${spec(subject)} has none`,
    '',
    `Thank you for publishing ${code(subject.package)} with [provenance](https://slsa.dev/spec/v1.0/provenance)! Version ${code(subject.version)} came`,
    'without it, although versions before it had it:',
    '',
    '| version | published | built by |',
    '|---|---|---|',
    ...had.slice(0, SHOWN).map((version) => `| ${code(version.version)} | ${day(version)} | ${builder(version)} |`),
    `| **${code(subject.version)}** | ${day(subject)} | **no provenance** |`,
    '',
    'We install through a mirror that verifies provenance. To whoever looks from outside, a release whose provenance stops looks the same',
    'as one that somebody published with a stolen token, so that it is held back. That is why we ask:',
    '',
    `- Was ${code(subject.version)} published by you, by hand perhaps? A word here would already help.`,
    `- Could the next release come out of the workflow again${last === undefined ? '' : `, as ${code(last.version)} did`}?`,
    '',
    ...howTo(),
  ]
}

const publishWith = (subject: ExplainedVersion): readonly string[] => [
  '# Please publish with provenance',
  '',
  `Thank you for ${code(subject.package)}! We use ${code(subject.version)}, and install through a mirror that verifies where packages come from. None of the`,
  'versions that we looked at has [provenance](https://slsa.dev/spec/v1.0/provenance): the signed statement that says from which commit,',
  'and by which workflow, a release was built. With it, nobody who gets hold of a publish token can pass off a release as yours.',
  '',
  ...howTo(),
]

const mend = (subject: ExplainedVersion): readonly string[] => [
  `# The provenance of ${spec(subject)} does not verify`,
  '',
  `Thank you for publishing ${code(subject.package)} with [provenance](https://slsa.dev/spec/v1.0/provenance)! That of ${code(subject.version)} does not verify here:`,
  '',
  ...(subject.evidence?.provenance.reasons ?? []).map(({ code: word, message }) => `- ${code(word)}: ${escaped(message)}`),
  '',
  ...(subject.integrity === undefined ? [] : [`The version we looked at has the integrity ${code(subject.integrity)}.`, '']),
  'Could you have a look whether the release is what you meant to publish? Publishing the next one from the workflow again should mend it.',
]

const howTo = (): readonly string[] => [
  'In GitHub Actions or GitLab CI it takes no key and no secret: a job with `id-token: write` (GitHub) or an `id_tokens` entry (GitLab), and',
  '`npm publish --provenance`; with a trusted publisher set up for the package it happens by itself.',
]

function builder(version: ExplainedVersion): string {
  if (version.builder === undefined) return ''
  const { run, commit } = linksOf(version.builder)
  const links = [run === undefined ? undefined : `[run](${run})`, commit === undefined ? undefined : `[commit](${commit})`].filter((link) => link !== undefined && !/[|<>\s]/.test(link))
  return [code(version.builder.sourceRepository ?? version.builder.subjectAlternativeName), ...links].join(' ')
}

const spec = ({ package: name, version }: ExplainedVersion): string => code(`${name}@${version}`)
const day = ({ notBefore }: ExplainedVersion): string => (notBefore ?? '').slice(0, 10)
/** As code, so that `@acme/widget` notifies nobody, and no text of a registry becomes a link or a picture. */
const code = (text: string): string => `\`${text.replace(/[`|]/g, "'")}\``
const escaped = (text: string): string => text.replace(/[\\`*_[\]<>|@#!]/g, '\\$&')
