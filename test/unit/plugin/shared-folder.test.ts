import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { followFolder, isFolderStorage, type Followed, type FolderStorage } from '../../../plugin/shared-folder.ts'
import { temporaryDirectory } from '../../support/process.ts'

interface Storage extends FolderStorage {
  get(callback: (error: unknown, list: readonly string[]) => void): void
  add(name: string, callback: (error: unknown) => void): void
  remove(name: string, callback: (error: unknown) => void): void
}
const { default: LocalDatabase } = createRequire(import.meta.url)('@verdaccio/local-storage-legacy') as { readonly default: new (config: object, logger: object) => Storage }
const silent = { error: () => undefined, debug: () => undefined, warn: () => undefined, trace: () => undefined }

describe('packages in a folder of several mirrors', () => {
  let dir: string
  let followed: Followed[]
  const file = (): string => path.join(dir, 'storage/.verdaccio-db.json')
  const open = (): Storage => new LocalDatabase({ storage: path.join(dir, 'storage'), self_path: path.join(dir, 'config.yaml'), packages: {} }, silent)
  /** Only when asked, so that no test waits for a timer. */
  const mirror = (): Storage => {
    const storage = open()
    followed.push(followFolder(storage, 3_600_000))
    return storage
  }
  const list = (storage: Storage): readonly string[] => {
    let found: readonly string[] = []
    storage.get((_error, names) => { found = names })
    return found
  }
  const add = (storage: Storage, name: string): void => {
    mkdirSync(path.join(dir, 'storage', name), { recursive: true })
    writeFileSync(path.join(dir, 'storage', name, 'package.json'), '{}')
    storage.add(name, (error) => { assert.equal(error, null) })
  }
  const remove = (storage: Storage, name: string): void => {
    rmSync(path.join(dir, 'storage', name), { recursive: true })
    storage.remove(name, (error) => { assert.equal(error, null) })
  }
  const written = (): { readonly list: readonly string[]; readonly secret: string } => JSON.parse(readFileSync(file(), 'utf8')) as { list: string[]; secret: string }

  beforeEach(() => {
    dir = temporaryDirectory('folder-')
    followed = []
    mkdirSync(path.join(dir, 'storage'))
    writeFileSync(file(), JSON.stringify({ list: ['old'], secret: 's'.repeat(32) }))
  })
  afterEach(async () => {
    await Promise.all(followed.map((one) => one.close()))
    rmSync(dir, { recursive: true, force: true })
  })

  it('is the storage that Verdaccio has for files', () => {
    assert.equal(isFolderStorage(open()), true)
    for (const other of [undefined, null, {}, { path: 'x', data: {} }]) assert.equal(isFolderStorage(other), false)
  })
  it('what one publishes the other has, and the other way round', () => {
    const [one, two] = [mirror(), mirror()]
    add(one, 'a')
    assert.deepEqual(list(two), ['old', 'a'])
    add(two, '@acme/b')
    assert.deepEqual(list(one), ['old', 'a', '@acme/b'])
    assert.deepEqual(written(), { list: ['old', 'a', '@acme/b'], secret: 's'.repeat(32) })
  })
  it('what one removes is gone at the other, for good', () => {
    const [one, two] = [mirror(), mirror()]
    add(two, 'a')
    remove(one, 'a')
    assert.deepEqual(list(two), ['old'])
    add(two, 'b')
    assert.deepEqual(written().list, ['old', 'b'])
  })
  it('what another wrote over at the same moment comes back', () => {
    const one = mirror()
    add(one, 'a')
    // By a mirror that had read the list before.
    writeFileSync(file(), JSON.stringify({ list: ['old', 'theirs'], secret: 's'.repeat(32) }))
    assert.deepEqual(list(one), ['old', 'theirs', 'a'])
    assert.deepEqual(written().list, ['old', 'theirs', 'a'])
  })
  it('says when something came or went elsewhere, and not of its own', () => {
    const [one, two] = [mirror(), mirror()]
    const told: string[] = []
    followed[0]!.onChange(() => { told.push('one') })
    followed[1]!.onChange(() => { told.push('two') })
    add(one, 'a')
    for (const storage of [one, two, one, two]) list(storage)
    assert.deepEqual(told, ['two'])
  })
  it('half a list, none, or something else is not believed', () => {
    const one = mirror()
    for (const text of ['{"list":["ol', '', '[]', '{"list":7}', '{}']) {
      writeFileSync(file(), text)
      assert.deepEqual(list(one), ['old'], text)
    }
    rmSync(file())
    assert.deepEqual(list(one), ['old'])
  })
  it('a secret that is not there takes none away', () => {
    const one = mirror()
    writeFileSync(file(), JSON.stringify({ list: ['x'] }))
    assert.deepEqual(list(one), ['x'])
    add(one, 'y')
    assert.deepEqual(written(), { list: ['x', 'y'], secret: 's'.repeat(32) })
  })
  it('a list that Verdaccio could not read at its start is not written over', () => {
    writeFileSync(file(), 'broken')
    const one = mirror()
    mkdirSync(path.join(dir, 'storage/a'))
    let said: unknown
    one.add('a', (error) => { said = error })
    assert.ok(said instanceof Error)
    assert.equal(readFileSync(file(), 'utf8'), 'broken')
  })
})
