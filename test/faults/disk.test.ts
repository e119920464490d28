/** Disks without room, and disks that cannot be written: of a small file system of their own. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fault, tarballOf, type Scene } from './kit.ts'

const mount = (...args: readonly string[]): void => {
  const { status, stderr } = spawnSync('mount', args, { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
}

/** Containers that run tests may not mount. */
let answer: { readonly missing: string | undefined } | undefined
function cannotMount(): string | undefined {
  if (answer !== undefined) return answer.missing
  const dir = mkdtempSync(path.join(tmpdir(), 'mount-'))
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', dir])
  if (status === 0) spawnSync('umount', [dir])
  rmSync(dir, { recursive: true, force: true })
  answer = { missing: status === 0 ? undefined : 'file systems cannot be mounted here' }
  return answer.missing
}

/** Everything the mirror writes is on a disk of this size. */
function ownDisk(scene: Scene, megabytes: number): void {
  mount('-t', 'tmpfs', '-o', `size=${String(megabytes)}m`, 'tmpfs', scene.dir)
  scene.defer(() => { spawnSync('umount', ['-l', scene.dir]) })
}

/** To its last byte. */
function fill(file: string): void {
  const handle = openSync(file, 'w')
  try {
    for (let size = 1024 ** 2; size >= 1; size = Math.floor(size / 2)) {
      try {
        for (;;) writeSync(handle, Buffer.alloc(size))
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
      }
    }
  } finally {
    closeSync(handle)
  }
}

describe('faults of disks', () => {
  fault({ name: 'disk full', what: 'not a byte is left where the mirror keeps everything', recovery: 'by itself, when there is room' }, async (scene) => {
    ownDisk(scene, 90)
    const known = scene.publish('built', '1.0.0')
    await scene.start()
    await scene.installs(known)

    scene.break()
    fill(scene.at('filler'))
    await scene.installs(known)
    const fresh = scene.publish('fresh', '1.0.0')
    // What cannot be remembered is not let in: it would be trusted at first sight again.
    await scene.sees('503 internal-error', 'the tarball of what was never seen', tarballOf(fresh))
    await scene.isReady(false, 'stores')
    // Who lies now is caught by what was remembered before.
    scene.publish('built', '1.0.0', { files: { 'package/other.js': '1' } })
    await scene.sees('403 integrity-changed', 'other bytes under a version that was verified before', tarballOf(known))
    scene.publish('built', '1.0.0')

    rmSync(scene.at('filler'))
    scene.mended()
    await scene.isReady(true, 'stores')
    await scene.installs(fresh, 'what was never seen')
    await scene.installs(known)
    scene.recovered()
    await scene.mirror.kill()
    await scene.start()
    await scene.installs(known)
  }, { without: cannotMount })

  fault({ name: 'disk read-only while the mirror runs', what: 'nothing can be made where the mirror keeps everything', recovery: 'by itself, when it can be written' }, async (scene) => {
    ownDisk(scene, 90)
    const known = scene.publish('built', '1.0.0')
    await scene.start()
    await scene.installs(known)

    scene.break()
    mount('--bind', scene.dir, scene.dir)
    mount('-o', 'remount,ro,bind', scene.dir)
    await scene.installs(known)
    const fresh = scene.publish('fresh', '1.0.0')
    await scene.sees('503 internal-error', 'the tarball of what was never seen', tarballOf(fresh))
    await scene.isReady(false, 'stores')

    spawnSync('umount', ['-l', scene.dir])
    scene.mended()
    await scene.isReady(true, 'stores')
    await scene.installs(fresh, 'what was never seen')
    scene.recovered()
  }, { without: cannotMount })

  fault({ name: 'disk read-only at the start', what: 'nothing can be written where the mirror keeps everything', recovery: 'when it is started with a disk that can be written' }, async (scene) => {
    ownDisk(scene, 90)
    const known = scene.publish('built', '1.0.0')
    await scene.start({ section: { store: 'sqlite:./data/provenance.db' } })
    await scene.installs(known)
    await scene.mirror.kill()

    scene.break()
    // The configuration stays where it is, and can be written.
    for (const part of ['cache', 'data']) {
      mount('--bind', scene.at(part), scene.at(part))
      mount('-o', 'remount,ro,bind', scene.at(part))
      scene.defer(() => { spawnSync('umount', ['-l', scene.at(part)]) })
    }
    const output = await scene.refused()
    assert.match(output, /provenance\.db: the ledger cannot be written/)
    assert.match(output, /read-only/)
    scene.tell('it does not start, and says where it cannot write')
    scene.noteSeen('no answer', 'everything: it does not start')

    for (const part of ['cache', 'data']) spawnSync('umount', ['-l', scene.at(part)])
    scene.mended()
    await scene.start()
    await scene.installs(known)
    scene.recovered()
  }, { without: cannotMount })
})
