/** `--help` of every command, and completion: made of the program, so that nothing in them goes stale. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { completionScript } from '../../../plugin/cli/completion.ts'
import { commandsOf } from '../../../plugin/cli/help.ts'
import { program } from '../../../plugin/cli/program.ts'
import { ConfigurationError } from '../../../plugin/domain/errors.ts'

/** They print no results: they run, write a file that others read, or print what is text or JSON as it is. */
const WITHOUT_JSON = new Set(['serve', 'policy schema', 'policy allow', 'policy test', 'policy init', 'keys public', 'issue', 'attest', 'log export', 'completion'])

describe('cli: help', () => {
  const commands = commandsOf(program)
  const helpOf = (name: string): string => {
    const found = commands.find(([one]) => one === name)?.[1] ?? assert.fail(name)
    let text = ''
    found.configureOutput({ writeOut: (part) => { text += part } })
    found.outputHelp()
    return text
  }

  it('there are commands', () => { assert.ok(commands.length > 20, String(commands.length)) })
  for (const [name, command] of commands)
    it(`${name}: what it does, how it ends, and how it is used`, () => {
      const text = helpOf(name)
      assert.ok(command.description().length > 10)
      assert.equal(text.split('Exit codes:').length, 2, text)
      assert.match(text, new RegExp(`^Examples?:\\n(?: {2}\\$ verdaccio-provenance ${name}.*\\n?)+`, 'm'))
      assert.doesNotMatch(text, /\n\n\n/)
      for (const option of command.options) assert.notEqual(option.description, '', option.flags)
      assert.equal(text.includes('\nFiles:\n'), command.options.some(({ long }) => long === '--config'))
      assert.equal(command.options.some(({ long }) => long === '--json') || WITHOUT_JSON.has(name), true, '--json')
    })
  it('its examples name options that there are', () => {
    for (const [name, command] of commands) {
      const used = [...helpOf(name).matchAll(/^ {2}\$ .*$/gm)].flatMap(([line]) => [...line.replace(/"[^"]*"/g, '').matchAll(/ (--[a-z-]+)/g)].map(([, option]) => option))
      for (const option of used) assert.ok(command.options.some(({ long }) => long === option), `${name} has no ${String(option)}`)
    }
  })
})

describe('cli: completion', () => {
  let dir: string
  before(() => { dir = mkdtempSync(path.join(tmpdir(), 'completion-')) })
  after(() => { rmSync(dir, { recursive: true, force: true }) })
  const scriptOf = (shell: string): string => {
    const file = path.join(dir, shell)
    writeFileSync(file, completionScript(program, shell).join('\n'))
    return file
  }
  const has = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0
  /** What bash offers for the last word. */
  const offered = (...words: readonly string[]): readonly string[] => {
    const line = ['verdaccio-provenance', ...words].map((word) => `'${word}'`).join(' ')
    const code = `source '${scriptOf('bash')}'; COMP_WORDS=(${line}); COMP_CWORD=${String(words.length)}; _verdaccio_provenance; printf '%s\\n' "\${COMPREPLY[@]}"`
    return execFileSync('bash', ['--norc', '-c', code], { encoding: 'utf8', cwd: dir }).split('\n').filter((word) => word !== '')
  }

  for (const [title, words, expected] of [
    ['commands', ['po'], ['policy']],
    ['commands of a command', ['policy', 'l'], ['lint']],
    ['options', ['export', '--o'], ['--output']],
    ['options after a value', ['keys', 'rotate', '--overlap', '1d', '--rev'], ['--revoke']],
    ['values that can be listed', ['completion', 'f'], ['fish']],
    ['files as values', ['serve', '--config', 'bas'], ['bash']],
    ['files as arguments', ['import', 'bas'], ['bash']],
    ['nothing that is not there', ['policy', 'zz'], []],
  ] as const)
    it(`bash: ${title}`, () => { assert.deepEqual(offered(...words), expected) })
  it('bash: every command is offered', () => {
    for (const [name] of commandsOf(program)) assert.ok(offered(...name.split(' ')).includes(name.split(' ').at(-1) ?? ''), name)
  })
  for (const shell of ['zsh', 'fish'])
    it(`${shell}: it parses, where ${shell} is there`, function () {
      const file = scriptOf(shell)
      // CI installs both.
      if (!has(shell) && process.env.CI !== 'true') return this.skip()
      execFileSync(shell, ['-n', file])
    })
  it('another shell is a mistake', () => { assert.throws(() => completionScript(program, 'tcsh'), ConfigurationError) })
})
