/** kill -9 at every point of a write: what was promised is there, and what is there is whole. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { hash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pLimit from 'p-limit'
import { PackumentThreads } from '../../plugin/threads/pool.ts'
import { PackumentCache } from '../../plugin/upstream/packument-cache.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import {
  BATCH, DOCUMENT, KEY, LEDGER_STEPS, NAME, OTHER_TARBALL, PACKUMENTS, REGISTRY_URL, TARBALL, WHEN, factsOf, openStores, sha512Of,
} from '../support/killed-stores.ts'
import { NO_AGE } from '../support/mirror.ts'
import { PrivateSigstore, REGISTRY } from '../support/private-sigstore.ts'
import { isBuilt, serveProcess, temporaryDirectory, type MirrorProcess } from '../support/process.ts'

const WRITER = path.join(import.meta.dirname, '../support/killed-writer.ts')

interface Killed {
  /** Where it stood. */
  readonly at: string
  readonly promised: ReadonlySet<string>
}

/** What the writer said: until its n-th point, where it is killed, or to its end with 0. */
function written(dir: string, n: number): Promise<readonly string[]> {
  mkdirSync(dir)
  const child = spawn(process.execPath, ['--no-warnings', WRITER, dir, String(n)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
    if (/^at .*\n/m.test(output)) child.kill('SIGKILL')
  })
  return new Promise((resolve) => {
    child.on('close', () => { resolve(output.trim().split('\n')) })
  })
}

const filesIn = (dir: string): readonly string[] =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))

async function checkWhatIsLeft(dir: string, { at, promised }: Killed): Promise<void> {
  const where = `killed ${at}`
  // Before anything opens the directory: no file has a digest for a name that is not its own.
  for (const [folder, algorithm] of [['tarballs', 'sha512'], ['documents', 'sha256']] as const)
    for (const file of filesIn(path.join(dir, 'cache', folder)))
      assert.equal(hash(algorithm, readFileSync(file)), path.basename(file), `${where}: a file that is not its name`)

  const { ledger, bytes, facts, packuments } = await openStores(dir)
  try {
    assert.deepEqual(filesIn(path.join(dir, 'cache', 'tmp')), [], `${where}: temporary files are removed at the start`)
    for (const { label, isThere } of LEDGER_STEPS)
      if (promised.has(`ledger ${label}`)) assert.ok(isThere(ledger), `${where}: the ledger lost ${label}`)
    assert.ok([0, BATCH.length].includes(BATCH.filter((version) => ledger.records(REGISTRY_URL, NAME).has(version)).length), `${where}: half a batch`)
    if (ledger.resets('gone').length > 0) assert.equal(ledger.records(REGISTRY_URL, 'gone').size, 0, `${where}: half a reset`)
    const document = await bytes.get(hash('sha256', DOCUMENT))
    if (promised.has('document')) assert.deepEqual(document && Buffer.from(document), DOCUMENT, where)
    const tarball = await bytes.tarball(sha512Of(TARBALL))
    if (promised.has('tarball')) assert.ok(tarball, where)
    assert.equal(await bytes.tarball(sha512Of(OTHER_TARBALL)), undefined, where)
    const known = await facts.load('scope')
    for (const key of known.keys()) assert.deepEqual(known.get(key), factsOf(key).get(key), where)
    if (promised.has('facts')) assert.equal(known.size, 2, where)
    checkPackument(await packuments.load(KEY, NAME), promised, where)
    // It can go on: everything that was begun can be done.
    for (const { label, write, isThere } of LEDGER_STEPS) {
      write(ledger)
      assert.ok(label === 'reset' || isThere(ledger), where)
    }
    assert.equal(await bytes.put(DOCUMENT), hash('sha256', DOCUMENT))
  } finally {
    await bytes.close()
    await facts.close()
    ledger.close()
  }
  await checkOrphans(path.join(dir, 'cache', 'packuments'), where)
  const database = new DatabaseSync(path.join(dir, 'ledger.db'))
  assert.deepEqual({ ...database.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' }, where)
  database.close()
}

/** What was not finished goes once it is old enough to be nobody's: another process may be writing a young one. */
async function checkOrphans(dir: string, where: string): Promise<void> {
  const old = new Date(Date.now() - 2 * 3_600_000)
  for (const file of filesIn(dir)) if (file.endsWith('.tmp')) utimesSync(file, old, old)
  await PackumentCache.open({ dir, reader: new PackumentThreads() })
  assert.deepEqual(filesIn(dir).filter((file) => file.endsWith('.tmp')), [], where)
}

/** Whole, or not there; never the older answer once the newer was promised. */
function checkPackument(found: Awaited<ReturnType<PackumentCache['load']>>, promised: ReadonlySet<string>, where: string): void {
  const [older, newer] = PACKUMENTS
  if (found !== undefined) {
    const stored = [older, newer].find(({ known }) => known.head.digest === found.head.digest)
    assert.deepEqual(found.packument.raw, stored?.known.packument.raw, where)
    assert.ok([WHEN.first, WHEN.confirmed].some((time) => time.getTime() === found.confirmedAt.getTime()), where)
  }
  if (promised.has('packument') && !promised.has('confirmed')) assert.ok(found === undefined || found.head.digest === newer.known.head.digest, where)
  if (promised.has('confirmed')) assert.equal(found?.confirmedAt.getTime(), WHEN.confirmed.getTime(), where)
}

function serve(dir: string, { url, sigstore }: FakeRegistry): Promise<MirrorProcess> {
  writeFileSync(path.join(dir, 'root.json'), JSON.stringify(sigstore.trustedRoot()))
  writeFileSync(path.join(dir, 'keys.json'), JSON.stringify(sigstore.registryKeys()))
  return serveProcess(dir, {
    policy: NO_AGE,
    uplinks: { fake: { url, maxage: '0s', staleFor: '0s', trust: { registry: REGISTRY, registryKeys: './keys.json' } } },
    trust: { trustedRoot: './root.json' },
  })
}

describe('kill -9', function () {
  this.timeout(60_000)

  describe('of a process that writes to the stores: no promised entry is lost, no file is not its name', () => {
    let root: string
    let output: readonly string[]
    /** Every place where a write can be cut, by number. */
    let points: ReadonlyMap<number, string>

    before(async () => {
      root = mkdtempSync(path.join(tmpdir(), 'killed-'))
      output = await written(path.join(root, 'whole'), 0)
      const found = output.map((line) => /^point (\d+) (.*)$/.exec(line)).filter((match) => match !== null)
      points = new Map(found.map(([, number, where]) => [Number(number), where!]))
    })
    after(() => {
      rmSync(root, { recursive: true, force: true })
    })

    it('every kind of write is cut: a store that writes by another call has to be looked at again', () => {
      assert.match(output.at(-1) ?? '', /^done/)
      const kinds = new Set(points.values())
      for (const kind of ['before rename', 'before sync', 'inside write', 'inside writeFile', 'before run', 'before exec']) assert.ok(kinds.has(kind), kind)
    })

    it('as the files are at each point', async () => {
      for (const [number, where] of points) {
        const promised = new Set(output.slice(0, output.indexOf(`point ${String(number)} ${where}`)))
        await checkWhatIsLeft(path.join(root, 'whole.at', String(number)), { at: `${String(number)} ${where}`, promised })
      }
    })

    it('as SIGKILL leaves them, at one point of each kind', async () => {
      const limit = pLimit(availableParallelism())
      const numbers = [...new Map([...points].map(([number, where]) => [where, number])).values()]
      await Promise.all(
        numbers.map((number) =>
          limit(async () => {
            const dir = path.join(root, `killed-${String(number)}`)
            const lines = await written(dir, number)
            const at = lines.at(-1) ?? ''
            assert.match(at, /^at /)
            await checkWhatIsLeft(dir, { at, promised: new Set(lines) })
          }),
        ),
      )
    })
  })

  it('of a mirror that downloads a tarball: the next one has no part of it, and serves it whole', async function () {
    if (!isBuilt()) {
      process.stderr.write('skipped: not built\n')
      this.skip()
    }
    const registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    const dir = temporaryDirectory('killed-mirror-')
    let mirror: MirrorProcess | undefined
    try {
      mirror = await serve(dir, registry)
      const genuine = registry.publish({ name: 'widget', version: '1.0.0', files: { 'package/big.js': Buffer.alloc(200_000, 'x') } })
      const where = '/widget/-/widget-1.0.0.tgz'
      assert.equal((await fetch(`${mirror.url}/widget`)).status, 200)
      // Half of the bytes, and then nothing: killed as soon as they were sent.
      const half = new Promise<void>((resolve) => {
        registry.behave(where, (response) => {
          response.writeHead(200, { 'content-length': String(genuine.tarball.length) })
          response.write(genuine.tarball.subarray(0, genuine.tarball.length / 2), () => { resolve() })
        }, { times: 1 })
      })
      const broken = fetch(`${mirror.url}${where}`).then(() => 'answered', () => 'broken off')
      await half
      await mirror.kill()
      assert.equal(await broken, 'broken off')
      assert.deepEqual(filesIn(path.join(dir, 'cache', 'tarballs')), [])

      mirror = await serve(dir, registry)
      assert.deepEqual(filesIn(path.join(dir, 'cache', 'tmp')), [])
      const answer = await fetch(`${mirror.url}${where}`)
      assert.equal(answer.status, 200)
      assert.deepEqual(Buffer.from(await answer.arrayBuffer()), genuine.tarball)
      // What the killed one had verified, the next one remembers: other bytes are other bytes.
      registry.publish({ name: 'widget', version: '1.0.0', files: { 'package/other.js': '1' } })
      const { reasons } = (await (await fetch(`${mirror.url}${where}`)).json()) as { reasons: { code: string }[] }
      assert.deepEqual(reasons.map(({ code }) => code), ['integrity-changed'])
    } finally {
      await mirror?.stop()
      await registry.close()
      rmSync(dir, { recursive: true, force: true })
    }
  })
})
