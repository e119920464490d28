/** One suite over both ways to have a package alone; what a shared one promises to several mirrors, over PostgreSQL. */
import assert from 'node:assert/strict'
import { Unavailable } from '../../../plugin/domain/errors.ts'
import type { PackageLocks } from '../../../plugin/domain/package-locks.ts'
import { ProcessLocks } from '../../../plugin/store/package-locks.ts'
import { PostgresLocks } from '../../../plugin/store/postgres-locks.ts'
import { hasPostgres, startPostgres, type Postgres } from '../../support/postgres.ts'

const suite = (open: (patience?: number) => PackageLocks): void => {
  let locks: PackageLocks
  beforeEach(() => { locks = open() })
  afterEach(() => locks.close())

  it('the next one waits until it is free, in the order they came', async () => {
    const order: number[] = []
    const release = await locks.acquire('acme')
    const others = [1, 2, 3].map(async (one) => {
      const done = await locks.acquire('acme')
      order.push(one)
      done()
    })
    await new Promise(setImmediate)
    assert.deepEqual(order, [])
    release()
    await Promise.all(others)
    assert.deepEqual(order, [1, 2, 3])
  })
  it('another package is free', async () => {
    const releases = [await locks.acquire('acme'), await locks.acquire('@acme/ui')]
    for (const release of releases) release()
  })
  it('giving it free twice gives nobody else in', async () => {
    const first = await locks.acquire('acme')
    first()
    const second = await locks.acquire('acme')
    first()
    let isIn = false
    const third = locks.acquire('acme').then((release) => {
      isIn = true
      release()
    })
    await new Promise(setImmediate)
    assert.equal(isIn, false)
    second()
    await third
  })
  it('who waits too long is told, and nobody behind him is let in early', async () => {
    const impatient = open(30)
    const release = await impatient.acquire('acme')
    await assert.rejects(impatient.acquire('acme'), Unavailable)
    await assert.rejects(impatient.acquire('acme'), Unavailable)
    release()
    ;(await impatient.acquire('acme'))()
    await impatient.close()
  })
}

describe('who changes a package, in one process', () => {
  suite((patience) => new ProcessLocks(patience))
})

describe('who changes a package, among mirrors on one PostgreSQL', function () {
  this.timeout(20_000)
  let postgres: Postgres
  let url: string
  before(async function () {
    if (!hasPostgres()) return this.skip()
    postgres = await startPostgres()
    url = await postgres.database('locks')
  })
  after(() => (postgres as Postgres | undefined)?.close())

  suite((patience) => new PostgresLocks(url, patience))

  const both = async (work: (one: PostgresLocks, two: PostgresLocks) => Promise<void>, patience?: number): Promise<void> => {
    const mirrors = [new PostgresLocks(url, patience), new PostgresLocks(url, patience)] as const
    try {
      await work(...mirrors)
    } finally {
      await Promise.all(mirrors.map((one) => one.close()))
    }
  }
  it('another mirror waits', () =>
    both(async (one, two) => {
      const release = await one.acquire('acme')
      const other = two.acquire('acme')
      assert.equal(await Promise.race([other, new Promise((resolve) => setTimeout(resolve, 50, 'waits'))]), 'waits')
      release()
      ;(await other)()
    }))
  it('another mirror is told when it takes too long', () =>
    both(async (one, two) => {
      const release = await one.acquire('acme')
      await assert.rejects(two.acquire('acme'), Unavailable)
      release()
    }, 50))
  it('a mirror that dies gives its packages free, and one that lives goes on when the server was away', () =>
    both(async (one, two) => {
      const release = await one.acquire('acme')
      await postgres.stop()
      await assert.rejects(two.acquire('acme'), Unavailable)
      await postgres.start()
      ;(await two.acquire('acme'))()
      release()
      ;(await one.acquire('acme'))()
    }))
  it('more packages than connections wait for their turn', () =>
    both(async (one) => {
      const names = Array.from({ length: 20 }, (_, index) => `acme-${String(index)}`)
      await Promise.all(names.map(async (name) => { (await one.acquire(name))() }))
    }))
})
