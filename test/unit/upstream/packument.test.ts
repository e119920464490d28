import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import type { UpstreamPackument } from '../../../plugin/domain/ports.ts'
import { DAY, Fixture, json, MINUTE, packumentOf, status, unavailable, type Handler } from './support.ts'

const widget = packumentOf('widget', '1.0.0')
const answering =
  (body: unknown, headers: Record<string, string> = {}): Handler =>
  (_request, response) => {
    json(response, body, headers)
  }
const text =
  (body: string | Buffer, headers: Record<string, string> = {}): Handler =>
  (_request, response) => {
    response.writeHead(200, headers).end(body)
  }
/** Answers with a tag, and 304 to whoever has it. */
const tagged =
  (body: unknown): Handler =>
  (request, response) => {
    if (request.headers['if-none-match'] === '"one"') response.writeHead(304).end()
    else json(response, body, { etag: '"one"' })
  }
const versionsOf = (answer: UpstreamPackument | 'absent'): string[] =>
  answer === 'absent' ? ['absent'] : [...answer.packument.versions.keys()]
const staleOf = (answer: UpstreamPackument | 'absent'): boolean | 'absent' => (answer === 'absent' ? answer : answer.stale)

describe('upstream: packument', () => {
  let fixture: Fixture
  beforeEach(async () => {
    fixture = await Fixture.create(answering(widget))
  })
  afterEach(() => fixture.dispose())

  describe('the question', () => {
    it('names a scoped package in one segment, below the path of the uplink', async () => {
      fixture.server.handler = answering(packumentOf('@acme/widget', '1.0.0'))
      await (await fixture.client({ url: `${fixture.server.url}/npm` })).packument('@acme/widget')
      assert.equal(fixture.server.requests[0]!.url, '/npm/@acme%2fwidget')
    })

    it('asks for the full document, compressed, under its own name and with the configured credentials', async () => {
      const client = await fixture.client({ auth: { type: 'bearer', token: 's3cret' }, headers: { 'X-Team': 'acme' } })
      await client.packument('widget')
      const { headers } = fixture.server.requests[0]!
      assert.equal(headers.accept, 'application/json')
      assert.equal(headers['accept-encoding'], 'gzip')
      assert.equal(headers['user-agent'], 'verdaccio-provenance/0.0.0')
      assert.equal(headers.authorization, 'Bearer s3cret')
      assert.equal(headers['x-team'], 'acme')
    })

    for (const name of ['..', '.', '', '@acme', '@/widget', 'acme/widget', '@acme/..', '@acme/widget/x', '\ud800'])
      it(`[15b] a name that is no segment of a path is absent without asking: ${JSON.stringify(name)}`, async () => {
        assert.equal(await (await fixture.client()).packument(name), 'absent')
        assert.equal(fixture.server.requests.length, 0)
      })

    it('[15a] a name cannot smuggle a query or another path', async () => {
      fixture.server.handler = status(404)
      await (await fixture.client()).packument('widget?write=true#x%2f..')
      assert.equal(fixture.server.requests[0]!.url, '/widget%3Fwrite%3Dtrue%23x%252f..')
    })

    it('twenty calls at one time are one question', async () => {
      const client = await fixture.client()
      const answers = await Promise.all(Array.from({ length: 20 }, () => client.packument('widget')))
      assert.ok(answers.every((answer) => versionsOf(answer)[0] === '1.0.0'))
      assert.equal(fixture.server.requests.length, 1)
    })
  })

  describe('the answer', () => {
    it('404 is absent, and is not asked again for half a minute', async () => {
      fixture.server.handler = status(404)
      const client = await fixture.client()
      assert.equal(await client.packument('widget'), 'absent')
      fixture.server.handler = answering(widget)
      assert.equal(await client.packument('widget'), 'absent')
      fixture.clock.advance(31_000)
      assert.deepEqual(versionsOf(await client.packument('widget')), ['1.0.0'])
    })

    for (const code of [201, 204, 206, 304, 400, 401, 403, 410, 429, 500, 503])
      it(`${code} is unavailable, not absent`, async () => {
        fixture.server.handler = status(code)
        await assert.rejects((await fixture.client()).packument('widget'), unavailable)
      })

    const garbage: readonly (readonly [string, string])[] = [
      ['not JSON', '<html>'],
      ['null', 'null'],
      ['a string', '"widget"'],
      ['a list', '[]'],
      ['another package', JSON.stringify(packumentOf('gadget', '1.0.0'))],
      ['no versions', '{"name":"widget"}'],
      ['nothing', ''],
      ['[17b] nested ten thousand levels deep', `{"name":"widget","versions":{},"x":${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
    ]
    for (const [what, body] of garbage)
      it(`[6f] ${what} is unavailable, and nothing of it is kept`, async () => {
        fixture.server.handler = text(body)
        await assert.rejects((await fixture.client()).packument('widget'), unavailable)
        assert.deepEqual(await readdir(fixture.dir), [])
      })

    it('[17b] depth cannot hide behind a string that ends in a backslash', async () => {
      fixture.server.handler = text(`{"name":"widget","versions":{},"x":"\\\\","y":${'['.repeat(300)}${']'.repeat(300)}}`)
      await assert.rejects((await fixture.client()).packument('widget'), unavailable)
    })

    it('braces in strings are not depth', async () => {
      fixture.server.handler = answering({ ...(widget as object), readme: `\\"${'[{'.repeat(500)}\\` })
      assert.deepEqual(versionsOf(await (await fixture.client()).packument('widget')), ['1.0.0'])
    })

    it('[16b] versions named like properties are versions', async () => {
      fixture.server.handler = text('{"name":"widget","versions":{"__proto__":{},"constructor":{}}}')
      assert.deepEqual(versionsOf(await (await fixture.client()).packument('widget')), ['__proto__', 'constructor'])
    })

    it('[17d] more than 100,000 versions are unavailable', async () => {
      const versions = Array.from({ length: 100_001 }, (_, i) => `"1.0.${i}":{}`).join()
      fixture.server.handler = text(`{"name":"widget","versions":{${versions}}}`)
      await assert.rejects((await fixture.client()).packument('widget'), unavailable)
    })

    it('one that comes in many pieces is read whole, and again after a restart', async () => {
      const all = packumentOf('widget', ...Array.from({ length: 3000 }, (_, index) => `1.0.${String(index)}`))
      fixture.server.handler = answering(all)
      assert.equal(versionsOf(await (await fixture.client()).packument('widget')).length, 3000)
      fixture.server.handler = status(500)
      assert.equal(versionsOf(await (await fixture.client()).packument('widget')).length, 3000)
    })

    it('a compressed answer is unfolded', async () => {
      fixture.server.handler = text(gzipSync(JSON.stringify(widget)), { 'content-encoding': 'gzip' })
      assert.deepEqual(versionsOf(await (await fixture.client()).packument('widget')), ['1.0.0'])
    })

    it('an encoding nobody asked for is unavailable', async () => {
      fixture.server.handler = text(JSON.stringify(widget), { 'content-encoding': 'br' })
      await assert.rejects((await fixture.client()).packument('widget'), unavailable)
    })

    it('[17a] beyond the cap, announced: nothing of it is read', async () => {
      const closed = new Promise<void>((resolve) => {
        fixture.server.handler = (_request, response) => {
          response.on('close', resolve)
          response.writeHead(200, { 'content-length': '1000' }).write('{')
        }
      })
      const client = await fixture.client({}, { limits: { packument: 999 } })
      await assert.rejects(client.packument('widget'), unavailable)
      await closed
    })

    it('[17a] beyond the cap, unannounced: reading stops there', async () => {
      const closed = new Promise<void>((resolve) => {
        fixture.server.handler = (_request, response) => {
          response.on('close', resolve)
          const more = (): void => {
            while (!response.destroyed && response.write(' '.repeat(16_384)));
          }
          response.on('drain', more)
          more()
        }
      })
      const client = await fixture.client({}, { limits: { packument: 100_000 } })
      await assert.rejects(client.packument('widget'), unavailable)
      await closed
    })

    it('[17c] a gzip bomb stops at the cap', async () => {
      fixture.server.handler = text(gzipSync(Buffer.alloc(50_000_000)), { 'content-encoding': 'gzip' })
      const client = await fixture.client({}, { limits: { packument: 1_000_000 } })
      await assert.rejects(client.packument('widget'), unavailable)
    })

    it('[17f] one byte at a time is over at the deadline', async () => {
      fixture.server.handler = (_request, response) => {
        response.writeHead(200).write('{')
      }
      const deadline = new AbortController()
      const client = await fixture.client({}, { deadline: () => deadline.signal })
      const answer = client.packument('widget')
      setImmediate(() => {
        deadline.abort(new Error('deadline'))
      })
      await assert.rejects(answer, unavailable)
    })

    it('a body cut short is unavailable', async () => {
      fixture.server.handler = (_request, response) => {
        response.writeHead(200, { 'content-length': '1000' }).write(JSON.stringify(widget), () => response.destroy())
      }
      await assert.rejects((await fixture.client()).packument('widget'), unavailable)
    })

    it('a gzip body cut short is unavailable', async () => {
      fixture.server.handler = text(gzipSync(JSON.stringify(widget)).subarray(0, -12), { 'content-encoding': 'gzip' })
      await assert.rejects((await fixture.client()).packument('widget'), unavailable)
    })
  })

  describe('retries', () => {
    it('500, then a cut body, then 200', async () => {
      fixture.server.handler = (request, response, count) => {
        if (count === 1) status(500)(request, response, count)
        else if (count === 2) response.writeHead(200, { 'content-length': '1000' }).write('{', () => response.destroy())
        else json(response, widget)
      }
      assert.deepEqual(versionsOf(await (await fixture.client({ retries: 2 })).packument('widget')), ['1.0.0'])
    })

    it('not for 403', async () => {
      fixture.server.handler = status(403)
      await assert.rejects((await fixture.client({ retries: 2 })).packument('widget'), unavailable)
      assert.equal(fixture.server.requests.length, 1)
    })

    it('not for 429 that asks for more time than a client waits', async () => {
      fixture.server.handler = status(429, { 'retry-after': '3600' })
      await assert.rejects((await fixture.client({ retries: 2 })).packument('widget'), unavailable)
      assert.equal(fixture.server.requests.length, 1)
    })

    it('429 without a time is tried again', async () => {
      fixture.server.handler = (request, response, count) => {
        ;(count === 1 ? status(429) : answering(widget))(request, response, count)
      }
      assert.deepEqual(versionsOf(await (await fixture.client({ retries: 1 })).packument('widget')), ['1.0.0'])
    })
  })

  describe('redirects', () => {
    it('on the same host are followed', async () => {
      fixture.server.handler = (request, response, count) => {
        ;(count === 1 ? status(302, { location: '/moved' }) : answering(widget))(request, response, count)
      }
      assert.deepEqual(versionsOf(await (await fixture.client()).packument('widget')), ['1.0.0'])
    })

    it('[14e] to another host are not, and it is not asked', async () => {
      const other = await fixture.other(answering(widget))
      fixture.server.handler = status(302, { location: `${other.url}/widget` })
      await assert.rejects((await fixture.client()).packument('widget'), unavailable)
      assert.equal(other.requests.length, 0)
    })

    it('[17g] a loop ends', async () => {
      fixture.server.handler = status(302, { location: '/again' })
      await assert.rejects((await fixture.client()).packument('widget'), unavailable)
      assert.equal(fixture.server.requests.length, 4)
    })
  })

  describe('age', () => {
    it('below maxage nothing is asked', async () => {
      const client = await fixture.client()
      await client.packument('widget')
      fixture.clock.advance(2 * MINUTE - 1)
      await client.packument('widget')
      assert.equal(fixture.server.requests.length, 1)
    })

    it('then the last answer is given at once while the uplink is asked once behind it', async () => {
      const client = await fixture.client()
      await client.packument('widget')
      fixture.clock.advance(3 * MINUTE)
      const asked = new Promise<void>((resolve) => {
        fixture.server.handler = () => {
          resolve()
        }
      })
      const answers = await Promise.all(Array.from({ length: 20 }, () => client.packument('widget')))
      assert.ok(answers.every((answer) => versionsOf(answer)[0] === '1.0.0' && staleOf(answer) === false))
      await asked
      assert.equal(fixture.server.requests.length, 2)
    })

    it('what came behind is the next answer', async () => {
      const client = await fixture.client()
      await client.packument('widget')
      fixture.clock.advance(3 * MINUTE)
      const refreshed = new Promise<void>((resolve) => {
        fixture.server.handler = (_request, response) => {
          response.on('close', resolve)
          json(response, packumentOf('widget', '2.0.0'), { connection: 'close' })
        }
      })
      await client.packument('widget')
      await refreshed
      fixture.clock.advance(10 * MINUTE)
      assert.deepEqual(versionsOf(await client.packument('widget')), ['2.0.0'])
    })

    it('a failure behind an answer is reported, and marks the next one stale', async () => {
      const failed: unknown[] = []
      const reported = new Promise<void>((resolve) => {
        fixture.errors.push = (error) => {
          failed.push(error)
          resolve()
          return failed.length
        }
      })
      const client = await fixture.client()
      await client.packument('widget')
      fixture.clock.advance(3 * MINUTE)
      fixture.server.handler = status(500)
      assert.equal(staleOf(await client.packument('widget')), false)
      await reported
      assert.ok(unavailable(failed[0]))
      assert.equal(staleOf(await client.packument('widget')), true)
    })

    it('within staleFor who asked has his answer first; whoever then waits for the refresh shares its one question', async () => {
      const client = await fixture.client()
      await client.packument('widget')
      fixture.clock.advance(5 * MINUTE)
      let asked = 0
      const answer = answering(packumentOf('widget', '2.0.0'))
      fixture.server.handler = (...of) => {
        if (of[0].url === '/widget') asked++
        return answer(...of)
      }
      assert.deepEqual(versionsOf(await client.packument('widget')), ['1.0.0'])
      // Time for a question and its answer.
      await client.packument('other').catch(() => undefined)
      assert.equal(asked, 0)
      fixture.clock.advance(12 * MINUTE)
      assert.deepEqual(versionsOf(await client.packument('widget')), ['2.0.0'])
      assert.equal(asked, 1)
    })

    it('within staleFor what is in memory is looked at as before, with one question behind all who look', async () => {
      const client = await fixture.client()
      await client.packument('widget')
      const peeked = (): unknown => {
        const head = client.peek('widget')
        return typeof head === 'object' ? head.stale : head
      }
      assert.equal(peeked(), false)
      fixture.clock.advance(5 * MINUTE)
      fixture.server.handler = answering(packumentOf('widget', '2.0.0'))
      assert.deepEqual(Array.from({ length: 50 }, peeked), Array.from({ length: 50 }, () => false))
      fixture.clock.advance(12 * MINUTE)
      assert.equal(peeked(), undefined)
      assert.deepEqual(versionsOf(await client.packument('widget')), ['2.0.0'])
      assert.equal(fixture.server.requests.length, 2)
    })

    it('but not what an uplink that fails is stood in for with, nor what was never asked for', async () => {
      const failed = Promise.withResolvers<undefined>()
      const client = await fixture.client({}, { onError: () => { failed.resolve(undefined) } })
      await client.packument('widget')
      fixture.clock.advance(5 * MINUTE)
      fixture.server.handler = status(500)
      assert.equal(typeof client.peek('widget'), 'object')
      await failed.promise
      assert.deepEqual([client.peek('widget'), client.peek('other')], [undefined, undefined])
    })

    it('past staleFor the uplink is asked first', async () => {
      const client = await fixture.client()
      await client.packument('widget')
      fixture.clock.advance(12 * MINUTE)
      fixture.server.handler = answering(packumentOf('widget', '2.0.0'))
      assert.deepEqual(versionsOf(await client.packument('widget')), ['2.0.0'])
    })

    it('past staleFor a failing uplink is stood in for by the last good answer', async () => {
      const client = await fixture.client()
      await client.packument('widget')
      fixture.clock.advance(6 * DAY)
      fixture.server.handler = status(503)
      const answer = await client.packument('widget')
      assert.deepEqual([versionsOf(answer), staleOf(answer)], [['1.0.0'], true])
    })

    it('garbage does not replace the last good answer', async () => {
      const client = await fixture.client()
      await client.packument('widget')
      fixture.clock.advance(DAY)
      fixture.server.handler = text('null')
      const answer = await client.packument('widget')
      assert.deepEqual([versionsOf(answer), staleOf(answer)], [['1.0.0'], true])
    })

    it('[22b] past maxStale a failing uplink is unavailable', async () => {
      const client = await fixture.client()
      await client.packument('widget')
      fixture.clock.advance(7 * DAY + 1)
      fixture.server.handler = status(503)
      await assert.rejects(client.packument('widget'), unavailable)
    })

    it('[22a] 404 for a package that was known is absent, not stale, and stays so after a restart', async () => {
      const client = await fixture.client()
      await client.packument('widget')
      fixture.clock.advance(12 * MINUTE)
      fixture.server.handler = status(404)
      assert.equal(await client.packument('widget'), 'absent')
      assert.deepEqual(await readdir(fixture.dir), [])
    })

    it('an answer from the future is not fresh', async () => {
      const client = await fixture.client()
      await client.packument('widget')
      fixture.clock.advance(-DAY)
      await client.packument('widget')
      assert.equal(fixture.server.requests.length, 2)
    })
  })

  describe('conditions', () => {
    it('304 confirms the known document, which is not read again', async () => {
      fixture.server.handler = tagged(widget)
      const client = await fixture.client()
      const first = await client.packument('widget')
      fixture.clock.advance(DAY / 2)
      const second = await client.packument('widget')
      assert.ok(first !== 'absent' && second !== 'absent')
      assert.equal(fixture.server.requests[1]!.headers['if-none-match'], '"one"')
      assert.equal(second.packument, first.packument)
      assert.deepEqual(second.confirmedAt, fixture.clock.now())
    })

    it('If-Modified-Since where there is no tag', async () => {
      const lastModified = 'Thu, 01 Jan 2026 00:00:00 GMT'
      fixture.server.handler = answering(widget, { 'last-modified': lastModified })
      const client = await fixture.client()
      await client.packument('widget')
      fixture.clock.advance(DAY / 2)
      await client.packument('widget')
      assert.equal(fixture.server.requests[1]!.headers['if-modified-since'], lastModified)
    })

    it('none once the body is a day old', async () => {
      fixture.server.handler = tagged(widget)
      const client = await fixture.client()
      await client.packument('widget')
      fixture.clock.advance(DAY)
      await client.packument('widget')
      assert.equal(fixture.server.requests[1]!.headers['if-none-match'], undefined)
      fixture.clock.advance(DAY / 2)
      await client.packument('widget')
      assert.equal(fixture.server.requests[2]!.headers['if-none-match'], '"one"')
    })

    it('confirmation outlives a restart', async () => {
      fixture.server.handler = tagged(widget)
      const before = await fixture.client()
      await before.packument('widget')
      fixture.clock.advance(DAY / 2)
      await before.packument('widget')
      fixture.clock.advance(MINUTE)
      const answer = await (await fixture.client()).packument('widget')
      assert.equal(fixture.server.requests.length, 2)
      assert.ok(answer !== 'absent' && fixture.clock.now().getTime() - answer.confirmedAt.getTime() === MINUTE)
    })
  })

  describe('the files', () => {
    const theFile = async (): Promise<string> => path.join(fixture.dir, (await readdir(fixture.dir))[0]!)

    it('serve after a restart without the network', async () => {
      fixture.server.handler = text(gzipSync(JSON.stringify(widget)), { 'content-encoding': 'gzip' })
      const first = await (await fixture.client()).packument('widget')
      const second = await (await fixture.client()).packument('widget')
      assert.equal(fixture.server.requests.length, 1)
      assert.ok(first !== 'absent' && second !== 'absent' && first.digest === second.digest)
      assert.deepEqual(versionsOf(second), ['1.0.0'])
    })

    it('carry no name of a package', async () => {
      await (await fixture.client()).packument('widget')
      assert.match(path.basename(await theFile()), /^[0-9a-f]{64}$/)
    })

    for (const [what, change] of [
      ['cut short', (file: Buffer) => file.subarray(0, -1)],
      ['cut in its head', (file: Buffer) => file.subarray(0, 50)],
      ['empty', () => Buffer.alloc(0)],
      ['altered in its body', (file: Buffer) => Buffer.from(file.toString().replace('1.0.0', '6.6.6'))],
      ['altered in its time', (file: Buffer) => Buffer.from(file.toString().replace('2026-', '2027-'))],
      ['altered in its head', (file: Buffer) => Buffer.from(file.toString().replace('"identity"', '"gzip"'))],
    ] as const)
      it(`[18a] one that is ${what} is not there`, async () => {
        await (await fixture.client()).packument('widget')
        const file = await theFile()
        await writeFile(file, change(await readFile(file)))
        assert.deepEqual(versionsOf(await (await fixture.client()).packument('widget')), ['1.0.0'])
        assert.equal(fixture.server.requests.length, 2)
      })

    it('[18d] an old one does not become young by its time', async () => {
      await (await fixture.client()).packument('widget')
      const file = await theFile()
      fixture.clock.advance(DAY)
      await writeFile(file, (await readFile(file, 'utf8')).replace('2026-01-01', '2026-01-02'))
      await (await fixture.client()).packument('widget')
      assert.equal(fixture.server.requests.length, 2)
    })

    it('[18c] one of another uplink is not there', async () => {
      await (await fixture.client({ name: 'a' })).packument('widget')
      const other = await readFile(await theFile())
      await (await fixture.client({ name: 'b' })).packument('widget')
      for (const file of await readdir(fixture.dir)) await writeFile(path.join(fixture.dir, file), other)
      await (await fixture.client({ name: 'b' })).packument('widget')
      assert.equal(fixture.server.requests.length, 3)
    })

    it('[18c] one of another package is not there', async () => {
      const client = await fixture.client()
      await client.packument('widget')
      const other = await readFile(await theFile())
      fixture.server.handler = answering(packumentOf('gadget', '1.0.0'))
      await client.packument('gadget')
      for (const file of await readdir(fixture.dir)) await writeFile(path.join(fixture.dir, file), other)
      const answer = await (await fixture.client()).packument('gadget')
      assert.ok(answer !== 'absent' && answer.packument.name === 'gadget')
      assert.equal(fixture.server.requests.length, 3)
    })

    it('of one address do not answer for another under the same uplink name', async () => {
      const other = await fixture.other(answering(packumentOf('widget', '9.9.9')))
      await (await fixture.client()).packument('widget')
      assert.deepEqual(versionsOf(await (await fixture.client({ url: other.url })).packument('widget')), ['9.9.9'])
    })
  })

  describe('circuit breaker', () => {
    it('after max_fails failures the uplink is left alone for fail_timeout', async () => {
      fixture.server.handler = status(500)
      const client = await fixture.client()
      for (const name of ['a', 'b', 'c', 'd']) await assert.rejects(client.packument(name), unavailable)
      assert.equal(fixture.server.requests.length, 2)
      fixture.clock.advance(5 * MINUTE)
      fixture.server.handler = answering(widget)
      assert.deepEqual(versionsOf(await client.packument('widget')), ['1.0.0'])
    })

    it('the last good answer is given all the same', async () => {
      const client = await fixture.client()
      await client.packument('widget')
      fixture.clock.advance(DAY)
      fixture.server.handler = status(500)
      for (const name of ['a', 'b']) await assert.rejects(client.packument(name), unavailable)
      assert.equal(staleOf(await client.packument('widget')), true)
      assert.equal(fixture.server.requests.length, 3)
    })

    it('an answer in between starts the count again', async () => {
      const client = await fixture.client()
      for (const [name, code] of [['a', 500], ['b', 404], ['c', 500], ['d', 403], ['e', 500], ['f', 404]] as const) {
        fixture.server.handler = status(code)
        await client.packument(name).catch(() => undefined)
      }
      assert.equal(fixture.server.requests.length, 6)
    })

    it('one document that is no packument does not condemn the uplink', async () => {
      fixture.server.handler = text('null')
      const client = await fixture.client()
      for (const name of ['a', 'b', 'c']) await assert.rejects(client.packument(name), unavailable)
      assert.equal(fixture.server.requests.length, 3)
    })
  })
})
