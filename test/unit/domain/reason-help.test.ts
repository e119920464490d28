/** The words for each reason code: what they promise can be done can be done. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { CODES_BY_KIND, isForgery, REASON_CODES, type ReasonCode } from '../../../plugin/domain/reason.ts'
import { helpFor } from '../../../plugin/domain/reason-help.ts'
import { KEYS } from '../../../plugin/policy/schema.ts'
import { WAIVABLE } from '../../../plugin/policy/values.ts'

const ROOT = path.resolve(import.meta.dirname, '../../..')
const textsOf = (code: ReasonCode): readonly string[] => {
  const { developer, security, remedy } = helpFor(code)
  return [developer, security, remedy.developer, remedy.security]
}
const each = (isBad: (text: string, code: ReasonCode) => boolean): readonly string[] =>
  REASON_CODES.flatMap((code) => textsOf(code).filter((text) => isBad(text, code)).map((text) => `${code}: ${text}`))
/** What stands in backquotes: a command, a key with its value, or an option. */
const spans = (text: string): readonly string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span)

describe('help for reasons', () => {
  it('is there for every code, four texts each', () => {
    for (const code of REASON_CODES) assert.equal(textsOf(code).filter((text) => text.length > 5).length, 4, code)
  })
  it('is ASCII, short, and fits a table', () => assert.deepEqual(each((text) => !/^[\x20-\x7e]*$/.test(text) || text.length > 300 || text.includes('|')), []))
  it('is made of sentences', () => assert.deepEqual(each((text) => !/^[A-Za-z`].*\.$/.test(text)), []))
  it('says what it means in one sentence to developers', () =>
    assert.deepEqual(REASON_CODES.filter((code) => /[.;] [A-Z]/.test(helpFor(code).developer)), []))
  it('blames nobody', () => assert.deepEqual(each((text) => /\b(?:you should have|your fault|careless|stupid|obviously|simply)\b/i.test(text)), []))
  it("says nothing that is true of npm's own registry only", () => assert.deepEqual(each((text) => /npmjs|npm Inc|npm's registry/i.test(text)), []))

  it('names only commands that exist', () => {
    const program = globSync('plugin/cli/*.ts', { cwd: ROOT }).map((file) => readFileSync(path.join(ROOT, file), 'utf8')).join('\n')
    const commands = [...program.matchAll(/\.command\('(\w+)'/g)].map(([, name = '']) => name)
    const unknown = each((text) =>
      spans(text)
        .filter((span) => /^(?:policy|ledger|pins|check|serve) /.test(span))
        .some((span) => span.split(' ').slice(0, 2).some((word) => !commands.includes(word))),
    )
    assert.deepEqual(unknown, [])
  })
  it('names only keys that exist, of the policy or of the configuration', () => {
    const policy = new Set([...KEYS.values()].flat())
    const configuration = readFileSync(path.join(ROOT, 'plugin/config/schema.ts'), 'utf8')
    const unknown = each((text) =>
      spans(text)
        .filter((span) => /^[a-z]\w*(?:: .*)?$/.test(span))
        .map((span) => span.split(':')[0] ?? '')
        .some((key) => !policy.has(key) && !new RegExp(`\\b${key}\\b`).test(configuration) && !['ifPresent', 'notBefore'].includes(key)),
    )
    assert.deepEqual(unknown, [])
  })
  it('a waiver is offered for what can be waived, by its own code, and for nothing else', () => {
    const offered = REASON_CODES.filter((code) => spans(helpFor(code).remedy.security).some((span) => span.startsWith('policy allow')))
    assert.deepEqual(offered.filter((code) => !WAIVABLE.includes(code) && code !== 'integrity-missing'), [])
    const other = offered.filter((code) =>
      spans(helpFor(code).remedy.security).some((span) => / --waives (\S+)/.test(span) && !span.includes(`--waives ${code}`)),
    )
    assert.deepEqual(other, [])
  })
  it('forgery: nothing is ever said that would let it through', () => {
    const softened = CODES_BY_KIND.forgery.filter(
      (code) => isForgery(code) && code !== 'integrity-missing' && textsOf(code).some((text) => /policy allow|`ignore`|: ignore|verdict: allow|onFailure|monitor|waiver/.test(text)),
    )
    assert.deepEqual(softened, [])
  })
  it('what the policy language calls these codes is linked', () =>
    assert.deepEqual(REASON_CODES.filter((code) => !readFileSync(path.join(ROOT, 'docs/reasons.md'), 'utf8').includes(`### ${code}\n`)), []))
})
