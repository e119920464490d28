import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { mock } from 'node:test'
import { shutDownOnSignals } from '../../../plugin/cli/shut-down.ts'

describe('cli: signals', () => {
  const HOUR = 3_600_000
  let signals: EventEmitter
  let exits: number[]
  let said: string[]
  let now: number
  let close: PromiseWithResolvers<undefined>
  let end: () => void
  const exited = new EventEmitter()

  const start = (drain: number): void => {
    signals = new EventEmitter()
    exits = []
    said = []
    now = 0
    close = Promise.withResolvers()
    const mirror = {
      engine: { configuration: { shutdown: { drain, finish: HOUR } } },
      drain: () => { said.push('drain') },
      close: async () => {
        said.push('close')
        await close.promise
      },
    }
    const exit = (code: number): void => {
      exits.push(code)
      exited.emit('exit')
    }
    end = shutDownOnSignals(mirror, { on: (signal, listener) => { signals.on(signal, listener) }, exit, now: () => now })
  }
  const quietly = (act: () => void): void => {
    const muted = mock.method(console, 'log', () => undefined)
    act()
    muted.mock.restore()
  }

  it('SIGINT: drains for no time, closes, and ends well', async () => {
    start(HOUR)
    signals.emit('SIGINT')
    assert.deepEqual([said, exits], [['drain', 'close'], []])
    const ended = once(exited, 'exit')
    close.resolve(undefined)
    await ended
    assert.deepEqual(exits, [0])
  })
  it('SIGTERM: says that it is not ready, and does not close before its time', () => {
    start(HOUR)
    quietly(() => signals.emit('SIGTERM'))
    assert.deepEqual([said, exits], [['drain'], []])
    signals.emit('SIGTERM')
    assert.deepEqual(exits, [143])
  })
  it('SIGINT that npm passes on besides is the same one; a later one ends it at once', () => {
    start(0)
    signals.emit('SIGINT')
    now = 400
    signals.emit('SIGINT')
    assert.deepEqual(exits, [])
    now = 600
    signals.emit('SIGINT')
    assert.deepEqual(exits, [130])
  })
  it('SIGTERM after SIGINT ends it at once, however soon', () => {
    start(0)
    signals.emit('SIGINT')
    signals.emit('SIGTERM')
    assert.deepEqual(exits, [143])
  })
  it('a terminal that is closed is as SIGINT', () => {
    start(HOUR)
    end()
    assert.deepEqual(said, ['drain', 'close'])
  })
  it('what cannot be closed does not look as if it was', async () => {
    start(0)
    const muted = mock.method(console, 'error', () => undefined)
    signals.emit('SIGTERM')
    const ended = once(exited, 'exit')
    close.reject(new Error('a store that does not close'))
    await ended
    muted.mock.restore()
    assert.deepEqual(exits, [70])
  })
})
