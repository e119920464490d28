/** `policy …`: what it prints, writes, and with which code it ends. Its options as a process are in commands.test.ts and below. */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { mock } from 'node:test'
import { parse } from 'yaml'
import { allowVersion, printSchema, testPolicy, type AllowOptions } from '../../../plugin/cli/policy.ts'
import { lintPolicy, showPolicy } from '../../../plugin/cli/show-policy.ts'
import { ConfigurationError } from '../../../plugin/domain/errors.ts'
import { parsePolicy } from '../../../plugin/policy/index.ts'
import { isBuilt, runMain, temporaryDirectory } from '../../support/process.ts'

const PIN = `sha512-${'A'.repeat(86)}==`
const STRICT = 'version: 1\nextends: strict\n'

/** What a command prints, and what it returns. */
function printed<Result>(command: () => Result): { readonly result: Result; readonly output: string } {
  const lines: string[] = []
  const log = mock.method(console, 'log', (line: string) => lines.push(line))
  try {
    return { result: command(), output: lines.join('\n') }
  } finally {
    log.mock.restore()
  }
}

describe('command line: policy', () => {
  let dir: string
  beforeEach(() => { dir = temporaryDirectory('cli-policy-') })
  afterEach(() => { rmSync(dir, { recursive: true, force: true }) })

  const write = (name: string, text: string): string => {
    mkdirSync(path.dirname(path.join(dir, name)), { recursive: true })
    writeFileSync(path.join(dir, name), text)
    return path.join(dir, name)
  }
  const allow = (policy: string, options: Partial<AllowOptions> = {}): string =>
    printed(() => allowVersion('left-pad@1.3.0', { policy, reason: 'a fix', approvedBy: 'ann', waives: 'release-too-young', expires: '30d', ...options })).output

  it('test ends with 0 when the examples are as expected, and with 1 and a table when not', () => {
    const good = write('good.yaml', `${STRICT}examples:\n  - { package: a@1.0.0, expect: deny }\n`)
    const bad = write('bad.yaml', `${STRICT}examples:\n  - { package: a@1.0.0, expect: deny }\n  - { name: ours, package: b@1.0.0, expect: allow }\n`)
    assert.equal(printed(() => testPolicy(good, {})).result, 0)
    const { result, output } = printed(() => testPolicy(bad, {}))
    assert.equal(result, 1)
    for (const part of [`${bad}:5`, 'ours', 'allow', 'signature-absent', '1 of 2']) assert.ok(output.includes(part), part)
    const json = JSON.parse(printed(() => testPolicy(bad, { json: true })).output) as readonly { readonly passed: boolean }[]
    assert.deepEqual(json.map(({ passed }) => passed), [true, false])
  })
  it('test of a policy without examples, and of a wrong one, is an error', () => {
    assert.throws(() => testPolicy(write('none.yaml', STRICT), {}), ConfigurationError)
    assert.throws(() => testPolicy(write('wrong.yaml', 'version: 2\n'), {}), ConfigurationError)
  })

  it('schema is what config/ holds', () => {
    const file = path.resolve(import.meta.dirname, '../../../config/policy.schema.json')
    assert.equal(printed(printSchema).output.trim(), readFileSync(file, 'utf8').trim())
  })
  it('show --yaml prints a policy', () => {
    assert.equal(parsePolicy(parse(showPolicy('lockdown', { yaml: true }).join('\n')), 'preset.yaml').listing, 'verified')
  })
  it('lint reads the files of teams, and names file and line of a doubt', () => {
    write('conf/teams/ui.yaml', 'version: 1\nrules:\n  - packages: [a]\n  - packages: [a]\n')
    const { code, lines } = lintPolicy(write('conf/policy.yaml', `${STRICT}include: [teams/ui.yaml]\n`))
    assert.ok(lines[0]?.startsWith('warning: teams/ui.yaml:4: rules[1]'), lines[0])
    assert.equal(code, 0)
  })
  it('lint --json says what is wrong, and ends with 2', () => {
    const right = lintPolicy(write('right.yaml', `${STRICT}rules:\n  - packages: [a]\n  - packages: [a]\n`), { json: true })
    const wrong = lintPolicy(write('wrong.yaml', 'version: 1\nextends: strict\nmode: enforced\n'), { json: true })
    interface Result { readonly valid: boolean; readonly problems: readonly { readonly line: number; readonly path: string }[]; readonly warnings: readonly unknown[]; readonly policy: { readonly preset: string } | null }
    const [said, refused] = [right, wrong].map(({ lines }) => JSON.parse(lines.join('\n')) as Result)
    assert.deepEqual([right.code, said?.valid, said?.warnings.length, said?.policy?.preset], [0, true, 1, 'strict'])
    assert.deepEqual([wrong.code, refused?.valid, refused?.problems.map(({ line, path: at }) => [line, at]), refused?.policy], [2, false, [[3, 'mode']], null])
  })
  it('show of a file says what is in force for it, rule by rule', () => {
    const waiver = `waivers:\n  - { package: a@1.0.0, waives: [release-too-young], reason: r, approvedBy: ann@acme.example, expires: 2099-01-01 }\n`
    const file = write('policy.yaml', `${STRICT}defaults: { trustDowngrade: { inLine: 30d, offLine: 3d }, identityPin: { level: repository, onFailure: warn } }\nrules:\n  - { name: ours, packages: [a] }\n${waiver}`)
    const text = showPolicy(file).join('\n')
    for (const part of ['1. ours', 'trustDowngrade inLine 30d offLine 3d', 'identityPin repository (warns)', '2. every other package (strict)', 'waiver for a@1.0.0']) assert.ok(text.includes(part), `${part} in ${text}`)
    assert.ok(!text.includes('ann@'))
    const { rules, revision } = JSON.parse(showPolicy(file, { json: true }).join('\n')) as { readonly rules: readonly { readonly name: string }[]; readonly revision: string }
    assert.deepEqual([rules[0]?.name, revision], ['ours', parsePolicy(readFileSync(file, 'utf8'), file).revision])
  })
  it('show --yaml of a file is one file that means the same, or nothing', () => {
    write('teams/ui.yaml', 'version: 1\nrules:\n  - { packages: [b], verdict: deny, reason: r }\n')
    const whole = write('policy.yaml', `${STRICT}include: [teams/ui.yaml]\nwaivers:\n  - { package: a@1.0.0, waives: [release-too-young], reason: r, approvedBy: ann, expires: 2099-01-01 }\n`)
    const { revision } = JSON.parse(showPolicy(whole, { json: true }).join('\n')) as { readonly revision: string }
    assert.equal(parsePolicy(showPolicy(whole, { yaml: true }).join('\n'), 'written.yaml').revision, revision)
    const held = write('held.yaml', `${STRICT}include: [{ file: teams/ui.yaml, packages: [b] }]\n`)
    assert.throws(() => showPolicy(held, { yaml: true }), ConfigurationError)
  })
  it('show of what is neither a preset nor a file is an error', () => {
    assert.throws(() => showPolicy('strickt'), ConfigurationError)
  })

  it('allow writes a waiver, pinned and ending, and leaves nothing else behind', () => {
    const file = write('policy.yaml', '# ours\nversion: 1\nextends: strict # why\n')
    const { mode } = statSync(file)
    allow(file, { integrity: PIN })
    const text = readFileSync(file, 'utf8')
    assert.ok(text.startsWith('# ours\nversion: 1\nextends: strict # why\n'))
    const [waiver] = parsePolicy(text, file).waivers
    assert.deepEqual([waiver?.package, waiver?.integrity, waiver?.waives], ['left-pad@1.3.0', PIN, ['release-too-young']])
    const days = ((waiver?.expires.getTime() ?? 0) - Date.now()) / 86_400_000
    assert.ok(days > 29.9 && days < 30.1)
    assert.deepEqual(readdirSync(dir), ['policy.yaml'])
    assert.equal(statSync(file).mode, mode)
  })
  it('allow asks for the bytes, unless it is told that any will do', () => {
    const file = write('policy.yaml', STRICT)
    assert.throws(() => allow(file), /--unpinned/)
    assert.equal(readFileSync(file, 'utf8'), STRICT)
    allow(file, { unpinned: true, waives: 'release-too-young, provenance-absent' })
    assert.deepEqual(parsePolicy(readFileSync(file, 'utf8'), file).waivers[0]?.waives, ['release-too-young', 'provenance-absent'])
  })
  for (const [what, options] of Object.entries<Partial<AllowOptions>>({
    'that is over': { expires: '2020-01-01' },
    'that ends some time': { expires: 'soon' },
    'with a pin that is none': { integrity: 'sha1-x' },
    'of forgery': { waives: 'release-too-young,provenance-invalid' },
    'of nothing': { waives: ',' },
  }))
    it(`allow writes no waiver ${what}`, () => {
      const file = write('policy.yaml', STRICT)
      assert.throws(() => allow(file, { unpinned: true, ...options }), ConfigurationError)
      assert.deepEqual(readdirSync(dir), ['policy.yaml'])
      assert.equal(readFileSync(file, 'utf8'), STRICT)
    })
  it('allow of a file that is not there', () => {
    assert.throws(() => allow(path.join(dir, 'none.yaml'), { unpinned: true }), ConfigurationError)
  })

  it('as processes: options reach the commands, and codes the shell', async function () {
    this.timeout(20_000)
    if (!isBuilt()) {
      process.stderr.write('skipped: not built\n')
      return this.skip()
    }
    const file = write('policy.yaml', `${STRICT}examples: [{ package: a@1.0.0, expect: allow }]\n`)
    const by = ['--policy', file, '--expires', '1d', '--reason', 'a fix', '--approved-by', 'ann']
    const [test, unpinned, missing] = await Promise.all([
      runMain(dir, 'policy', 'test', file),
      runMain(dir, 'policy', 'allow', 'left-pad@1.3.0', ...by),
      runMain(dir, 'policy', 'allow', 'left-pad@1.3.0', '--policy', file),
    ])
    assert.deepEqual([test.code, unpinned.code, missing.code], [1, 2, 2])
    const written = await runMain(dir, 'policy', 'allow', 'left-pad@1.3.0', ...by, '--integrity', PIN)
    assert.equal(written.code, 0, written.output)
    assert.equal(parsePolicy(readFileSync(file, 'utf8'), file).waivers[0]?.integrity, PIN)
  })
})
