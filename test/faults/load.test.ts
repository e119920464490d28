/** More than a machine gives, and clients that never finish. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import net from 'node:net'
import { publishBody } from '../support/publish.ts'
import { NpmProject } from '../support/process.ts'
import { register } from '../support/raw.ts'
import { fault, until } from './kit.ts'

/** Connections that were opened, each with what it was given to say. */
async function hold(base: string, count: number, say: (index: number) => string): Promise<readonly net.Socket[]> {
  const { hostname, port } = new URL(base)
  return Promise.all(Array.from({ length: count }, (_, index) => new Promise<net.Socket>((resolve, reject) => {
    const socket = net.connect(Number(port), hostname)
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.removeListener('error', reject)
      socket.on('error', () => undefined)
      // Nothing of what comes is ever read.
      socket.pause()
      socket.write(say(index), () => { resolve(socket) })
    })
  })))
}

describe('faults of load', () => {
  fault({ name: '1,000 connections that never finish', what: 'a third stop in the head, a third in the body of a publication, a third never read what they asked for, while npm installs', recovery: 'by itself, when they are gone; the server ends them after its limits' }, async (scene) => {
    const known = scene.publish('built', '1.0.0', { files: { 'package/big.js': randomBytes(8_000_000) } })
    await scene.start()
    await scene.installs(known)

    scene.break()
    const { url } = scene.mirror
    const token = await register(url, 'alice')
    const says = [
      () => 'GET /built HTTP/1.1\r\nHost: localhost\r\nX-Slow:',
      () => `PUT /home-made HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"_id":`,
      () => 'GET /built/-/built-1.0.0.tgz HTTP/1.1\r\nHost: localhost\r\n\r\n',
    ] as const
    const sockets = await hold(url, 1000, (index) => says[index % says.length]!())
    scene.defer(() => { for (const socket of sockets) socket.destroy() })
    await scene.metric('provenance_requests_open', (value) => value > 100, false)
    const project = new NpmProject(scene.dir)
    const { code, output } = await project.npm(url, 'install', 'built@1.0.0')
    assert.equal(code, 0, output)
    assert.ok(project.has('built/package.json'))
    scene.noteSeen('exit code 0', '`npm install` of a package')
    await scene.installs(known)
    await scene.isReady(true)
    scene.tell('`provenance_requests_open` more than 100')

    for (const socket of sockets) socket.destroy()
    scene.mended()
    await scene.metric('provenance_requests_open', (value) => value < 10)
    await scene.installs(known)
    scene.recovered()
  })

  fault({ name: 'out of memory', what: 'the process may take too little for what is published at one time, and ends', recovery: 'by itself, when the process is started again' }, async (scene) => {
    const known = scene.publish('built', '1.0.0')
    await scene.start({ launch: { node: ['--max-old-space-size=120'] } })
    await scene.installs(known)
    const token = await register(scene.mirror.url, 'alice')

    scene.break()
    const { body } = publishBody({ name: 'home-made', version: '1.0.0' })
    const large = JSON.stringify({ ...body, readme: Array.from({ length: 700_000 }, (_, index) => ({ a: index })) })
    const { url } = scene.mirror
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
    let isOver = false
    const publishing = Promise.all(Array.from({ length: 12 }, async () => {
      while (!isOver) {
        try {
          const response = await fetch(`${url}/home-made`, { method: 'PUT', headers, body: large, signal: AbortSignal.timeout(15_000) })
          await response.arrayBuffer()
        } catch {
          return
        }
      }
    }))
    const ended = await Promise.race([scene.mirror.ended, until('it ends', () => Promise.resolve(isOver)).catch(() => undefined)])
    isOver = true
    await publishing
    assert.ok(ended !== undefined && ['SIGABRT', 'SIGTRAP', 'SIGILL', 134].includes(ended), `${String(ended)} ${scene.mirror.output().slice(-500)}`)
    scene.noteSeen('no answer', 'everything, until it is started again')

    scene.mended()
    await scene.start({ launch: {} })
    await scene.isReady(true)
    await scene.installs(known)
    scene.publish('built', '1.0.0', { files: { 'package/other.js': '1' } })
    await scene.sees('403 integrity-changed', 'other bytes under a version that was verified before', '/built/-/built-1.0.0.tgz')
    scene.recovered()
  })
})
