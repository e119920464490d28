/** The uplink is away, slow, changes its mind, or lies for once. */
import assert from 'node:assert/strict'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { tarballOf as pack } from '../support/tarball.ts'
import { fault, tarballOf, until, type Scene } from './kit.ts'

const WHEN_IT_ANSWERS = 'by itself, when the uplink answers again'

describe('faults of an uplink', () => {
  fault({ name: 'uplink down', what: 'every connection is broken off, also over a restart of the mirror', recovery: WHEN_IT_ANSWERS }, async (scene) => {
    const known = scene.publish('built', '1.0.0')
    await scene.start({ uplink: { max_fails: 2, fail_timeout: '1s' } })
    await scene.installs(known)

    scene.break()
    const fresh = scene.publish('fresh', '1.0.0')
    scene.registry.down = true
    await scene.installs(known)
    await scene.sees('503 evidence-unavailable', 'what was never asked for', '/fresh')
    await scene.sees('503 evidence-unavailable', 'what was never asked for', tarballOf(fresh))
    await scene.metric('provenance_upstream_up{uplink="fake"}', (value) => value === 0)
    // Known packages install: an uplink that is away is no reason to take the mirror away too.
    await scene.isReady(true)
    await scene.mirror.kill()
    await scene.start()
    await scene.installs(known)

    scene.registry.down = false
    scene.mended()
    await scene.comes('200', '/fresh')
    await scene.installs(fresh, 'what was never asked for')
    await scene.metric('provenance_upstream_up{uplink="fake"}', (value) => value === 1)
    scene.recovered()
  })

  fault({ name: 'uplink that takes requests and does not answer', what: 'packuments and tarballs hang', recovery: WHEN_IT_ANSWERS }, async (scene) => {
    const known = scene.publish('built', '1.0.0')
    const other = scene.publish('other', '1.0.0')
    await scene.start({ uplink: { timeout: '500ms', max_fails: 2, fail_timeout: '1s' } })
    await scene.installs(known)
    await scene.sees('200', 'other', '/other')

    scene.break()
    scene.publish('fresh', '1.0.0')
    const hanging = scene.registry.hang(/.*/)
    await Promise.all([
      scene.installs(known),
      scene.sees('503 evidence-unavailable', 'what was never asked for', '/fresh'),
      scene.sees('503 evidence-unavailable', 'a tarball that is not here', tarballOf(other)),
    ])
    await scene.isReady(true)
    await scene.metric('provenance_upstream_up{uplink="fake"}', (value) => value === 0)

    hanging.off()
    scene.mended()
    await scene.comes('200', '/fresh')
    await scene.installs(other, 'a tarball that is not here')
    scene.recovered()
  })

  fault({ name: 'uplink that trickles', what: 'a few bytes of a packument and a tarball every 50 ms', recovery: WHEN_IT_ANSWERS }, async (scene) => {
    const known = scene.publish('built', '1.0.0')
    const other = scene.publish('other', '1.0.0', { files: { 'package/big.js': Buffer.alloc(50_000, 'x') } })
    await scene.start({ uplink: { timeout: '600ms' } })
    await scene.installs(known)
    await scene.sees('200', 'other', '/other')

    scene.break()
    // New ones: of a packument that is known already there is nothing to send.
    for (const name of ['built', 'other']) scene.publish(name, '1.1.0')
    const trickle = scene.registry.slow(/^\/(built|other)$/, 10, 50)
    await Promise.all([scene.installs(known), scene.sees('200', 'what was verified before', '/other')])
    await scene.metric('provenance_upstream_requests_total{uplink="fake",kind="packument",outcome="failed"}', (value) => value > 0)
    await scene.isReady(true)

    trickle.off()
    scene.mended()
    await scene.installs(other, 'a tarball that is not here')
    scene.recovered()
  })

  fault({ name: 'uplink that flaps', what: 'every second answer is 500, or breaks off in the middle', recovery: 'nothing to mend: each question is tried again' }, async (scene) => {
    const published = Array.from({ length: 3 }, (_, index) => scene.publish(`flap-${String(index)}`, '1.0.0'))
    await scene.start()
    scene.break()
    let asked = 0
    scene.registry.behave(/.*/, (response, answer) => {
      const { status, headers, body } = answer()
      asked++
      if (asked % 4 === 1) response.writeHead(500).end()
      else if (asked % 4 === 3) response.writeHead(status, { ...headers, 'content-length': String(body.length) }).write(body.subarray(0, 20), () => response.destroy())
      else response.writeHead(status, headers).end(body)
    })
    // Whoever is told to come again does; nobody is told that something is not there, or given what is not whole.
    for (const each of published) {
      for (const where of [`/${each.name}`, tarballOf(each)]) {
        await until(where, async () => {
          const { text } = await scene.look(where)
          assert.ok(['200', '503 evidence-unavailable'].includes(text), `${where}: ${text}`)
          return text === '200'
        })
      }
      await until(each.name, async () => (await scene.look(tarballOf(each))).body.equals(each.tarball))
      scene.noteSeen('200', 'installs, at the latest when the client comes again')
    }
    await scene.metric('provenance_upstream_requests_total{uplink="fake",kind="packument",outcome="answered"}', (value) => value > 0)
    await scene.isReady(true)
  })

  const LIES: readonly { readonly name: string; readonly what: string; readonly refused: string; readonly lie: (scene: Scene) => void }[] = [
    {
      name: 'other bytes in a packument, for one answer',
      what: 'the integrity of a version is another one',
      refused: '403 integrity-changed signature-invalid subject-mismatch',
      lie: ({ registry }) => {
        const honest = JSON.stringify(registry.packument('built'))
        registry.garbage('/built', honest.replace(/"integrity":"sha512-[^"]+"/, `"integrity":"sha512-${Buffer.alloc(64, 1).toString('base64')}"`), { times: 1 })
      },
    },
    { name: 'another package\'s packument, for one answer', what: 'the body is that of another package', refused: '200', lie: ({ registry }) => { registry.garbage('/built', JSON.stringify(registry.packument('other')), { times: 1 }) } },
    { name: 'a known package is 404, for one answer', what: 'the uplink says that there is none', refused: '403 version-withdrawn', lie: ({ registry }) => { registry.status('/built', 404, {}, { times: 1 }) } },
    { name: 'a web page, for one answer', what: 'a proxy\'s error page, with 200', refused: '200', lie: ({ registry }) => { registry.garbage('/built', '<html>Bad gateway</html>', { times: 1 }) } },
  ]
  for (const { name, what, refused, lie } of LIES)
    fault({ name, what, recovery: name.includes('404') ? 'by itself, with the next honest answer, which is asked for after half a minute' : 'by itself, with the next honest answer' }, async (scene) => {
      const known = scene.publish('built', '1.0.0')
      scene.publish('other', '1.0.0')
      await scene.start({ clock: 0 })
      await scene.installs(known)
      const before = scene.registry.hits('/built')

      scene.break()
      lie(scene)
      const where = tarballOf(known)
      const body = await scene.sees(refused, 'its tarball', where)
      if (refused === '200') assert.deepEqual(body, known.tarball)
      assert.ok(scene.registry.hits('/built') > before, 'the lie was told')
      await scene.isReady(true)
      if (refused !== '200') await scene.metric(`provenance_decision_reasons_total{kind="refused",code="${refused.split(' ')[1] ?? ''}"}`, (value) => value > 0)

      scene.mended()
      // So long is a 404 believed.
      if (name.includes('404')) await scene.shift(31_000)
      await scene.installs(known)
      scene.recovered()
    })

  fault({ name: 'other bytes of a tarball, for one answer', what: 'a well-made tarball that is not the one that was signed', recovery: 'by itself: at once for whoever asks for the tarball again, and within five minutes in the packument' }, async (scene) => {
    const known = scene.publish('built', '1.0.0')
    await scene.start({ clock: 0 })
    scene.break()
    scene.registry.garbage(tarballOf(known), pack({ 'package/package.json': { name: 'built', version: '1.0.0', scripts: { install: 'evil' } } }), { times: 1 })
    const body = await scene.sees('403 integrity-mismatch', 'its tarball', tarballOf(known))
    assert.equal(typeof (JSON.parse(body.toString()) as JsonObject).error, 'string')
    await scene.metric('provenance_decision_reasons_total{kind="refused",code="integrity-mismatch"}', (value) => value > 0)
    await scene.sees('403 integrity-mismatch', 'its packument, of which it is the only version', '/built')
    await scene.isReady(true)
    scene.mended()
    await scene.shift(301_000)
    await scene.installs(known)
    scene.recovered()
  })
})
