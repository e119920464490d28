import assert from 'node:assert/strict'
import { parseWrk } from '../../../bench/load/wrk.ts'

const FAST = `Running 3s test @ http://127.0.0.1:1/bench-50
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   640.62us    1.51ms  40.10ms   97.93%
    Req/Sec    29.61k     3.49k   33.33k    87.10%
  Latency Distribution
     50%  445.00us
     75%  561.00us
     90%  743.00us
     99%    7.10ms
  91234 requests in 3.10s, 1.21GB read
Requests/sec:  29430.84
Transfer/sec:    400.13MB
`

describe('output of wrk', () => {
  it('has requests, their rate and percentiles in milliseconds', () => {
    assert.deepEqual(parseWrk(FAST), { perSecond: 29430.84, requests: 91234, p50: 0.445, p99: 7.1, failures: 0 })
  })

  it('in seconds and minutes', () => {
    const { p50, p99 } = parseWrk(FAST.replace('445.00us', '1.50s').replace('7.10ms', '1.02m'))
    assert.deepEqual([p50, p99], [1500, 61_200])
  })

  it('counts refused answers and broken connections', () => {
    const text = `${FAST}  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 90\n`
    assert.equal(parseWrk(text).failures, 100)
  })

  it('has no percentiles when nothing was answered', () => {
    const text = FAST.replace(/ {2}Latency Distribution[^]*7\.10ms\n/, '').replace('91234 requests', '0 requests').replace('29430.84', '0.00')
    const { requests, perSecond, p50, p99 } = parseWrk(text)
    assert.deepEqual([requests, perSecond, p50, p99], [0, 0, NaN, NaN])
  })

  it('of another program is an error', () => {
    assert.throws(() => parseWrk('unable to connect to 127.0.0.1:1 Connection refused'), /wrk printed something else/)
  })
})
