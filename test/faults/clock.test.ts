/** A clock that jumps, under a mirror that runs. */
import assert from 'node:assert/strict'
import { fault, POLICY, tarballOf } from './kit.ts'

const YEARS = 10 * 365 * 86_400_000
const AGED = { ...POLICY, defaults: { ...POLICY.defaults, minimumReleaseAge: '7d' } }

describe('faults of the clock', () => {
  fault({ name: 'clock ten years ahead', what: 'the clock of the machine jumps while the mirror runs, and back', recovery: 'by itself, when the clock is right; an age is as good as the clock it is counted by' }, async (scene) => {
    const known = scene.publish('built', '1.0.0')
    const young = scene.publish('young', '1.0.0', { time: new Date() })
    const invalid = scene.publish('invalid', '1.0.0', { signed: false })
    await scene.start({ section: { policy: AGED }, clock: 0 })
    await scene.installs(known)
    await scene.sees('403 release-too-young', 'a version that is too young', tarballOf(young))

    scene.break()
    await scene.shift(YEARS)
    await scene.installs(known)
    await scene.sees('200', 'a version that is too young', tarballOf(young))
    // Evidence is verified without a clock.
    await scene.sees('403 signature-absent', 'a version without its signature', tarballOf(invalid))
    await scene.isReady(true)

    await scene.shift(0)
    scene.mended()
    await scene.sees('403 release-too-young', 'a version that is too young', tarballOf(young))
    await scene.installs(known)
    const next = scene.publish('next', '1.0.0')
    await scene.installs(next, 'what is new')
    scene.recovered()
  })

  fault({ name: 'clock ten years behind', what: 'the clock of the machine jumps while the mirror runs, over a restart, and back', recovery: 'by itself, when the clock is right' }, async (scene) => {
    const known = scene.publish('built', '1.0.0')
    await scene.start({ section: { policy: AGED }, clock: 0, uplink: { maxage: '1h', max_fails: 1, fail_timeout: '1h' } })
    await scene.installs(known)
    const before = scene.registry.hits('/built')

    scene.break()
    await scene.shift(-YEARS)
    // From there everything was published in the future: refused, and not undecided or crashed.
    await scene.sees('403 release-too-young', 'what was verified before', tarballOf(known))
    // An answer from the future is not fresh for ten years: a takedown would never be seen.
    assert.ok(scene.registry.hits('/built') > before, 'the uplink is asked')
    await scene.mirror.kill()
    await scene.start({ clock: -YEARS })
    await scene.sees('403 release-too-young', 'what was verified before', tarballOf(known))
    await scene.isReady(true)
    // Nor is an uplink left alone for ten years that failed once now.
    scene.registry.down = true
    await scene.sees('503 evidence-unavailable', 'what was never asked for', '/fresh')
    scene.registry.down = false

    scene.publish('fresh', '1.0.0')
    await scene.shift(0)
    scene.mended()
    await scene.installs(known)
    await scene.comes('200', '/fresh')
    scene.recovered()
  })
})
