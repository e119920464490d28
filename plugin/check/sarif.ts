/** SARIF 2.1.0 (OASIS), as code scanning takes it: a finding is an annotation at its line of the lockfile. */
import type { JsonObject } from '../domain/json.ts'
import type { Finding } from './finding.ts'
import type { Checked } from './report.ts'
import { meaningOf, nearestText, pathText, printable, remedyFor, specOfPackage } from './words.ts'

export function sarifReport(checked: readonly Checked[], version: string): JsonObject {
  const codes = [...new Set(checked.flatMap(({ findings }) => findings.map(({ code }) => code)))].sort()
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'verdaccio-provenance', version, rules: codes.map(ruleOf) } },
        results: checked.flatMap(({ subject, findings }) => findings.map((finding) => resultOf(finding, subject.file, codes))),
      },
    ],
  }
}

const ruleOf = (code: string): JsonObject => ({
  id: code,
  shortDescription: { text: meaningOf(code) },
  ...(remedyFor(code) === '' ? {} : { help: { text: remedyFor(code) } }),
})

function resultOf(finding: Finding, file: string | undefined, codes: readonly string[]): JsonObject {
  const { code, level, package: one, message, nearest, monitored } = finding
  const [path] = one.paths
  const text = [
    `${specOfPackage(one)}: ${printable(message)}.`,
    ...(path === undefined || path.length < 2 ? [] : [`Pulled in by ${pathText(path)}.`]),
    ...(nearest === undefined ? [] : [`Passes: ${nearestText(nearest)}.`]),
  ].join(' ')
  return {
    ruleId: code,
    ruleIndex: codes.indexOf(code),
    level: level === 'warned' || level === 'undecided' || monitored ? 'warning' : 'error',
    message: { text },
    // Code scanning shows nothing without a place; what was named on the command line has none.
    locations: [{ physicalLocation: { artifactLocation: { uri: uriOf(file ?? 'package.json') }, region: { startLine: one.line } } }],
    partialFingerprints: { 'package/v1': `${code} ${specOfPackage(one)}` },
  }
}

/** A relative reference (RFC 3986): what a path may hold and an address may not is escaped. */
const uriOf = (file: string): string => file.replaceAll('\\', '/').split('/').map(encodeURIComponent).join('/')
