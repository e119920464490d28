import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import { mock } from 'node:test'
import { limitServer } from '../../../plugin/cli/server-limits.ts'

describe('cli: what one client may take of the server', () => {
  it('every limit that Node leaves open is set, and none is looser than what Node has', () => {
    const plain = http.createServer()
    const server = http.createServer()
    limitServer(server)
    assert.ok(server.headersTimeout > 0 && server.headersTimeout < plain.headersTimeout)
    assert.ok(server.requestTimeout > 0 && server.requestTimeout <= plain.requestTimeout)
    assert.ok(server.timeout > 0)
    assert.ok((server.maxHeadersCount ?? 0) > 0)
    assert.ok(server.maxConnections > 0)
  })
  it('a connection that cannot be accepted ends nothing', async () => {
    const server = http.createServer()
    limitServer(server)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const said: string[] = []
    const muted = mock.method(console, 'error', (line: string) => { said.push(line) })
    try {
      for (let time = 0; time < 3; time++) server.emit('error', new Error('accept EMFILE'))
    } finally {
      muted.mock.restore()
      server.close()
    }
    assert.deepEqual(said, Array.from({ length: 3 }, () => 'a connection was not accepted: accept EMFILE'))
  })
})
