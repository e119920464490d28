/** The real npm, and the registry it is configured with, where that one publishes no evidence. */
import assert from 'node:assert/strict'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { NpmProject, isBuilt, serveProcess, temporaryDirectory, type MirrorProcess } from '../support/process.ts'

const configured = (key: string): string => execFileSync('npm', ['config', 'get', key], { encoding: 'utf8' }).trim()

/** Whether the configured registry answers and signs: asked by npm itself, since tests reach no other host. */
function signatures(): 'unreachable' | 'some' | 'none' {
  try {
    const answer = execFileSync('npm', ['view', 'express', 'dist.signatures', '--json', '--fetch-retries=0'], { encoding: 'utf8', stdio: 'pipe' })
    return answer.trim() === '' ? 'none' : 'some'
  } catch {
    return 'unreachable'
  }
}

describe('npm: a registry without evidence', function () {
  this.timeout(180_000)
  let dir: string | undefined
  let project: NpmProject
  let mirror: MirrorProcess
  let proxy: ChildProcess
  let uplink: JsonObject

  before(async function () {
    const found = isBuilt() ? signatures() : 'unreachable'
    if (found !== 'none') {
      process.stderr.write(`skipped: ${found === 'some' ? 'the configured registry publishes evidence' : 'not built, or no registry answers'}\n`)
      this.skip()
    }
    const cafile = configured('cafile')
    const ca = existsSync(cafile) ? { ca: readFileSync(cafile, 'utf8') } : {}
    dir = temporaryDirectory('registry-')
    project = new NpmProject(dir)
    proxy = spawn(process.execPath, [path.join(import.meta.dirname, '../support/connect-proxy.ts')], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [port] = (await once(proxy.stdout!, 'data')) as [Buffer]
    uplink = { url: configured('registry'), https_proxy: `http://127.0.0.1:${port.toString().trim()}`, maxage: '0s', staleFor: '0s', ...ca }
    mirror = await serveProcess(dir, { uplinks: { configured: uplink } })
  })
  after(async () => {
    if (dir === undefined) return
    await mirror.stop()
    proxy.kill()
    rmSync(dir, { recursive: true, force: true })
  })

  it('the start-up text says that the uplink publishes no evidence', async () => {
    await mirror.printed(/uplink configured .* publishes no evidence/)
  })

  it('npm install express works under recommended, cold', async () => {
    const { code, output } = await project.npm(mirror.url, 'install', 'express')
    assert.equal(code, 0, output)
    assert.ok(project.has('express/package.json'))
  })

  it('and again from nothing, with the upstream cut off', async () => {
    proxy.kill()
    await once(proxy, 'exit')
    project.reset()
    const { code, output } = await project.npm(mirror.url, 'install', 'express')
    assert.equal(code, 0, output)
    assert.ok(project.has('express/package.json'))
  })

  it('under strict it is refused with signature-absent, from what is cached', async () => {
    await mirror.stop()
    mirror = await serveProcess(dir ?? '', { uplinks: { configured: uplink }, policy: { version: 1, extends: 'strict' } })
    project.reset()
    const { code, output } = await project.npm(mirror.url, 'install', 'express')
    assert.notEqual(code, 0)
    assert.match(output, /E403/)
    const response = await fetch(`${mirror.url}/express`)
    assert.equal(response.status, 403)
    const { reasons } = (await response.json()) as { reasons: { code: string }[] }
    assert.equal(reasons[0]?.code, 'signature-absent')
  })
})
