/**
 * What a part of 150 facts (of 50 versions: signature, attestations, tarball) costs in each storage: written as new, and read by a mirror that
 * has none of it in memory. CPU of this process; the servers' own is not in it. Redis and PostgreSQL are real ones on this machine.
 */
import { FactCache } from '../plugin/store/facts.ts'
import type { StoredFact } from '../plugin/domain/ports.ts'
import { FACT_STORES, keysOf } from '../test/support/fact-stores.ts'

const ROUNDS = 5
const PARTS = 60
const TOGETHER = 4
const hex = (seed: number, length: number): string => (BigInt(seed + 7) ** 9n).toString(16).padEnd(length, '0').slice(0, length)

function part(number: number): ReadonlyMap<string, StoredFact> {
  const facts = new Map<string, StoredFact>()
  for (let version = 0; version < 50; version++) {
    const seed = number * 50 + version
    facts.set(`signature:${hex(seed, 64)}`, { anchors: [hex(1, 64)], value: [{ state: 'verified', facts: { keyid: `SHA256:${hex(2, 43)}`, integrity: `sha512-${hex(seed, 86)}==` } }] })
    facts.set(`attestations:${hex(seed, 64)}`, {
      anchors: [hex(1, 64), hex(2, 64), hex(3, 64), hex(4, 64)],
      value: [{ state: 'verified', facts: { name: 'widget', version: `1.${String(version)}.0` } }, { state: 'verified', facts: { predicateType: 'https://slsa.dev/provenance/v1', loggedAt: '2026-01-01T00:00:00.000Z', identity: { repository: 'https://github.example/acme/widget', commit: hex(seed, 40), workflow: '.github/workflows/release.yml', ref: `refs/tags/v1.${String(version)}.0`, run: `https://github.example/acme/widget/actions/runs/${hex(seed, 10)}`, runner: 'hosted', more: 'x'.repeat(300) } } }],
    })
    facts.set(`tarball:${hex(seed, 64)}`, { anchors: [], value: { manifest: { name: 'widget', version: `1.${String(version)}.0`, dependencies: Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`dependency-${String(index)}`, '^1.2.3'])), scripts: { test: 'node --test' }, bin: { widget: './cli.js' } } } })
  }
  return facts
}

const parts = Array.from({ length: PARTS }, (_, number) => part(number))
const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN

async function timed(work: (number: number) => Promise<unknown>): Promise<{ readonly rate: number; readonly cpu: number }> {
  const [began, cpu] = [performance.now(), process.cpuUsage()]
  for (let from = 0; from < PARTS; from += TOGETHER) await Promise.all(Array.from({ length: TOGETHER }, (_, index) => work(from + index)))
  const used = process.cpuUsage(cpu)
  return { rate: PARTS / ((performance.now() - began) / 1000), cpu: (used.user + used.system) / 1000 / PARTS }
}

console.log('| storage | added a second | CPU, ms | loaded a second | CPU, ms |\n|---|---|---|---|---|')
for (const kindOf of FACT_STORES) {
  const kind = kindOf()
  if (!kind.isThere() || kind.title.startsWith('Valkey')) continue
  await kind.before()
  const [added, loaded]: [Awaited<ReturnType<typeof timed>>[], Awaited<ReturnType<typeof timed>>[]] = [[], []]
  for (let round = 0; round < ROUNDS; round++) {
    const place = await kind.place()
    const options = kind.title.startsWith('SQLite') ? {} : { shared: { keys: keysOf('k1'), clock: { now: () => new Date() } } }
    const [writer, reader] = [new FactCache({ storage: await place.connect(), ...options }), new FactCache({ storage: await place.connect(), memory: 1, ...options })]
    added.push(await timed(async (number) => {
      await writer.add(`package ${String(number)}`, parts[number] ?? new Map())
      if (number % TOGETHER === TOGETHER - 1) await writer.settled()
    }))
    await writer.settled()
    loaded.push(await timed((number) => reader.load(`package ${String(number)}`)))
    await reader.close()
    await writer.close()
  }
  await kind.after()
  const show = (of: readonly { readonly rate: number; readonly cpu: number }[]): string => `${median(of.map(({ rate }) => rate)).toFixed(0)} | ${median(of.map(({ cpu }) => cpu)).toFixed(2)}`
  console.log(`| ${kind.title} | ${show(added)} | ${show(loaded)} |`)
}
