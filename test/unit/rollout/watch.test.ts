/** Which changes on a disk are seen. Real files; what is waited for is told, and nothing sleeps. */
import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { watchFiles, type FileWatch } from '../../../plugin/rollout/watch.ts'
import { watchedNames } from '../../../plugin/rollout/watched-names.ts'
import { temporaryDirectory } from '../../support/process.ts'

describe('watching files', () => {
  let dir: string
  let open: FileWatch | undefined
  let failures: number
  let seen: () => Promise<void>
  beforeEach(() => {
    dir = temporaryDirectory('watch-')
    failures = 0
  })
  afterEach(() => {
    open?.close()
    open = undefined
    rmSync(dir, { recursive: true, force: true })
  })
  const at = (name: string): string => path.join(dir, name)
  const write = (name: string, text: string): void => {
    mkdirSync(path.dirname(at(name)), { recursive: true })
    writeFileSync(at(name), text)
  }
  const start = (files: readonly string[], options?: Parameters<typeof watchFiles>[0]): FileWatch => {
    let notify = (): void => undefined
    let count = 0
    seen = () => {
      const before = count
      return new Promise((resolve) => { notify = () => { if (count > before) resolve() } })
    }
    open = watchFiles(options)({
      changed: () => {
        count++
        notify()
      },
      failed: () => { failures++ },
    })
    open.set(files)
    return open
  }

  it('a file that is written to', async () => {
    write('policy.yaml', 'a')
    start([at('policy.yaml')])
    const change = seen()
    write('policy.yaml', 'b')
    await change
  })
  it('a file that another is renamed over, and again', async () => {
    write('policy.yaml', 'a')
    start([at('policy.yaml')])
    for (const text of ['b', 'c']) {
      const change = seen()
      write('new', text)
      renameSync(at('new'), at('policy.yaml'))
      await change
    }
  })
  it('a file that is removed, and one that comes', async () => {
    write('policy.yaml', 'a')
    start([at('policy.yaml')])
    const gone = seen()
    unlinkSync(at('policy.yaml'))
    await gone
    const back = seen()
    write('policy.yaml', 'a')
    await back
  })
  it('the swap of a link above it, as a ConfigMap is updated', async () => {
    write('1/policy.yaml', 'a')
    write('2/policy.yaml', 'b')
    symlinkSync('1', at('..data'))
    symlinkSync('..data/policy.yaml', at('policy.yaml'))
    const watch = start([at('policy.yaml')])
    for (const to of ['2', '1']) {
      const change = seen()
      symlinkSync(to, at('..data_tmp'))
      renameSync(at('..data_tmp'), at('..data'))
      await change
      watch.set([at('policy.yaml')])
    }
  })
  it('not what else happens beside it', async () => {
    write('policy.yaml', 'a')
    let changes = 0
    const events: (() => void)[] = []
    const directories: string[] = []
    open = watchFiles({
      watchDirectory: ((directory: string, _options: object, listener: (event: string, name: string) => void) => {
        directories.push(directory)
        events.push(() => { listener('change', 'provenance.db-wal') }, () => { listener('change', 'policy.yaml') })
        return { on: () => undefined, close: () => undefined }
      }) as never,
    })({ changed: () => { changes++ }, failed: () => undefined })
    open.set([at('policy.yaml')])
    for (const event of events) event()
    assert.deepEqual([directories, changes], [[dir], 1])
    await Promise.resolve()
  })
  it('where nothing can be watched, a look now and then sees it all the same', async () => {
    write('policy.yaml', 'a')
    const watchDirectory = (() => { throw Object.assign(new Error('too many'), { code: 'ENOSPC' }) }) as never
    start([at('policy.yaml')], { lookEvery: 5, watchDirectory })
    assert.equal(failures, 1)
    const change = seen()
    write('policy.yaml', 'longer than before')
    await change
  })
  it('a directory that is replaced whole', async () => {
    write('conf/policy.yaml', 'a')
    start([at('conf/policy.yaml')], { lookEvery: 5 })
    write('next/policy.yaml', 'longer than before')
    const change = seen()
    renameSync(at('conf'), at('old'))
    renameSync(at('next'), at('conf'))
    await change
    const again = seen()
    write('conf/policy.yaml', 'and longer still than it was')
    await again
  })
  it('nothing of a directory that is not there, and no failure', () => {
    start([at('none/policy.yaml')])
    assert.equal(failures, 0)
  })

  it('the names that matter are the file\'s own and those of the links on the way', () => {
    write('1/teams/ui.yaml', 'a')
    symlinkSync('1', at('..data'))
    symlinkSync('..data/teams', at('teams'))
    const names = watchedNames([at('teams/ui.yaml')])
    assert.deepEqual([...(names.get(dir) ?? [])].sort(), ['..data', 'teams'])
    assert.deepEqual([...(names.get(at('1/teams')) ?? [])], ['ui.yaml'])
  })
  it('links in a circle end', () => {
    symlinkSync('b', at('a'))
    symlinkSync('a', at('b'))
    assert.deepEqual([...(watchedNames([at('a')]).get(dir) ?? [])].sort(), ['a', 'b'])
  })
})
