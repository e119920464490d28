/** JUnit's XML, as CI servers read it: a suite per lockfile, a test case per finding, and one for all that pass. */
import type { Finding } from './finding.ts'
import type { Checked } from './report.ts'
import { nearestText, pathText, printable, specOfPackage } from './words.ts'

export function junitReport(checked: readonly Checked[]): readonly string[] {
  const suites = checked.map(({ subject, findings, counts }) => {
    const failing = findings.filter(isFailure)
    const errors = findings.filter(({ level }) => level === 'undecided')
    const cases = findings.map((finding) => caseOf(finding))
    const passed = counts.allowed + counts.warned
    const head = `  <testsuite name="${escaped(subject.file ?? 'packages')}" tests="${String(cases.length + 1)}" failures="${String(failing.length)}" errors="${String(errors.length)}">`
    return [head, `    <testcase classname="verdaccio-provenance" name="${String(passed)} packages pass"/>`, ...cases.flat(), '  </testsuite>']
  })
  return ['<?xml version="1.0" encoding="UTF-8"?>', '<testsuites name="verdaccio-provenance">', ...suites.flat(), '</testsuites>']
}

const isFailure = ({ level }: Finding): boolean => level !== 'warned' && level !== 'undecided'

function caseOf(finding: Finding): readonly string[] {
  const { code, level, package: one, message, nearest } = finding
  const open = `    <testcase classname="${escaped(code)}" name="${escaped(specOfPackage(one))}">`
  const more = [...one.paths.map((path) => `by ${pathText(path)}`), ...(nearest === undefined ? [] : [`passes: ${nearestText(nearest)}`])].map(escaped).join('\n')
  const element = level === 'undecided' ? 'error' : 'failure'
  const body = isFailure(finding) || level === 'undecided' ? `<${element} type="${escaped(code)}" message="${escaped(printable(message))}">${more}</${element}>` : `<system-out>${escaped(`${code}: ${printable(message)}`)}</system-out>`
  return [open, `      ${body}`, '    </testcase>']
}

/** XML 1.0, 2.4; control characters that XML has no way to write are gone before. */
const escaped = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    // Unpaired halves of a character are no XML either.
    .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\ud800-\udfff]|[\ufffe\uffff]/g, '?')
