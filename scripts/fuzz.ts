/**
 * The long run of the fuzzer: `node scripts/fuzz.ts [target…] [--minutes N] [--seed S]`.
 * Inputs that reach something new join test/fuzz/corpus/, inputs that break a promise are written to test/fuzz/crashes/, where
 * the tests replay them. Exits 1 when there was one.
 */
import { parseArgs } from 'node:util'
import { fits, store } from '../test/fuzz/corpus.ts'
import { Coverage } from '../test/fuzz/coverage.ts'
import { fuzz } from '../test/fuzz/fuzzer.ts'
import { Random } from '../test/fuzz/random.ts'
import { TARGETS } from '../test/fuzz/targets.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' }, help: { type: 'boolean', default: false } },
})
const names = TARGETS.map(({ name }) => name)
const unknown = positionals.filter((name) => !names.includes(name))
const minutes = Number(values.minutes)
if (values.help || unknown.length > 0 || !(minutes > 0)) {
  console.log(`usage: node scripts/fuzz.ts [target…] [--minutes N] [--seed S]\ntargets: ${names.join(', ')}`)
  process.exit(values.help ? 0 : 2)
}

const seed = Number(values.seed ?? Date.now() % 2 ** 31)
const chosen = TARGETS.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
console.log(`seed ${seed}, ${minutes} minutes over ${chosen.length} targets`)
let broken = 0
for (const target of chosen) {
  const coverage = new Coverage()
  coverage.start()
  const started = performance.now()
  const end = started + (minutes * 60_000) / chosen.length
  const { iterations, findings, discoveries } = await fuzz(target, new Random(seed), () => performance.now() > end, coverage)
  const seconds = (performance.now() - started) / 1000
  const { covered, total } = coverage.share(target.covers)
  coverage.stop()
  const kept = discoveries.filter((input) => {
    const room = fits(target.name, input, target.longest === undefined ? undefined : target.longest / 4)
    if (room) store('corpus', target.name, input)
    return room
  })
  const share = total === 0 ? '' : `, ${((100 * covered) / total).toFixed(1)} % of ${target.covers.length} files`
  console.log(`${target.name}: ${iterations} inputs, ${Math.round(iterations / seconds)}/s${share}, ${discoveries.length} new (${kept.length} kept)`)
  for (const { input, what } of findings) console.log(`  ${what}\n  ${store('crashes', target.name, input)}`)
  broken += findings.length
}
process.exit(broken === 0 ? 0 : 1)
