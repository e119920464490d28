/**
 * Every client through everything an organisation does with a mirror. All of them with CI=true or CLIENTS=all, else the few below;
 * CLIENTS=npm10,yarn1 runs these.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import pLimit from 'p-limit'
import { temporaryDirectory } from '../support/process.ts'
import { CLIENTS, type Client } from './support/clients.ts'
import { blockOf, documentOf } from './support/document.ts'
import { assertSeen } from './support/expected.ts'
import { installedDigest, pinnedDigest } from './support/programs.ts'
import { SCENARIOS, Trial } from './support/scenarios.ts'
import { World } from './support/world.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
const DOCUMENT = path.join(ROOT, 'docs/clients.md')
const EVERYDAY = 'npm12,pnpm12,bun'
/** Clients at work at one time: most of what each does is its own start-up. */
const AT_ONCE = 3
const MINUTES = 60_000

const inCI = process.env.CI === 'true'
const asked = process.env.CLIENTS ?? (inCI ? 'all' : EVERYDAY)
const chosen = asked === 'all' ? CLIENTS : CLIENTS.filter(({ id }) => asked.split(',').includes(id))
/** Some are binaries, and not there for every platform. */
const hasProgram = ({ program }: Client): boolean => program.every((file) => existsSync(file))

describe('clients', function () {
  this.timeout(10 * MINUTES)
  const dir = temporaryDirectory('clients-')
  let world: World | undefined
  let trials: readonly Trial[] = []
  const ended = new Map<string, Promise<void>>()
  const trialOf = async (id: string): Promise<Trial> => {
    await ended.get(id)
    return trials.find(({ client }) => client.id === id)!
  }

  before(async function () {
    if (installedDigest() !== pinnedDigest()) {
      if (inCI) throw new Error('the clients are not installed: npm run clients')
      process.stderr.write('skipped: the clients are not installed (npm run clients)\n')
      this.skip()
    }
    const here = (world = await World.start())
    trials = chosen.filter((client) => inCI || hasProgram(client)).map((client) => new Trial(client, here, dir))
    const limit = pLimit(AT_ONCE)
    const allowed = new Map(trials.map((trial) => [trial, limit(() => trial.whileAllowed())]))
    await Promise.allSettled(allowed.values())
    await here.enforceNow()
    for (const [trial, before] of allowed) {
      const after = limit(async () => {
        await before
        await trial.enforced()
      })
      after.catch(() => undefined)
      ended.set(trial.client.id, after)
    }
  })
  after(async () => {
    await Promise.allSettled(ended.values())
    await world?.close()
    rmSync(dir, { recursive: true, force: true })
  })

  for (const client of chosen)
    describe(client.title, () => {
      before(function () {
        if (inCI || hasProgram(client)) return
        process.stderr.write(`skipped: ${client.title} is not installed on this platform\n`)
        this.skip()
      })
      for (const { id, title } of SCENARIOS)
        it(`${title} [${id}]`, async () => {
          const { results } = await trialOf(client.id)
          assertSeen(id, client, results.get(id)!)
        })
    })

  describe('docs/clients.md', () => {
    if (process.env.CLIENTS_DOCS === 'write')
      it('is written', async () => {
        writeFileSync(DOCUMENT, documentOf(await Promise.all(chosen.map(({ id }) => trialOf(id)))))
      })

    for (const client of chosen)
      it(`shows what ${client.title} shows (npm run clients:docs)`, async function () {
        if (!trials.some((trial) => trial.client === client)) this.skip()
        const document = readFileSync(DOCUMENT, 'utf8')
        const trial = await trialOf(client.id)
        for (const { id } of SCENARIOS) {
          const block = blockOf(id, trial)
          assert.ok(block === undefined || document.includes(block), `${id}:\n${block ?? ''}`)
        }
      })
    if (chosen.length === CLIENTS.length)
      it('is what was seen, all of it (npm run clients:docs)', async () => {
        assert.equal(readFileSync(DOCUMENT, 'utf8'), documentOf(await Promise.all(chosen.map(({ id }) => trialOf(id)))))
      })
    it('the README names the versions that were tested', () => {
      const readme = readFileSync(path.join(ROOT, 'README.md'), 'utf8')
      for (const { title } of CLIENTS) assert.ok(readme.includes(title), title)
    })
  })
})
