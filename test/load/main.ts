/** `npm run load -- --minutes 30`: real clients against two replicas while one is restarted every minute. */
/* eslint-disable no-console -- what it prints is what it is for */
import { parseArgs } from 'node:util'
import { isBuilt } from '../support/process.ts'
import { load } from './run.ts'

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '30' }, 'restart-every': { type: 'string', default: '60' }, packages: { type: 'string', default: '100' }, 'operator-every': { type: 'string', default: '5' }, seed: { type: 'string', default: '1' } } })
if (!isBuilt()) throw new Error('not built: npm run build')
const started = new Date()
const say = (line: string): void => { console.log(`${new Date().toISOString().slice(11, 19)} ${line}`) }
const stopping = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => { stopping.abort() })
const { isGood, lines } = await load({
  duration: Number(values.minutes) * 60_000,
  restartEvery: Number(values['restart-every']) * 1000,
  redisEvery: 4,
  operatorEvery: Number(values['operator-every']),
  drain: '5s',
  packages: Number(values.packages),
  seed: Number(values.seed),
  say,
  stop: stopping.signal,
})
for (const line of lines) console.log(line)
console.log(`${isGood ? 'good' : 'NOT GOOD'}: from ${started.toISOString()} to ${new Date().toISOString()}`)
process.exit(isGood ? 0 : 1)
