/** Files that are no longer what was written to them. */
import assert from 'node:assert/strict'
import { closeSync, copyFileSync, existsSync, openSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { register } from '../support/raw.ts'
import { publishTo } from '../support/stored.ts'
import { fault, tarballOf, type Scene } from './kit.ts'

const BY_AN_OPERATOR = 'by a person: restored from a backup, or moved away knowingly'

/** Bytes that nothing means, in the place of what is there. */
function scribble(file: string, from: number, length: number): void {
  const handle = openSync(file, 'r+')
  writeSync(handle, Buffer.alloc(length, 0xa5), 0, length, from)
  closeSync(handle)
}
const filesIn = (dir: string): readonly string[] =>
  readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))

/** As a backup is made. */
function merged(file: string): void {
  const database = new DatabaseSync(file)
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  database.close()
}

describe('faults of files', () => {
  const LEDGERS: readonly { readonly name: string; readonly what: string; readonly spoil: (file: string) => void; readonly says: RegExp }[] = [
    { name: 'ledger that is no database', what: 'its first page is overwritten', spoil: (file) => { scribble(file, 0, 4096) }, says: /the ledger is damaged: .*not a database/ },
    { name: 'ledger with garbage in the middle', what: 'all pages but the first are overwritten', spoil: (file) => { scribble(file, 4096, statSync(file).size - 4096) }, says: /the ledger is damaged/ },
    { name: 'ledger of zero length', what: 'all of it is gone, and the name is there', spoil: (file) => { truncateSync(file, 0) }, says: /the ledger is damaged: it is empty/ },
  ]
  for (const { name, what, spoil, says } of LEDGERS)
    fault({ name, what: `${what}, while the mirror is stopped`, recovery: BY_AN_OPERATOR }, async (scene) => {
      const known = scene.publish('built', '1.0.0')
      await scene.start()
      await scene.installs(known)
      await scene.mirror.stop()
      const ledger = scene.at('provenance.db')
      merged(ledger)
      copyFileSync(ledger, scene.at('backup.db'))

      scene.break()
      spoil(ledger)
      const spoilt = readFileSync(ledger)
      const output = await scene.refused()
      assert.match(output, says)
      assert.match(output, /Restore it from a backup/)
      assert.doesNotMatch(output, /\n\s+at /, 'a sentence, not a stack')
      scene.tell('it does not start, and says which file, why, and what to do')
      scene.noteSeen('no answer', 'everything: it does not start')
      // Nothing was put in its place behind the operator's back.
      assert.deepEqual(readFileSync(ledger), spoilt)

      copyFileSync(scene.at('backup.db'), ledger)
      for (const part of ['-wal', '-shm']) rmSync(`${ledger}${part}`, { force: true })
      scene.mended()
      await scene.start()
      // What it knew it knows again: other bytes are other bytes.
      scene.publish('built', '1.0.0', { files: { 'package/other.js': '1' } })
      await scene.sees('403 integrity-changed', 'other bytes under a version that was verified before', tarballOf(known))
      scene.recovered()
    })

  fault({ name: 'ledger damaged while the mirror runs', what: 'its pages are overwritten under the running process', recovery: BY_AN_OPERATOR }, async (scene) => {
    const published = [scene.publish('built', '1.0.0'), scene.publish('other', '1.0.0')]
    await scene.start()
    for (const each of published) await scene.installs(each)
    await scene.mirror.stop()
    const ledger = scene.at('provenance.db')
    merged(ledger)
    copyFileSync(ledger, scene.at('backup.db'))
    await scene.start()

    scene.break()
    scribble(ledger, 4096, statSync(ledger).size - 4096)
    // Other bytes than before: whoever forgets is caught here.
    scene.publish('built', '1.0.0', { files: { 'package/other.js': '1' } })
    await scene.sees('503 internal-error', 'a package that has to be looked up', '/built')
    await scene.sees('503 internal-error', 'its tarball', tarballOf({ name: 'built', version: '1.0.0' }))
    await scene.isReady(false, 'stores')

    await scene.mirror.kill()
    for (const part of ['', '-wal', '-shm']) rmSync(`${ledger}${part}`, { force: true })
    copyFileSync(scene.at('backup.db'), ledger)
    scene.mended()
    await scene.start()
    await scene.sees('403 integrity-changed', 'other bytes under a version that was verified before', tarballOf({ name: 'built', version: '1.0.0' }))
    await scene.installs(published[1]!)
    await scene.isReady(true)
    scene.recovered()
  })

  fault({ name: 'log of the ledger cut short', what: 'the process is killed, and the last bytes of the write-ahead log are gone', recovery: 'by itself, at the next start: what was whole is kept' }, async (scene) => {
    const known = scene.publish('built', '1.0.0')
    await scene.start()
    await scene.installs(known)
    await scene.mirror.stop()
    await scene.start()
    const later = scene.publish('later', '1.0.0')
    await scene.installs(later)
    await scene.mirror.kill()

    scene.break()
    const wal = scene.at('provenance.db-wal')
    truncateSync(wal, statSync(wal).size - 100)
    scene.mended()
    await scene.start()
    await scene.installs(known)
    await scene.installs(later, 'what was verified last')
    await scene.isReady(true)
    scene.publish('built', '1.0.0', { files: { 'package/other.js': '1' } })
    await scene.sees('403 integrity-changed', 'other bytes under a version that was verified before', tarballOf(known))
    scene.recovered()
  })

  fault({ name: 'facts that are no database', what: 'the first page of the file is overwritten, while the mirror is stopped', recovery: 'by itself, at the next start: it is moved aside, and evidence is verified again' }, async (scene) => {
    const known = scene.publish('built', '1.0.0')
    await scene.start()
    await scene.installs(known)
    await scene.mirror.stop()
    const facts = scene.at('provenance-facts.db')
    merged(facts)

    scene.break()
    scribble(facts, 0, 4096)
    scene.mended()
    await scene.start()
    await scene.installs(known)
    await scene.isReady(true)
    await scene.logged(/the cache of facts is damaged/, 'a warning in the log says where it was moved')
    assert.ok(existsSync(`${facts}.damaged`), 'it is kept for whoever wants to know')
    scene.publish('built', '1.0.0', { files: { 'package/other.js': '1' } })
    await scene.sees('403 integrity-changed', 'other bytes under a version that was verified before', tarballOf(known))
    scene.recovered()
  })

  fault({ name: 'facts damaged while the mirror runs', what: 'their pages are overwritten under the running process', recovery: 'by itself: evidence is verified again' }, async (scene) => {
    const known = scene.publish('built', '1.0.0')
    await scene.start()
    await scene.installs(known)
    await scene.mirror.stop()
    const facts = scene.at('provenance-facts.db')
    merged(facts)
    await scene.start()

    scene.break()
    scribble(facts, 4096, statSync(facts).size - 4096)
    await scene.installs(known)
    const other = scene.publish('other', '1.0.0')
    await scene.installs(other, 'what is new')
    await scene.isReady(true)
    scene.mended()
    await scene.mirror.kill()
    await scene.start()
    await scene.installs(known)
    scene.recovered()
  })

  const CACHED: readonly { readonly name: string; readonly folder: string; readonly told: string; readonly spoil: (file: string) => void }[] = [
    { name: 'cached tarball that was altered', folder: 'tarballs', told: 'a warning in the log names the file', spoil: (file) => { scribble(file, 20, 20) } },
    { name: 'cached packument that was altered', folder: 'packuments', told: '', spoil: (file) => { scribble(file, statSync(file).size - 60, 50) } },
    { name: 'kept proof that was altered', folder: 'documents', told: '', spoil: (file) => { scribble(file, 20, 20) } },
  ]
  for (const { name, folder, told, spoil } of CACHED)
    fault({ name, what: `bytes of each file in cache/${folder} are overwritten`, recovery: 'by itself: it is fetched and verified again' }, async (scene: Scene) => {
      const known = scene.publish('built', '1.0.0')
      await scene.start()
      await scene.installs(known)
      scene.break()
      const files = filesIn(scene.at('cache', folder))
      assert.notEqual(files.length, 0)
      for (const file of files) spoil(file)
      scene.mended()
      await scene.installs(known)
      // The next process, which has nothing in memory.
      await scene.mirror.stop()
      for (const file of filesIn(scene.at('cache', folder))) spoil(file)
      await scene.start()
      await scene.installs(known)
      if (told !== '') await scene.logged(/was altered on disk/, told)
      const { attestations } = JSON.parse((await scene.sees('200', 'its proof', '/-/npm/v1/attestations/built@1.0.0')).toString()) as { attestations: unknown[] }
      assert.equal(attestations.length, 2)
      await scene.isReady(true)
      scene.publish('built', '1.0.0', { files: { 'package/other.js': '1' } })
      await scene.sees('403 integrity-changed', 'other bytes under a version that was verified before', tarballOf(known))
      scene.recovered()
    })

  fault({ name: 'signing key that was altered', what: 'the file of the keys for packages published here is overwritten', recovery: BY_AN_OPERATOR }, async (scene) => {
    await scene.start()
    const token = await register(scene.mirror.url, 'alice')
    assert.equal((await publishTo(scene.mirror.url, token, 'home-made', '1.0.0')).status, 201)
    await scene.sees('200', 'a package published here', '/home-made')
    await scene.mirror.stop()
    const file = scene.at('keys', 'registry-signing.json')
    const good = readFileSync(file)

    scene.break()
    scribble(file, 10, 30)
    const output = await scene.refused()
    assert.match(output, /holds no keys that can be used/)
    assert.match(output, /Restore it from a backup/)
    scene.tell('it does not start, and says which file, why, and what to do')
    scene.noteSeen('no answer', 'everything: it does not start')

    writeFileSync(file, good, { mode: 0o600 })
    scene.mended()
    await scene.start()
    await scene.sees('200', 'a package published here', '/home-made')
    scene.recovered()
  })
})
