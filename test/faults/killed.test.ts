/** SIGKILL in the middle of each kind of write, to the real process. Each single point of the stores' writes: test/integration/kill.test.ts. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { messageOf } from '../../plugin/domain/errors.ts'
import { publishBody, sendPublish } from '../support/publish.ts'
import { register } from '../support/raw.ts'
import { fault, tarballOf, until } from './kit.ts'

const KILLED_AT = path.join(import.meta.dirname, '../support/killed-at.ts')
const BY_THE_SUPERVISOR = 'by itself, when the process is started again'

const launchUntil = (pattern: RegExp) => ({ node: ['--no-warnings', '--import', KILLED_AT], env: { KILLED_AT: pattern.source } })
const filesIn = (dir: string): readonly string[] => (existsSync(dir) ? readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map(({ name }) => name) : [])

describe('faults: killed in the middle of a write', () => {
  const WRITES: readonly { readonly name: string; readonly at: RegExp }[] = [
    { name: 'a packument\'s file', at: /renameSync \S+packuments/ },
    { name: 'a proof\'s file', at: /rename .*documents/ },
    { name: 'a tarball\'s file', at: /rename .*tarballs/ },
    { name: 'the end of a ledger\'s transaction', at: /exec \S+provenance\.db COMMIT/ },
    { name: 'a fact', at: /run INSERT OR REPLACE INTO entry/ },
    
  ]
  for (const { name, at } of WRITES)
    fault({ name: `kill -9 at ${name}`, what: 'the process ends between two steps of writing it', recovery: BY_THE_SUPERVISOR }, async (scene) => {
      const known = scene.publish('built', '1.0.0')
      await scene.start()
      await scene.installs(known)
      await scene.mirror.stop()

      const fresh = scene.publish('fresh', '1.0.0')
      scene.break()
      // At the start already, where something is written then; else by the first request that has it written.
      const started = await scene.start({ launch: launchUntil(at) }).catch((error: unknown) => messageOf(error))
      if (typeof started === 'string') assert.match(started, /^killed at /m)
      else {
        await until('it is killed', async () => (await scene.look('/fresh')).text === 'no answer' || (await scene.look(tarballOf(fresh))).text === 'no answer')
        assert.match(started.output(), /^killed at /m)
        assert.equal(await started.ended, 'SIGKILL')
      }
      scene.noteSeen('no answer', 'everything, until it is started again')

      scene.mended()
      await scene.start({ launch: {} })
      await scene.isReady(true)
      await scene.installs(known)
      await scene.installs(fresh, 'what was being fetched')
      assert.deepEqual(filesIn(scene.at('cache', 'tmp')), [])
      scene.publish('built', '1.0.0', { files: { 'package/other.js': '1' } })
      await scene.sees('403 integrity-changed', 'other bytes under a version that was verified before', tarballOf(known))
      scene.recovered()
    })

  const PUBLISHING: readonly { readonly name: string; readonly at: RegExp }[] = [
    { name: 'the tarball of a package published here', at: /rename .*home-made-1\.1\.0\.tgz/ },
    { name: 'the document of a package published here', at: /(rename|writeFile) .*home-made\/package\.json/ },
  ]
  for (const { name, at } of PUBLISHING)
    fault({ name: `kill -9 at ${name}`, what: 'the process ends between two steps of publishing a second version', recovery: `${BY_THE_SUPERVISOR}; whoever published is told nothing, and does it again, ten seconds later if the document was being written` }, async (scene) => {
      await scene.start()
      const token = await register(scene.mirror.url, 'alice')
      const [first, second] = ['1.0.0', '1.1.0'].map((version) => publishBody({ name: 'home-made', version }))
      assert.equal((await sendPublish(scene.mirror.url, token, first!)).status, 201)
      const where = (version: string): string => tarballOf({ name: 'home-made', version })
      assert.deepEqual(await scene.sees('200', 'what was published before', where('1.0.0')), first!.bytes)
      await scene.mirror.stop()

      await scene.start({ launch: launchUntil(at) })
      scene.break()
      scene.noteSeen(await sendPublish(scene.mirror.url, token, second!).then(({ status }) => String(status), () => 'no answer'), 'whoever publishes')
      assert.equal(await scene.mirror.ended, 'SIGKILL')

      scene.mended()
      // What a process that is gone had locked is free after ten seconds.
      await scene.start({ launch: {}, clock: 11_000 })
      await scene.isReady(true)
      assert.deepEqual(await scene.sees('200', 'what was published before', where('1.0.0')), first!.bytes)
      const again = await sendPublish(scene.mirror.url, token, second!)
      assert.equal(again.status, 201, await again.text())
      assert.deepEqual(await scene.sees('200', 'what was being published, after publishing it again', where('1.1.0')), second!.bytes)
      scene.recovered()
    })

  fault({ name: 'kill -9 at a key\'s file', what: 'the process ends before the first key of packages published here has its name', recovery: BY_THE_SUPERVISOR }, async (scene) => {
    await scene.start({ launch: launchUntil(/linkSync \S+registry-signing/) })
    const token = await register(scene.mirror.url, 'alice')
    const first = publishBody({ name: 'home-made', version: '1.0.0' })
    scene.break()
    await sendPublish(scene.mirror.url, token, first).catch(() => undefined)
    await scene.look('/home-made')
    assert.equal(await scene.mirror.ended, 'SIGKILL')
    scene.noteSeen('no answer', 'everything, until it is started again')

    scene.mended()
    await scene.start({ launch: {} })
    await scene.isReady(true)
    const again = await sendPublish(scene.mirror.url, token, first)
    assert.ok([201, 409].includes(again.status), String(again.status))
    assert.deepEqual(await scene.sees('200', 'what was being published', tarballOf({ name: 'home-made', version: '1.0.0' })), first.bytes)
    assert.deepEqual(filesIn(scene.at('keys')).filter((file) => file.startsWith('registry-signing')), ['registry-signing.json'])
    scene.recovered()
  })
})
