import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { assumed, ASSUMPTIONS } from '../../../bench/simulation/assumptions.ts'
import { readCosts, type Costs } from '../../../bench/simulation/costs.ts'
import { demandOf, distinctNames, meanLockfile } from '../../../bench/simulation/demand.ts'
import { DEVELOPERS, sizingChart, sizingDocument, sizings } from '../../../bench/simulation/document.ts'
import { simulate } from '../../../bench/simulation/queue.ts'
import { sizingOf } from '../../../bench/simulation/sizing.ts'

const DOCS = path.resolve(import.meta.dirname, '../../../docs')
const A = assumed()
const COSTS: Costs = {
  machine: 'a machine', node: 'v24.0.0', day: '2026-01-01', startSeconds: 3,
  cpu: { packument: 0.1, largePackument: 0.2, notModified: 0.05, revalidation: 0.5, tarball: 0.2, tarballMegabyte: 1, coldPackument: 10, coldTarball: 8, coldTarballMegabyte: 10, provenance: 5, publish: 50 },
  disk: { listedVersion: 400, packument: 14_000, tarball: 2000, decision: 1000 },
  shared: { coldPackument: 12, coldTarball: 9, tarball: 0.2, disk: { listedVersion: 500, tarball: 3000, decision: 1200 } },
  memory: { started: 250e6, loaded: 450e6, packument: 50_000 },
}
const run = (developers: number, replicas: number, seed = 1, costs = COSTS): ReturnType<typeof simulate> => simulate(demandOf(developers, A), costs, A, { replicas, seconds: 60, seed })

describe('sizing: demand', () => {
  it('is by arithmetic: installs, tarballs, bytes', () => {
    const demand = demandOf(100, assumed({ jobs: 10, coldJobs: 0.5, peakHour: 0.16, localInstalls: 0, lockfileSpread: 0, lockfileMedian: 100, tarballSpread: 0, tarballMedian: 1000 }))
    assert.ok(Math.abs(demand.coldJobs - (100 * 10 * 0.5 * 0.16) / 3600) < 1e-9)
    assert.ok(Math.abs(demand.deliveries - 100 * 10 * 0.5 * 100) < 1e-6)
    assert.ok(Math.abs(demand.network - demand.coldJobs * 100 * 1000) < 1e-6)
  })
  it('grows with developers, and packages more slowly than they', () => {
    const [few, many] = [demandOf(100, A), demandOf(10_000, A)]
    assert.ok(Math.abs(many.network / few.network - 100) < 1e-6)
    assert.ok(many.names > few.names && many.names < 30 * few.names)
  })
  it('a lockfile has nearly as many names as entries, and no law more than there are', () => {
    const one = distinctNames(meanLockfile(A), A)
    assert.ok(one > 0.7 * meanLockfile(A) && one <= meanLockfile(A))
    assert.ok(distinctNames(1e12, { ...A, publicNames: 1000 }) <= 1000)
  })
})

describe('sizing: the busiest hour', function () {
  this.timeout(20_000)
  it('is the same for a seed, and another for another', () => {
    assert.deepEqual(run(1000, 1), run(1000, 1))
    assert.notDeepEqual(run(1000, 1), run(1000, 1, 2))
  })
  it('who has nothing to wait for waits for nothing: an answer takes what it costs', () => {
    const { p50, utilisation } = run(10, 4)
    assert.ok(p50 >= 0.05 && p50 <= 0.3, String(p50))
    assert.ok(utilisation < 0.05)
  })
  it('a replica that has more to do than it can lets people wait', () => {
    const slow = { ...COSTS, shared: { ...COSTS.shared, tarball: 20 } }
    const { p99, utilisation } = run(1000, 1, 1, slow)
    assert.ok(utilisation > 0.9, String(utilisation))
    assert.ok(p99 > 1000, String(p99))
  })
  it('is as busy as the sum of what was asked for costs', () => {
    const { utilisation, requests } = run(10_000, 2)
    const least = (requests * COSTS.cpu.notModified) / (2 * 60_000)
    assert.ok(utilisation > least && utilisation < 1)
  })
})

describe('sizing: replicas', function () {
  this.timeout(20_000)
  it('one is to spare, always', () => { assert.equal(sizingOf(1, COSTS, A).replicas, 2) })
  it('are enough with one gone: in time, not too busy, within the network', () => {
    for (const developers of [100, 10_000]) {
      const { replicas, load, demand } = sizingOf(developers, COSTS, A)
      assert.ok(load.p99 <= A.latency && load.utilisation <= A.utilisation)
      assert.ok(demand.network / 1e6 / (replicas - 1) <= A.network)
    }
  })
  it('are more where the network or the processor ends first', () => {
    const usual = sizingOf(10_000, COSTS, A).replicas
    assert.ok(sizingOf(10_000, COSTS, assumed({ network: 20 })).replicas > usual)
    assert.ok(sizingOf(10_000, { ...COSTS, shared: { ...COSTS.shared, tarball: 2 } }, A).replicas > usual)
  })
  it('whoever asks for too much is told', () => { assert.throws(() => sizingOf(1e6, COSTS, assumed({ network: 1 })), RangeError) })
  it('the same version for the same address within a minute is one entry', () => {
    const many = sizingOf(1000, COSTS, assumed({ runnersPerDeveloper: 1 })).decisions.perDay
    assert.ok(sizingOf(1000, COSTS, assumed({ runnersPerDeveloper: 0.001 })).decisions.perDay < many * 0.9)
  })
  it('entries of decisions are bounded by what each replica keeps', () => {
    const { postgres, reach, replicas } = sizingOf(10_000, COSTS, assumed({ maxRows: 1000 }))
    assert.equal(postgres.decisions, 1000 * replicas * COSTS.shared.disk.decision)
    assert.ok(reach.days < 1)
  })
})

describe('sizing: the guide', function () {
  this.timeout(20_000)
  const costs = readCosts()
  const found = sizings(costs, A)
  it('is what the simulation says of what was measured (node bench/simulation/main.ts --write)', () => {
    assert.equal(readFileSync(path.join(DOCS, 'sizing.md'), 'utf8'), sizingDocument(found, costs))
    assert.equal(readFileSync(path.join(DOCS, 'sizing.svg'), 'utf8'), sizingChart(found, costs))
  })
  it('states every assumption', () => {
    const text = sizingDocument(found, costs)
    for (const { what } of Object.values(ASSUMPTIONS)) assert.ok(text.includes(`| ${what} |`), what)
    assert.deepEqual(found.map(({ demand }) => demand.developers), [...DEVELOPERS])
  })
})
