import assert from 'node:assert/strict'
import { TarballRefused } from '../../../plugin/domain/ports.ts'
import { bytesOf, Fixture, packumentOf, json, status, unavailable, type Handler } from './support.ts'

const BYTES = 'tarball bytes, whatever they are'
const sending: Handler = (_request, response) => {
  response.writeHead(200, { 'content-length': String(BYTES.length) }).end(BYTES)
}
/** Sends so much of the body it announced, and breaks off. */
const cutting =
  (length: number): Handler =>
  (_request, response) => {
    response.writeHead(200, { 'content-length': String(BYTES.length) }).write(BYTES.slice(0, length), () => response.destroy())
  }
const refused = (error: unknown): boolean => error instanceof TarballRefused

describe('upstream: tarball', () => {
  let fixture: Fixture
  beforeEach(async () => {
    fixture = await Fixture.create(sending)
  })
  afterEach(() => fixture.dispose())
  const tgz = (): string => `${fixture.server.url}/widget/-/widget-1.0.0.tgz`

  it('yields the bytes, asked for uncompressed and with the uplink\'s credentials', async () => {
    const client = await fixture.client({ auth: { type: 'basic', token: 'czNjcmV0' } })
    assert.equal(await bytesOf(await client.tarball(tgz())), BYTES)
    const { headers } = fixture.server.requests[0]!
    assert.deepEqual([headers['accept-encoding'], headers.authorization], ['identity', 'Basic czNjcmV0'])
  })

  for (const code of [404, 410])
    it(`${code} is absent`, async () => {
      fixture.server.handler = status(code)
      assert.equal(await (await fixture.client()).tarball(tgz()), 'absent')
    })

  for (const code of [403, 500, 204, 304])
    it(`${code} is unavailable`, async () => {
      fixture.server.handler = status(code)
      await assert.rejects((await fixture.client()).tarball(tgz()), unavailable)
    })

  describe('addresses', () => {
    const uplink = { url: 'https://registry.example/npm/', tarballHosts: ['Files.example', 'files.example:8443'] }
    for (const url of [
      'https://registry.example/npm/widget/-/widget-1.0.0.tgz',
      'https://registry.example/elsewhere/widget-1.0.0.tgz',
      'https://files.example/widget-1.0.0.tgz',
      'https://files.example:443/widget-1.0.0.tgz',
      'https://files.example:8443/widget-1.0.0.tgz',
    ])
      it(`allowed: ${url}`, async () => {
        assert.equal((await fixture.client(uplink)).allowsTarball(url), true)
      })

    for (const url of [
      'http://registry.example/npm/widget-1.0.0.tgz',
      'https://registry.example:8443/widget-1.0.0.tgz',
      'https://registry.example.evil.test/widget-1.0.0.tgz',
      'https://user:secret@registry.example/widget-1.0.0.tgz',
      'https://registry.example@evil.test/widget-1.0.0.tgz',
      'http://files.example/widget-1.0.0.tgz',
      'https://files.example:444/widget-1.0.0.tgz',
      'https://user@files.example/widget-1.0.0.tgz',
      'https://evil.files.example/widget-1.0.0.tgz',
    ])
      it(`[14a] refused: ${url}`, async () => {
        const client = await fixture.client(uplink)
        assert.equal(client.allowsTarball(url), false)
        await assert.rejects(client.tarball(url), refused)
      })

    for (const url of [
      'file:///etc/passwd',
      '/widget/-/widget-1.0.0.tgz',
      'widget-1.0.0.tgz',
      '//registry.example/widget-1.0.0.tgz',
      'data:application/gzip,x',
      'ftp://registry.example/widget-1.0.0.tgz',
      'http://127.0.0.1/widget-1.0.0.tgz',
      'http://169.254.169.254/latest/meta-data',
      'https://[::1]/widget-1.0.0.tgz',
      '',
    ])
      it(`[14c] refused: ${JSON.stringify(url)}`, async () => {
        const client = await fixture.client(uplink)
        assert.equal(client.allowsTarball(url), false)
        await assert.rejects(client.tarball(url), refused)
      })
  })

  describe('redirects', () => {
    it('on the same host are followed, with the credentials', async () => {
      fixture.server.handler = (request, response, count) => {
        ;(count === 1 ? status(302, { location: '/blob' }) : sending)(request, response, count)
      }
      const client = await fixture.client({ auth: { type: 'bearer', token: 's3cret' } })
      assert.equal(await bytesOf(await client.tarball(tgz())), BYTES)
      assert.equal(fixture.server.requests[1]!.headers.authorization, 'Bearer s3cret')
    })

    it('[14e] to another host are refused, and it is not asked', async () => {
      const other = await fixture.other(sending)
      fixture.server.handler = status(302, { location: `${other.url}/blob` })
      await assert.rejects((await fixture.client({ retries: 2 })).tarball(tgz()), refused)
      assert.deepEqual([other.requests.length, fixture.server.requests.length], [0, 1])
    })

    it('[14e] to the same host over another protocol are refused', async () => {
      fixture.server.handler = status(302, { location: tgz().replace('http:', 'https:') })
      await assert.rejects((await fixture.client()).tarball(tgz()), refused)
    })

    it('[17g] a loop ends after three', async () => {
      fixture.server.handler = status(302, { location: '/again' })
      await assert.rejects((await fixture.client()).tarball(tgz()), unavailable)
      assert.equal(fixture.server.requests.length, 4)
    })

    it('to nowhere are unavailable', async () => {
      fixture.server.handler = status(302, { location: 'http://' })
      await assert.rejects((await fixture.client()).tarball(tgz()), unavailable)
    })
  })

  describe('what is sent', () => {
    it('[3b] less than announced is unavailable', async () => {
      fixture.server.handler = cutting(10)
      const client = await fixture.client()
      const source = await client.tarball(tgz())
      await assert.rejects(bytesOf(source), unavailable)
    })

    it('a body that breaks off is asked for again, and what came is not given twice', async () => {
      fixture.server.handler = (request, response, count) => {
        ;(count < 3 ? cutting(count * 7) : sending)(request, response, count)
      }
      const client = await fixture.client({ retries: 2 })
      assert.equal(await bytesOf(await client.tarball(tgz())), BYTES)
      assert.equal(fixture.server.requests.length, 3)
    })

    it('[17e] beyond the cap, announced', async () => {
      await assert.rejects((await fixture.client({}, { limits: { tarball: 10 } })).tarball(tgz()), unavailable)
    })

    it('[17e] beyond the cap, without an end', async () => {
      const closed = new Promise<void>((resolve) => {
        fixture.server.handler = (_request, response) => {
          response.on('close', resolve)
          const more = (): void => {
            while (!response.destroyed && response.write(BYTES));
          }
          response.on('drain', more)
          more()
        }
      })
      const client = await fixture.client({ retries: 2 }, { limits: { tarball: 100_000 } })
      await assert.rejects(bytesOf(await client.tarball(tgz())), unavailable)
      await closed
      assert.equal(fixture.server.requests.length, 1)
    })

    it('compressed on the way is unavailable: it is not what was signed', async () => {
      fixture.server.handler = (_request, response) => {
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(BYTES)
      }
      await assert.rejects((await fixture.client()).tarball(tgz()), unavailable)
    })

    for (const [how, stop] of [
      ['unread', (source: AsyncIterable<Uint8Array>) => source[Symbol.asyncIterator]().return?.()],
      ['half read', async (source: AsyncIterable<Uint8Array>) => { for await (const _ of source) break }],
    ] as const)
      it(`a tarball given back ${how} frees its connection`, async () => {
        const closed = new Promise<void>((resolve) => {
          fixture.server.handler = (_request, response) => {
            response.on('close', resolve)
            response.writeHead(200).write(BYTES)
          }
        })
        const source = await (await fixture.client()).tarball(tgz())
        assert.ok(source !== 'absent')
        await stop(source)
        await closed
      })
  })

  it('a client that was closed does not ask again', async () => {
    const client = await fixture.client({ retries: 5 }, { retryWait: 1000 })
    await client.close()
    fixture.server.handler = (_request, response) => {
      json(response, packumentOf('widget', '1.0.0'))
    }
    await assert.rejects(client.packument('widget'), unavailable)
    assert.equal(fixture.server.requests.length, 0)
  })
})
