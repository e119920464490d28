import assert from 'node:assert/strict'
import { check, FORMATS, render, type Answer, type Checked, type Format, type VerdictSource } from '../../../plugin/check/index.ts'
import type { LockedPackage } from '../../../plugin/lockfile/index.ts'
import { judged, locked, refused } from './support.ts'

const addresses = { mirrors: [], replaced: [] }

async function checkedOf(packages: readonly (readonly [LockedPackage, Answer])[], file: string | undefined = 'web/package-lock.json'): Promise<Checked> {
  const answers = new Map(packages.map(([one, answer]) => [`${one.name}@${one.version}`, answer]))
  const source: VerdictSource = {
    title: 'a test',
    judge: (name, versions) => Promise.resolve(new Map(versions.map((version) => [version, answers.get(`${name}@${version}`) ?? judged()]))),
    known: () => Promise.resolve('absent'),
    warm: () => Promise.resolve({ state: 'absent' }),
    isWarm: () => Promise.resolve(false),
    close: () => Promise.resolve(),
  }
  return check({ file, format: 'npm', formatVersion: '3', packages: packages.map(([one]) => one) }, { source, addresses, limit: (task) => task() })
}

const rendered = (checked: Checked, format: Format, all = false): string =>
  render([checked], format, { source: 'a test', version: '1.2.3', width: 80, paint: (_style, line) => line, all }).join('\n')

const NATIVE = [locked({ name: 'native-linux', version: '1.0.0', optional: true, paths: [['native', 'native-linux']], ranges: ['1.0.0'], line: 99 }), refused('provenance-absent')] as const
const LEFT = [locked(), refused('signature-invalid', { nearest: '1.0.9', rule: 'ours', reasons: [{ code: 'release-too-young', message: 'it is young' }, { code: 'signature-invalid', message: 'the signature is forged' }] })] as const
const WARNED = [locked({ name: 'quiet', version: '2.0.0', paths: [['quiet']] }), judged({ outcome: 'warn', monitored: true, reasons: [{ code: 'provenance-absent', message: 'nobody built it' }] })] as const
const FINE = [locked({ name: 'fine' }), judged()] as const

describe('reports', () => {
  it('text: grouped by reason, worst first, with who pulls it in and what passes', async () => {
    const text = render([await checkedOf([NATIVE, LEFT, WARNED, FINE])], 'text', { source: 'a test', version: '1.2.3', width: 400, paint: (_style, line) => line, all: false })
    // What codes mean is said in the words of docs/reasons.md, which have tests of their own.
    assert.equal(text.filter((line) => !/^ {2}[A-Z]/.test(line)).join('\n'), GOLDEN_TEXT)
  })
  it('text: no line is wider than the terminal, whatever the names are', async () => {
    const long = locked({ name: `@${'scope'.repeat(30)}/${'n'.repeat(60)}`, paths: [['a'.repeat(200), 'b b '.repeat(50)]] })
    const text = rendered(await checkedOf([[long, refused('provenance-absent', { reasons: [{ code: 'provenance-absent', message: 'w'.repeat(290) }] })]]), 'text')
    for (const line of text.split('\n')) assert.ok(line.length <= 80, line)
  })
  it('text: a reason that hundreds have shows twenty, and all when asked', async () => {
    const many = await checkedOf(Array.from({ length: 30 }, (_, index) => [locked({ name: `p${String(index)}` }), refused('provenance-absent')] as const))
    assert.match(rendered(many, 'text'), /and 10 more; --all shows them/)
    assert.equal(rendered(many, 'text', true).match(/^ {2}p\d+@/gm)?.length, 30)
  })
  it('[16d] what a lockfile calls packages moves no cursor and ends no line', async () => {
    const evil = locked({ name: 'a\u001b[2Jb\r\nc\u202ed', paths: [['x\u001b]0;t\u0007', 'y\n::set-output']] })
    for (const format of ['text', 'markdown', 'junit'] as const) {
      const text = rendered(await checkedOf([[evil, refused('provenance-absent')]]), format)
      assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u202e]/, format)
      assert.doesNotMatch(text, /^::/m, format)
    }
  })
  it('json: everything there is, and nothing of the terminal', async () => {
    const document = JSON.parse(rendered(await checkedOf([LEFT]), 'json')) as { subjects: { findings: unknown[]; counts: unknown }[] }
    assert.deepEqual(document.subjects[0]?.findings, [
      { level: 'refused', code: 'signature-invalid', message: 'the signature is forged', also: ['release-too-young'], package: 'left', version: '1.1.0', kind: 'registry', optional: false, dev: false, peer: false, paths: [['middle', 'left']], ranges: ['^1.0.0'], line: 7, rule: 'ours', nearest: { version: '1.0.9', inRange: true } },
    ])
  })
  it('sarif: an annotation at its line, a rule for each code, warnings where the mirror serves it', async () => {
    const { version, runs } = JSON.parse(rendered(await checkedOf([LEFT, WARNED]), 'sarif')) as Sarif
    const [run] = runs
    assert.equal(version, '2.1.0')
    assert.deepEqual(run?.tool.driver.rules.map(({ id }) => id), ['provenance-absent', 'signature-invalid'])
    assert.deepEqual(
      run.results.map(({ ruleId, ruleIndex, level, locations: [place] }) => [ruleId, ruleIndex, level, place?.physicalLocation.artifactLocation.uri, place?.physicalLocation.region.startLine]),
      [['signature-invalid', 1, 'error', 'web/package-lock.json', 7], ['provenance-absent', 0, 'warning', 'web/package-lock.json', 7]],
    )
    assert.equal(run.results[0]?.message.text, 'left@1.1.0: the signature is forged. Pulled in by middle > left. Passes: 1.0.9, which the range allows.')
  })
  it('junit: a failure for what is refused, an error for what is undecided, neither for a warning', async () => {
    const open = [locked({ name: 'open' }), judged({ outcome: 'unavailable', reasons: [{ code: 'evidence-unavailable', message: 'a "<down>" & out' }] })] as const
    const xml = rendered(await checkedOf([LEFT, WARNED, open, FINE]), 'junit')
    assert.match(xml, /<testsuite name="web\/package-lock.json" tests="4" failures="1" errors="1">/)
    assert.match(xml, /<failure type="signature-invalid" message="the signature is forged">by middle &gt; left/)
    assert.match(xml, /<error type="evidence-unavailable" message="a &quot;&lt;down&gt;&quot; &amp; out">/)
    assert.match(xml, /<system-out>provenance-absent: nobody built it<\/system-out>/)
    assert.match(xml, /name="2 packages pass"/)
  })
  it('[16d] markdown: names are no markup, no mention and no new row', async () => {
    const evil = locked({ name: 'a`|b', paths: [['@team', '<img>']] })
    const text = rendered(await checkedOf([[evil, refused('provenance-absent', { reasons: [{ code: 'provenance-absent', message: 'see @everyone [x](javascript:1) <b>' }] })]]), 'markdown')
    const row = text.split('\n').find((line) => line.includes('a\'')) ?? ''
    assert.equal(row.replaceAll('\\|', '').split('|').length, 6, row)
    assert.doesNotMatch(row.replace(/`[^`]*`/g, ''), /@|<|\]\(|(?<!\\)\[/)
  })
  it('markdown: never longer than a comment may be', async () => {
    const many = await checkedOf(Array.from({ length: 2000 }, (_, index) => [locked({ name: `package-${String(index)}` }), refused('provenance-absent')] as const))
    assert.ok(rendered(many, 'markdown').length < 65_536)
    assert.match(rendered(many, 'markdown'), /There is more/)
  })
  it('every form says when nothing is wrong', async () => {
    const fine = await checkedOf([FINE], 'lock')
    for (const format of FORMATS) assert.ok(rendered(fine, format).length > 0, format)
    assert.match(rendered(fine, 'text'), /^1 package: 1 allowed$/m)
  })
})

interface Sarif {
  readonly version: string
  readonly runs: readonly {
    readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } }
    readonly results: readonly {
      readonly ruleId: string
      readonly ruleIndex: number
      readonly level: string
      readonly message: { readonly text: string }
      readonly locations: readonly { readonly physicalLocation: { readonly artifactLocation: { readonly uri: string }; readonly region: { readonly startLine: number } } }[]
    }[]
  }[]
}

const GOLDEN_TEXT = `web/package-lock.json (npm 3), judged by a test

REFUSED  signature-invalid  (1)
  left@1.1.0
    why     the signature is forged
    also    release-too-young
    by      middle > left
    passes  1.0.9, which the range allows

REFUSED  provenance-absent  (1)
  native-linux@1.0.0  [optional]
    why     it is provenance-absent
    by      native > native-linux
    passes  no other version
    note    optional: npm and bun install without it, pnpm and yarn fail

WARNED  provenance-absent  (1)  served, since the policy only monitors
  quiet@2.0.0  [served by monitor only]
    why     nobody built it
    by      quiet

4 packages: 1 allowed, 1 warned, 2 refused
1 of the refused is optional (native binaries, often): npm and bun install without, pnpm and yarn fail.`
