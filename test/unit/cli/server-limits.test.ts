import assert from 'node:assert/strict'
import http from 'node:http'
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
})
