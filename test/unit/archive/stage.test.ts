import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ImportRunning, withStage } from '../../../plugin/archive/stage.ts'

describe('the stage of an import', () => {
  let dir: string
  beforeEach(() => { dir = mkdtempSync(path.join(tmpdir(), 'stage-')) })
  afterEach(() => { rmSync(dir, { recursive: true, force: true }) })

  it('is empty, and gone afterwards, also when the import fails', async () => {
    mkdirSync(path.join(dir, 'import'))
    writeFileSync(path.join(dir, 'import', 'left'), 'half')
    assert.deepEqual(await withStage(dir, (stage) => Promise.resolve(readdirSync(stage))), [])
    await assert.rejects(withStage(dir, () => Promise.reject(new Error('no'))), /no/)
    assert.equal(existsSync(path.join(dir, 'import')), false)
    assert.equal(await withStage(dir, () => Promise.resolve('again')), 'again')
  })
  it('is one import\'s at a time, of however many that begin at once', async () => {
    let inside = 0
    const importing = async (stage: string): Promise<void> => {
      assert.equal(++inside, 1)
      writeFileSync(path.join(stage, 'mine'), '')
      await new Promise((resolve) => { setImmediate(resolve) })
      assert.deepEqual(readdirSync(stage), ['mine'])
      inside--
    }
    const ended = await Promise.allSettled(Array.from({ length: 5 }, () => withStage(dir, importing)))
    assert.equal(ended.filter(({ status }) => status === 'fulfilled').length, 1)
    assert.ok(ended.every((one) => one.status === 'fulfilled' || one.reason instanceof ImportRunning))
  })
  it('of a process that was killed is free, whoever has its number now; while it runs it is not', async () => {
    const code = `import { withStage } from ${JSON.stringify(new URL('../../../plugin/archive/stage.ts', import.meta.url).href)}
      await withStage(${JSON.stringify(dir)}, () => new Promise(() => { console.log('in'); setInterval(() => {}, 1000) }))`
    const other = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
    const exited = once(other, 'exit')
    try {
      await once(other.stdout, 'data')
      await assert.rejects(withStage(dir, () => Promise.resolve()), ImportRunning)
      assert.ok(existsSync(path.join(dir, 'import')), 'what the other one has is left alone')
    } finally {
      other.kill('SIGKILL')
      await exited
    }
    assert.equal(await withStage(dir, () => Promise.resolve('mine')), 'mine')
  })
})
