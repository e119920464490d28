/** The built command line, as processes: what it prints and with which code it ends. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import path from 'node:path'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { stringify } from 'yaml'
import { MAIN, isBuilt, runMain, serveProcess, temporaryDirectory, type CommandResult } from '../../support/process.ts'

/** Refuses every connection: nothing listens there. */
const NOWHERE = { url: 'http://127.0.0.1:9/', max_fails: 0, timeout: '500ms' }

/** No name but this machine's is looked up in a process that gets it as NODE_OPTIONS: the default configuration names a public registry. */
const OFFLINE = `--import=data:text/javascript,${encodeURIComponent(
  "import dns from 'node:dns'; const { lookup } = dns; dns.lookup = (host, options, done) => /^(127\\.0\\.0\\.1|localhost)$/.test(host) ? lookup(host, options, done) : (done ?? options)(new Error('no network'))",
)}`

describe('command line', function () {
  this.timeout(60_000)
  let dir: string
  before(function () {
    if (isBuilt()) return
    process.stderr.write('skipped: not built\n')
    this.skip()
  })
  beforeEach(() => { dir = temporaryDirectory('cli-') })
  afterEach(() => { rmSync(dir, { recursive: true, force: true }) })

  const write = (name: string, text: string): string => {
    writeFileSync(path.join(dir, name), text)
    return path.join(dir, name)
  }
  const fails = ({ code, output }: CommandResult, ...parts: readonly string[]): void => {
    assert.equal(code, 2, output)
    for (const part of parts) assert.ok(output.includes(part), `${part} is not in:\n${output}`)
    assert.ok(!output.includes('    at '), `a stack trace:\n${output}`)
  }

  it('usage: an unknown option and a preset that is none end with 2', async () => {
    const [option, preset] = await Promise.all([runMain(dir, 'serve', '--confg', 'x'), runMain(dir, 'policy', 'show', 'lax')])
    fails(option, '--confg')
    fails(preset, '"lax"', 'recommended')
  })
  it('policy show and lint of a good policy end with 0', async () => {
    const file = write('policy.yaml', 'version: 1\nextends: strict\n')
    const results = await Promise.all([runMain(dir, 'policy', 'show', 'lockdown'), runMain(dir, 'policy', 'lint', file)])
    for (const { code, output } of results) assert.equal(code, 0, output)
    assert.notEqual(results[0].output, results[1].output)
  })
  it('policy lint names file, line, key and remedy of each mistake', async () => {
    const file = write('policy.yaml', 'version: 1\nextends: recommended\nmode: lax\nrules:\n  - packages: ["**"]\n    requir: {}\n')
    fails(await runMain(dir, 'policy', 'lint', file), `${file}:3`, 'mode', 'enforce', `${file}:6`, 'requir')
  })
  it('policy lint of a file that is not there', async () => fails(await runMain(dir, 'policy', 'lint', 'none.yaml'), 'none.yaml', 'cannot be read'))

  it('serve: a missing configuration, a syntax error, an unknown key, a bad policy', async () => {
    const unknown = write('unknown.yaml', stringify({ storage: './s', middlewares: { provenance: { polcy: './x' } } }))
    const syntax = write('syntax.yaml', 'storage: [\n')
    write('policy.yaml', 'version: 2\n')
    const policy = write('bad-policy.yaml', stringify({ storage: './s', middlewares: { provenance: { policy: './policy.yaml', uplinks: { a: NOWHERE } } } }))
    const results = await Promise.all(['none.yaml', syntax, unknown, policy].map((file) => runMain(dir, 'serve', '--config', file)))
    fails(results[0]!, 'none.yaml', 'Name a file that exists')
    fails(results[1]!, `${syntax}:`)
    fails(results[2]!, unknown, 'middlewares.provenance.polcy')
    fails(results[3]!, path.join(dir, 'policy.yaml'), 'version')
  })

  it('serve: says where it is and what it enforces, and is ready', async () => {
    const mirror = await serveProcess(dir, { uplinks: { nowhere: NOWHERE } })
    await mirror.printed(/uplink nowhere .*cannot be reached now/)
    for (const part of ['.npmrc', 'registry=http://', path.join(dir, 'config.yaml'), 'trust (nowhere)']) assert.ok(mirror.output().includes(part), part)
    assert.equal((await fetch(`${mirror.url}/-/provenance/ready`)).status, 200)
    await mirror.stop()
  })
  it('serve: a taken port is named', async () => {
    const taken = net.createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const listen = `127.0.0.1:${String((taken.address() as AddressInfo).port)}`
    const file = write('config.yaml', stringify({ storage: './s', log: { type: 'stdout', level: 'fatal' }, middlewares: { provenance: { uplinks: { a: NOWHERE } } } }))
    fails(await runMain(dir, 'serve', '--config', file, '--listen', listen), listen)
    taken.close()
  })
  it('serve: the default configuration is written where there is none, and said so; SIGTERM ends it with 0', async () => {
    const child = spawn(process.execPath, [MAIN, 'serve', '--listen', '127.0.0.1:0'], { cwd: dir, env: { ...process.env, NODE_OPTIONS: OFFLINE }, stdio: ['ignore', 'pipe', 'ignore'] })
    let output = ''
    let stopped = false
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      // The line before was printed, so what follows it was: enough to know that it runs.
      if (!stopped && output.includes('written now')) stopped = child.kill('SIGTERM')
    })
    const [code] = (await once(child, 'exit')) as [number | null]
    assert.equal(code, 0)
    const shipped = path.resolve(import.meta.dirname, '../../../config/config.yaml')
    assert.equal(existsSync(path.join(dir, 'data/config.yaml')), true)
    assert.equal(readFileSync(path.join(dir, 'data/config.yaml'), 'utf8'), readFileSync(shipped, 'utf8'))
  })
})
