/** Each "cannot" of docs/threat-model.md names its tests, and they exist. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { FAULT_IDS } from '../../support/fake-registry.ts'

const ROOT = path.resolve(import.meta.dirname, '../../..')
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8')

interface Claim {
  readonly line: number
  readonly text: string
  readonly proofs: readonly Proof[]
}

interface Proof {
  readonly file: string
  /** Ids (`[3a]`) or the beginning of titles. */
  readonly names: readonly string[]
}

/** The items under each `Cannot`, with the test files beneath them. */
function claimsOf(document: string): readonly Claim[] {
  const claims: { line: number; text: string; proofs: Proof[] }[] = []
  let inside = false
  for (const [index, line] of document.split('\n').entries()) {
    if (line === 'Cannot') inside = true
    else if (line === '' || line.startsWith('#') || line.startsWith('Can:')) inside = false
    else if (inside && line.startsWith('- ')) claims.push({ line: index + 1, text: line.slice(2), proofs: [] })
    else if (inside && line.startsWith('  - ')) claims.at(-1)?.proofs.push(proofOf(line))
  }
  return claims
}

function proofOf(line: string): Proof {
  const [file = '', ...names] = [...line.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span)
  return { file, names }
}

/** Titles as they are written in the source, with what a template puts in left as it stands there. */
const titlesOf = (source: string): readonly string[] =>
  [...source.matchAll(/\b(?:it|describe)\((?:'((?:[^'\\\n]|\\.)*)'|`([^`]*)`)/g)].map(([, quoted, template]) => (quoted ?? template ?? '').replaceAll("\\'", "'"))

/** The ids that a file's titles have: written out, or one for each fault that its tables name. */
function idsOf(source: string, titles: readonly string[]): ReadonlySet<string> {
  const written = titles.flatMap((title) => [...title.matchAll(/^\[([^\]$]+)\]/g)].map(([, id = '']) => id))
  const templated = titles.some((title) => title.startsWith('[${fault}]'))
  const named = templated ? FAULT_IDS.filter((id) => source.includes(`'${id}'`)) : []
  return new Set([...written, ...named])
}

function exists(name: string, source: string): boolean {
  const titles = titlesOf(source)
  const id = /^\[(.+)\]$/.exec(name)?.[1]
  if (id !== undefined) return idsOf(source, titles).has(id)
  return titles.some((title) => title === name || title.replace(/^\[[^\]]+\] /, '').startsWith(name))
}

describe('docs: the threat model', () => {
  const claims = claimsOf(read('docs/threat-model.md'))

  it('says what each of its attackers cannot do', () => {
    assert.ok(claims.length > 25, String(claims.length))
  })

  it('names tests for each "cannot", or says that there are none', () => {
    const bare = claims.filter(({ text, proofs }) => proofs.length === 0 && !text.includes('**not covered yet**'))
    assert.deepEqual(bare.map(({ line, text }) => `${String(line)}: ${text}`), [])
  })

  it('names only tests that exist', () => {
    const missing = claims.flatMap(({ line, proofs }) =>
      proofs.flatMap(({ file, names }) => {
        if (!existsSync(path.join(ROOT, file))) return [`${String(line)}: ${file}`]
        const source = read(file)
        const unknown = names.filter((name) => !exists(name, source))
        return names.length === 0 ? [`${String(line)}: ${file} names no test`] : unknown.map((name) => `${String(line)}: ${file} has no ${name}`)
      }),
    )
    assert.deepEqual(missing, [])
  })

  it('a name that is no test is found out', () => {
    const source = "it('[3a] other bytes', () => {})\nit(`[${fault}] ${title}`)\nconst REFUSED = { '1a': 1 }\nit('a title', () => {})"
    assert.deepEqual(['[3a]', '[1a]', 'a title', '[1b]', '[9z]', 'another title'].map((name) => exists(name, source)), [true, true, true, false, false, false])
  })

  it('is linked, with the security policy, from the README', () => {
    for (const file of ['docs/threat-model.md', 'SECURITY.md']) assert.ok(read('README.md').includes(`(${file})`), file)
  })
})
